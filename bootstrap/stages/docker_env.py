"""docker-env: the Docker Engine inside the node, so that images are built where they run."""

from contextlib import suppress

from bootstrap.clients.kubernetes_api import path, translate_errors
from bootstrap.core.env import Env
from bootstrap.core.stage import Stage
from bootstrap.minikube import docker_env
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound


def apply(env: Env) -> None:
    """Asks minikube for it."""
    with suppress(ProblemsFound):  # the gate asks again, and tells
        docker_env.engine(env)


def check(env: Env) -> Problem | None:
    """Whether the engine answers over TLS, and runs the containers that the API says run on the node."""
    from docker.errors import NotFound

    engine = docker_env.engine(env)
    with translate_errors("The pods of kube-system cannot be listed."):
        pods = env.cluster.items(path("v1", "pods", "kube-system"))
    running = docker_env.containers(pods)
    if not running:
        return problem("docker-env-unproven", f"No pod of kube-system runs on {env.context} yet.", profile=env.context)
    with docker_env.words(env):
        for name in running:
            try:
                engine.client.api.inspect_container(name)
            except NotFound:
                continue
            return None
        return problem(
            "docker-env-elsewhere",
            f"The Docker Engine at {engine.environ['DOCKER_HOST']} is not the one in the node of {env.context}.",
            evidence=f"It has no container {', '.join(name[:12] for name in running)} of kube-system.",
            profile=env.context,
        )


def stage(needs: tuple[str, ...]) -> Stage:
    """The gate: the engine answers over TLS, and is the one in which the cluster's pods run."""
    return Stage("docker-env", needs, apply, check, waits_for="the Docker Engine in the node", timeout=60)
