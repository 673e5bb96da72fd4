"""cluster: a Kubernetes of this environment's own, on minikube."""

from bootstrap.cluster import health, namespaces, probe
from bootstrap.core.env import Env
from bootstrap.core.stage import Stage
from bootstrap.images.layout import EngineOf
from bootstrap.minikube import addons, authority, docker_env, ownership, profile, rest, settings, start, supplies
from bootstrap.problems.problem import Problem, ProblemsFound

UNREACHABLE = ("cluster-unreachable", "kubeconfig-unusable")


def apply(env: Env, engine_of: EngineOf = docker_env.engine) -> None:
    """Starts, resumes or heals the profile where needed; makes the namespaces and the probe. Raises `ProblemsFound`."""
    config, begun = profile.config(env), ownership.is_ours(env)
    ownership.claim(env, exists=config is not None or profile.remains(env))
    half_made = begun and not ownership.came_up(env)
    if config and (found := settings.check(env, config)):
        if not half_made:
            raise ProblemsFound(found)
        env.notify(f"{env.context} was begun with other settings and never came up: it is deleted and made anew.")
        profile.delete(env)
        ownership.claim(env, exists=False)
        config = None
    # minikube notes the newer version before it has it, so an upgrade that was cut short is known by the API alone.
    if config is None or settings.is_older(env, config) or not health.answers(env):
        start.bring_up(env, config, half_made)
    elif config:
        start.restart_kubelet(env, config)
    if config:
        _complete(env)
    try:
        authority.ensure_trusted(env)
        supplies.load(env, engine_of)
        addons.ensure_provisioner(env)
        namespaces.ensure(env)
        if namespaces.check(env) is None:  # nothing can be made in one that is being deleted
            probe.ensure(env)
    except ProblemsFound as failed:
        if failed.problems[0].code != "cluster-unreachable":
            raise
        # The gate waits for the API, or for the end of a namespace, and then has this done again.


def _complete(env: Env) -> None:
    """Make anew a cluster whose first start was cut short; minikube starts it again and never completes it.

    One whose gate was ever green, or in which anything has a volume, is left as it is.
    """
    try:
        if ownership.was_green(env, health.uid(env)) or not (missing := health.missing_parts(env)):
            return
        if health.holds_data(env):
            return
    except ProblemsFound:
        return  # an API that does not answer is the gate's to tell
    what = ", ".join(missing)
    env.notify(f"The first start of {env.context} was cut short, so it has no {what}: it is deleted and made anew.")
    start.make_anew(env)


def check(env: Env) -> Problem | None:
    """The first thing that is not as it must be, from the API server to a name resolved in a pod.

    That it was green is remembered, since from then on the cluster may hold data.
    """
    try:
        for look in (*health.LOOKS, namespaces.check, health.pod_security, probe.check, health.names):
            if found := look(env):
                return found
    except ProblemsFound as failed:
        if failed.problems[0].code in UNREACHABLE and (found := rest.check(env)):
            return found
        raise
    ownership.note_up(env, health.uid(env))
    return None


def stage(needs: tuple[str, ...]) -> Stage:
    """The gate: the API ready, at the pinned version; the node Ready; a default storage class, and what makes its
    volumes at work; Pod Security that refuses what breaks it; and CoreDNS answering from a pod."""
    return Stage(
        "cluster",
        needs,
        apply,
        check,
        waits_for="the cluster",
        timeout=300,  # the image of the probe may have to be pulled
        apply_timeout=2 * start.START_TIMEOUT_S + 600,
        retry_apply_on=(
            *("cluster-paused", "cluster-stopped", "cluster-node-missing", "kubelet-lost"),
            *("cni-config-missing", "namespace-missing", "namespace-not-secured", "probe-missing"),
            "storage-provisioner-missing",
        ),
    )
