"""Redpanda's container and volume beyond `up`: stopped, deleted, and which run of it is up."""

from contextlib import suppress
from typing import TYPE_CHECKING

from bootstrap.broker import redpanda
from bootstrap.clients.docker_engine import translate_errors
from bootstrap.core.env import Env, owner_of
from bootstrap.manifest import Manifest
from bootstrap.problems.problem import ProblemsFound

if TYPE_CHECKING:
    from docker.models.containers import Container
    from docker.models.volumes import Volume


STOP_TIMEOUT_S = 10


def remove(container: "Container") -> None:
    if container.status == "running":
        container.stop(timeout=STOP_TIMEOUT_S)
    container.remove(force=True)


def stop(env: Env) -> str:
    """Stops the container; returns its name, or "" when none of ours ran. An engine that is away runs none."""
    name = redpanda.name(env.manifest)
    try:
        with translate_errors(f"The container {name} cannot be stopped."):
            container = redpanda.find_ours(env)
            if container is None or container.status != "running":
                return ""
            container.stop(timeout=STOP_TIMEOUT_S)
            return name
    except ProblemsFound as failed:
        if failed.problems[0].code == "docker-not-running":
            return ""
        raise


def data(env: Env) -> list[str]:
    """What `purge` deletes, in words."""
    name = redpanda.name(env.manifest)
    with translate_errors(f"The volume {name} cannot be looked at."):
        container, volume = redpanda.find_ours(env), _volume(env)
    if container and volume:
        return [f"the container {name} and its volume, with all topics and everything in them"]
    found = {f"the container {name}": container, f"the volume {name}, with all topics and everything in them": volume}
    return [text for text, there in found.items() if there]


def purge(env: Env) -> list[str]:
    """Deletes the container and the volume that this checkout made; returns what they were, in words."""
    there = data(env)
    with translate_errors(f"The container {redpanda.name(env.manifest)} cannot be deleted."):
        if container := redpanda.find_ours(env):
            remove(container)
        if volume := _volume(env):
            volume.remove()
    return there


def _volume(env: Env) -> "Volume | None":
    """The volume, when this checkout made it."""
    from docker.errors import NotFound

    try:
        volume = env.docker.volumes.get(redpanda.name(env.manifest))
    except NotFound:
        return None
    return volume if (volume.attrs.get("Labels") or {}).get(redpanda.OWNER) == owner_of(env.root) else None


def running_fingerprint(env: Env) -> str:
    """Which container runs, and since when; it changes whenever the broker is started anew."""
    with suppress(ProblemsFound), translate_errors("The broker's container cannot be looked at."):
        found = redpanda.facts(env)
        return f"broker:{found['container']}:{found['started']}"
    return ""


def empty(manifest: Manifest) -> str:
    """What to type to get a broker without topics."""
    name = redpanda.name(manifest)
    return (
        "# removes all topics of the broker with everything in them, and makes them anew:\n"
        f"docker rm -f {name}\ndocker volume rm {name}\n./inv up"
    )
