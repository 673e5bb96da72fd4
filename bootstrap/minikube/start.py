"""Brings the profile up from whatever state it is in."""

from bootstrap.clients.command import Completed
from bootstrap.cluster import health
from bootstrap.core.env import Env
from bootstrap.minikube import cache, events, lost_node, node_image, ownership, profile, rest, settings, sizes
from bootstrap.problems.catalogue import problem, recognise
from bootstrap.problems.problem import ProblemsFound

START_TIMEOUT_S = 2700.0  # minikube may have to download about a GiB
GITHUB = "api.github.com/repos/kubernetes/"


def bring_up(env: Env, config: settings.Config | None, half_made: bool) -> None:
    """Starts, resumes or heals the profile, which is ours. Raises `ProblemsFound` with minikube's words.

    `half_made`: we began it in an earlier run, and it never came up; nothing in it could be lost.
    """
    _fits(env)
    if config:
        state, was_paused = rest.resume(env)
        if was_paused and state.get("Kubelet") == "Running" and health.answers(env):
            return
        if not was_paused:
            env.notify(f"The cluster {env.context} {_word(state)}: minikube starts it.")
    lost_node.prepare(env, config)
    done = _start(env)
    if done.exit and half_made and _known(done) in ("", "profile-unreadable"):
        env.notify(f"The cluster {env.context} never came up and cannot go on: it is deleted and made anew.")
        _delete(env)
        done = _start(env)
    if done.exit:
        raise _gave_up(env, done, half_made)


def make_anew(env: Env) -> None:
    """Delete the profile, which is ours and holds no data, and start a new one. Raises `ProblemsFound`."""
    _delete(env)
    done = _start(env)
    if done.exit:
        raise _gave_up(env, done, half_made=True)


def _delete(env: Env) -> None:
    profile.delete(env)
    ownership.claim(env, exists=False)


def restart_kubelet(env: Env, config: settings.Config) -> None:
    """Start the kubelet of our profile where it no longer reports to the API. Raises `ProblemsFound`.

    `minikube start` starts a kubelet that is stopped. For one that hangs, the node is stopped first. One that runs gets
    a minute to report again, because this machine may have slept.
    """
    silent_s = health.silent_s(env)
    if silent_s is None:
        return
    if profile.status(env).get("Kubelet") == "Running":
        if silent_s < health.KUBELET_TIMEOUT_S:
            return
        env.notify(f"The kubelet of {env.context} hangs: its node is started anew.")
        profile.stop(env)
    bring_up(env, config, half_made=False)


def _word(state: dict[str, object]) -> str:
    host = str(state.get("Host") or "half made")
    if host == state.get("APIServer") == "Running" and state.get("Kubelet") == "Stopped":
        return "runs without its kubelet"
    return "does not answer" if host == "Running" else f"is {host.lower()}"


def _fits(env: Env) -> None:
    from bootstrap.clients import docker_engine

    with docker_engine.translate_errors("This machine's Docker Engine does not say what it has."):
        info = env.docker.info()
    if found := sizes.problems(env.manifest, int(info.get("NCPU", 0)), int(info.get("MemTotal", 0))):
        raise ProblemsFound(found)


def _start(env: Env) -> Completed:
    """Starts it; without GitHub's word where minikube does not get it.

    minikube asks GitHub, at each start, whether there is a Kubernetes that is newer than itself. GitHub answers 60
    such questions an hour for a whole network, and offline none; environment.toml's Kubernetes is there.
    """
    node_image.remove_cut_off(env)
    supplied = cache.fill(env)
    done = _try(env, *supplied)
    if done.exit and GITHUB in events.refusal(done):
        env.notify("minikube cannot ask GitHub whether this Kubernetes exists: it goes on without.")
        return _try(env, *supplied, "--force")
    return done


def _try(env: Env, *more: str) -> Completed:
    env.minikube.mkdir(parents=True, exist_ok=True)
    # minikube gives up on one that is cut off, as by a kill while it was written; and where the API server's port has
    # moved since, it leaves one without certificates, cannot ask that API server, and may reset the whole cluster.
    env.kubeconfig.unlink(missing_ok=True)
    progress = events.Progress()

    def hear(line: str) -> None:
        if text := progress.text(line):
            env.notify(text)

    return profile.run(env, "start", *settings.arguments(env), *more, timeout=START_TIMEOUT_S, on_line=hear)


def _known(done: Completed) -> str:
    """The code of the problem that minikube's words are, or ""."""
    found = recognise("minikube", "start", events.refusal(done), "")
    return found.code if found else ""


def _gave_up(env: Env, done: Completed, half_made: bool) -> ProblemsFound:
    summary, known = f"minikube cannot start the cluster {env.context}.", _known(done)
    if known == "profile-unreadable" and not half_made:
        ownership.forget(env)  # somebody else may have left it: only the user may delete it
    if known or not ownership.came_up(env):
        return profile.failed(env, done, summary)
    shown = f"$ {done.shown}\n{events.refusal(done)}"
    return ProblemsFound(problem("cluster-broken", summary, evidence=shown, final=True, profile=env.context))
