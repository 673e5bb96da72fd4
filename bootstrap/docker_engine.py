"""The door for Docker: a client of this machine's engine, and what the engine says as problems."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bootstrap.catalogue import problem, recognise
from bootstrap.problem import Failed

if TYPE_CHECKING:
    from docker import DockerClient

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SECONDS = 60  # that the engine may leave a call without an answer


def connect(environ: Mapping[str, str]) -> "DockerClient":
    """A client of the engine that DOCKER_HOST names, else of the current Docker context.

    Raises `Failed`: `docker-elsewhere` for an engine of another machine, `docker-not-running`, `docker-forbidden`,
    `docker-failed`.
    """
    import docker
    from docker.context import ContextAPI
    from docker.utils import kwargs_from_env

    with words("This machine's Docker Engine cannot be used."):
        # An empty mapping would be read as "take the one of this process".
        params: dict[str, Any] = {**kwargs_from_env(environment={"": "", **environ})}
        named_by = "DOCKER_HOST"
        if "base_url" not in params:
            named_by = "The current Docker context"
            params = {**ContextAPI.kwargs_from_context(environment={"": "", **environ}), **params}
        address = str(params.get("base_url", ""))
        if not is_local(address):
            raise Failed(
                problem(
                    "docker-elsewhere",
                    f"{named_by} does not point to a Docker Engine of this machine: {address}",
                    final=True,
                )
            )
        return docker.DockerClient(timeout=SECONDS, **params)


def is_local(address: str) -> bool:
    """Whether that address of an engine ("" is the default socket) is of this machine."""
    if not address or address.startswith("/"):
        return True
    try:
        parts = urlsplit(address if "://" in address else f"tcp://{address}")
    except ValueError:
        return False
    return parts.scheme in ("unix", "http+unix", "npipe") or (
        parts.scheme in ("tcp", "http", "https") and parts.hostname in LOOPBACK
    )


@contextmanager
def words(summary: str, **facts: object) -> Iterator[None]:
    """Raises what the engine or the way to it refuses inside as `Failed`: a known problem, else `docker-failed`."""
    from docker.errors import APIError, DockerException

    try:
        yield
    except (DockerException, OSError) as error:
        # Only what the engine itself answered is read as its words; the rest is about the way to it.
        phase = "run" if isinstance(error, APIError) else "connect"
        raise refused(str(error), summary, phase, **facts) from error


def refused(said: str, summary: str, phase: str, **facts: object) -> Failed:
    """What the engine `said`, as the failure that it is."""
    known = recognise("docker", phase, said, summary, where="", **facts)
    return Failed(known or problem("docker-failed", summary, evidence=said, final=True))
