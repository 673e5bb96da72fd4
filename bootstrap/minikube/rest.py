"""Why a cluster that was started does not answer: it is paused, stopped or deleted; and how a paused one goes on."""

from typing import Any

from bootstrap.clients import docker_engine
from bootstrap.core.env import Env
from bootstrap.minikube import ownership, profile
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound

ANSWER_TIMEOUT_S = 1.0  # a paused API server takes the connection and never answers; one that runs needs milliseconds
UNPAUSE_TIMEOUT_S = 120.0


def check(env: Env) -> Problem | None:
    """Return why the cluster is at rest, or None where its API answers or nothing says that it is at rest."""
    try:
        if env.cluster.answers(ANSWER_TIMEOUT_S):
            return None
    except ProblemsFound:
        pass  # a kubeconfig without our context, as `minikube stop` leaves it
    try:
        return _why(env)
    except ProblemsFound as failed:
        return failed.problems[0]


def _why(env: Env) -> Problem | None:
    node = profile.node(env)
    if node is None and profile.status(env).get("Host") != "Running":
        return problem("cluster-node-missing", f"The cluster {env.context} is not running: its node is gone.")
    state = str(node.status) if node else ""
    if state == "paused":
        return problem("cluster-paused", f"The cluster {env.context} is paused, by `docker pause` of its node.")
    if state in ("created", "exited", "dead"):
        return problem("cluster-stopped", f"The cluster {env.context} is not running: its node is stopped.")
    if profile.status(env).get("APIServer") == "Paused":
        return problem("cluster-paused", f"The cluster {env.context} is paused, by `minikube pause`.")
    return None


def resume(env: Env) -> tuple[dict[str, Any], bool]:
    """Let a paused cluster go on. Return minikube's status of it afterwards, and whether it was paused."""
    was_paused = unpause_node(env)
    state = profile.status(env)
    if was_paused or state.get("APIServer") == "Paused":
        env.notify(f"The cluster {env.context} is paused: it goes on.")
    if state.get("APIServer") == "Paused":
        was_paused = True
        profile.run(env, "unpause", "--all-namespaces", "--output=json", timeout=UNPAUSE_TIMEOUT_S)
        state = profile.status(env)
    return state, was_paused


def stop(env: Env) -> bool:
    """Stop the cluster as `profile.stop` does, and unpause its node before: minikube cannot stop a paused one."""
    if ownership.is_ours(env):
        try:
            unpause_node(env)
        except ProblemsFound as failed:
            if failed.problems[0].code != "docker-not-running":
                raise
    return profile.stop(env)


def unpause_node(env: Env) -> bool:
    """Undo a `docker pause` of the node, which minikube cannot; return whether there was one."""
    node = profile.node(env)
    if node is None or str(node.status) != "paused":
        return False
    with docker_engine.translate_errors(f"The node of {env.context} cannot be unpaused."):
        node.unpause()
    return True
