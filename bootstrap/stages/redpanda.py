"""broker (local): Redpanda in a container of this machine's Docker Engine, on loopback; its topics in a volume."""

from typing import TYPE_CHECKING

from bootstrap.catalogue import problem
from bootstrap.command import Cancelled
from bootstrap.docker_engine import refused, words
from bootstrap.env import Env
from bootstrap.kafka import KafkaTrouble
from bootstrap.local import layout, redpanda
from bootstrap.manifest import Manifest
from bootstrap.problem import Failed, Problem
from bootstrap.stage import Stage

if TYPE_CHECKING:
    from docker.models.containers import Container

# States from which `docker start` goes on; a container in any other (paused, dead) is made anew.
STARTABLE = ("created", "exited", "running")
STOP_SECONDS = 10


def apply(env: Env) -> None:
    """Makes the container run as it is to be; the volume stays whatever happens to the container."""
    name, settings = redpanda.name(env.manifest), redpanda.wanted(env)
    facts = {"name": name, "image": settings["image"], "port": env.ports.all()["broker"]}
    with words(f"The container {name} cannot be started.", **facts):
        container = redpanda.find(env)
        if container is not None and not redpanda.is_ours(env, container):
            raise Failed(_foreign(name))
        if container is not None and (redpanda.is_stale(env, container) or container.status not in STARTABLE):
            _remove(container)
            container = None
        if container is None:
            _pull(env, settings["image"], facts)
            env.docker.volumes.create(name, labels=redpanda.labels(env))
            container = env.docker.containers.create(**settings)
        if container.status != "running":
            container.start()


def _remove(container: "Container") -> None:
    if container.status == "running":
        container.stop(timeout=STOP_SECONDS)
    container.remove(force=True)


def _pull(env: Env, image: str, facts: dict[str, object]) -> None:
    """Downloads the image unless the engine has it."""
    from docker.errors import ImageNotFound
    from docker.utils import parse_repository_tag

    try:
        env.docker.images.get(image)
        return
    except ImageNotFound:
        env.say(f"pulling {image}: once, it stays in the Docker Engine")
    repository, tag = parse_repository_tag(image)
    for line in env.docker.api.pull(repository, tag=tag, stream=True, decode=True):
        if env.cancelled.is_set():
            raise Cancelled(f"docker pull {image}")
        if "error" in line:
            raise refused(line["error"], f"The image {image} cannot be pulled.", "run", **facts)


def check(env: Env) -> Problem | None:
    name, at = redpanda.name(env.manifest), layout.bootstrap_servers(env)
    with words(f"The container {name} cannot be looked at."):
        container = redpanda.find(env)
        if container is None:
            return problem("broker-container-missing", f"There is no container {name}.", final=True)
        if not redpanda.is_ours(env, container):
            return _foreign(name)
        if redpanda.is_stale(env, container):
            return problem("broker-container-stale", f"The container {name} is not as it is to be.", final=True)
        if container.status != "running":
            return _stopped(env, container)
        actual = redpanda.published(container)
    if actual != [at]:
        return problem(
            "broker-port-not-published",
            f"The container {name} is not published on {at} alone.",
            name=name,
            port=env.ports.all()["broker"],
            actual=", ".join(actual) or "nowhere",
            final=True,
        )
    try:
        env.broker_at(at).topics([])
    except KafkaTrouble as trouble:
        return problem("broker-unreachable", f"Redpanda at {at} does not answer.", evidence=str(trouble))
    return None


def _foreign(name: str) -> Problem:
    return problem("broker-name-taken", f"The container {name} is not this checkout's.", name=name, final=True)


def _stopped(env: Env, container: "Container") -> Problem:
    state, name = container.attrs["State"], container.name
    said = "\n".join(part for part in (state.get("Error", ""), redpanda.tail(container)) if part)
    if state.get("OOMKilled"):
        return problem(
            "broker-out-of-memory",
            f"The container {name} was killed for its use of memory.",
            memory_mb=env.manifest.broker.memory_mb,
            evidence=said,
            final=True,
        )
    how = f"is {container.status}, exit code {state['ExitCode']}"
    return problem("broker-container-stopped", f"The container {name} {how}.", evidence=said, final=True)


def stop(env: Env) -> str:
    """Stops the container; returns its name, or "" when none of ours ran. An engine that is away runs none."""
    name = redpanda.name(env.manifest)
    try:
        with words(f"The container {name} cannot be stopped."):
            container = redpanda.find_ours(env)
            if container is None or container.status != "running":
                return ""
            container.stop(timeout=STOP_SECONDS)
            return name
    except Failed as failed:
        if failed.problems[0].code == "docker-not-running":
            return ""
        raise


def empty(manifest: Manifest) -> str:
    """What to type to get a broker without topics."""
    name = redpanda.name(manifest)
    return (
        "# removes all topics of the local broker with what is in them, and makes them anew:\n"
        f"./inv down\ndocker rm {name}\ndocker volume rm {name}\n./inv up --on local"
    )


def stage() -> Stage:
    """The gate: the container is ours, as it is to be, runs, is published on loopback alone, and answers Kafka."""
    return Stage("broker", ("preflight",), apply, check, waits_for="Redpanda's first answer", timeout=60)
