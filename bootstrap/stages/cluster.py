"""cluster: a Kubernetes of this environment's own, on minikube."""

from bootstrap.cluster import health, namespaces, probe
from bootstrap.env import Env
from bootstrap.minikube import owner, profile, settings, start
from bootstrap.problem import Failed, Problem
from bootstrap.stage import Stage


def apply(env: Env) -> None:
    """Starts, resumes or heals the profile where needed; makes the namespaces and the probe. Raises `Failed`."""
    config, begun = profile.config(env), owner.is_ours(env)
    owner.claim(env, exists=config is not None or profile.remains(env))
    half_made = begun and not owner.came_up(env)
    if config and (found := settings.check(env, config)):
        if not half_made:
            raise Failed(found)
        env.say(f"{env.context} was begun with other settings and never came up: it is deleted and made anew.")
        profile.delete(env)
        owner.claim(env, exists=False)
        config = None
    # minikube notes the newer version before it has it, so an upgrade that was cut short is known by the API alone.
    if config is None or settings.is_older(env, config) or not health.answers(env):
        start.bring_up(env, config, half_made)
    try:
        namespaces.ensure(env)
        if namespaces.check(env) is None:  # nothing can be made in one that is being deleted
            probe.ensure(env)
    except Failed as failed:
        if failed.problems[0].code != "cluster-unreachable":
            raise
        # The gate waits for the API, or for the end of a namespace, and then has this done again.


def check(env: Env) -> Problem | None:
    """The first thing that is not as it must be, from the API server to a name resolved in a pod."""
    for look in (*health.LOOKS, namespaces.check, health.pod_security, probe.check, health.names):
        if found := look(env):
            return found
    return None


def stage(needs: tuple[str, ...]) -> Stage:
    """The gate: the API ready, at the pinned version; the node Ready; a default storage class; Pod Security that
    refuses what breaks it; and CoreDNS answering from a pod."""
    return Stage(
        "cluster",
        needs,
        apply,
        check,
        waits_for="the cluster",
        timeout=300,  # the image of the probe may have to be pulled
        apply_timeout=2 * start.SECONDS + 600,
        again=("namespace-missing", "namespace-not-secured", "probe-missing"),
    )
