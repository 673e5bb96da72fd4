"""The door for Docker: a client of this machine's engine, and what the engine says as problems."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bootstrap.problems.catalogue import problem, recognise
from bootstrap.problems.problem import Problem, ProblemsFound

if TYPE_CHECKING:
    from docker import DockerClient

LOOPBACK = ("127.0.0.1", "localhost", "::1")
ANSWER_TIMEOUT_S = 60  # that the engine may leave a call without an answer
NAMES = ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")
ANY_VERSION = "1.44"  # for a client that is not asked anything


def direct(**params: Any) -> "DockerClient":
    """A client that finds the engine at that address, as the SDK takes it, and no other.

    No proxy of the user's leads to an engine on this machine, and no authority of theirs vouches for it.
    """
    from docker import APIClient, DockerClient

    class Direct(APIClient):
        def merge_environment_settings(self, *settings: Any) -> Any:
            self.trust_env = False
            return super().merge_environment_settings(*settings)

    # With a version it asks nothing yet; what asks is put in its place.
    client = DockerClient(version=ANY_VERSION, **params)
    client.api = Direct(version="auto", timeout=ANSWER_TIMEOUT_S, **params)
    return client


def connect(environ: Mapping[str, str], client_at: "Callable[..., DockerClient]" = direct) -> "DockerClient":
    """A client of the engine that DOCKER_HOST names, else of the current Docker context.

    Raises `ProblemsFound`: `docker-elsewhere` for an engine of another machine, `docker-not-running`,
    `docker-forbidden`, `docker-config-unreadable`, `docker-failed`.
    """
    from docker.utils.config import find_config_file

    with translate_errors("This machine's Docker Engine cannot be used."):
        params = _address(environ)
        try:
            return client_at(**params)
        except (ValueError, TypeError, KeyError, AttributeError):
            # docker-py rejects some configuration that the docker program accepts; any other cause is a bug.
            path = find_config_file()
            said = _rejected(Path(str(path))) if path else ""
            if not said:
                raise
            summary = f"Docker's {path!s} cannot be read."
            found = problem("docker-config-unreadable", summary, evidence=said, path=path, final=True)
            raise ProblemsFound(found) from None


def of_this_machine(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` as it leads every program to the engine of `connect`: without what a shell got from
    `minikube docker-env`, which leads to a node's. Raises `ProblemsFound` (`docker-elsewhere`) where it leads to
    another machine.
    """
    with translate_errors("This machine's Docker Engine cannot be used."):
        params = _address(environ)
    found = _outside_of_a_node(environ)
    if not found.get("DOCKER_HOST") and "base_url" in params and "tls" not in params:
        # Not every program looks for contexts, and where for them, as the SDK does.
        found.pop("DOCKER_CONTEXT", None)
        found["DOCKER_HOST"] = str(params["base_url"])
    return found


def over_tcp(environ: Mapping[str, str]) -> str:
    """The address of the engine of `connect` where it is a port of this machine; "" where it is a socket.

    Raises `ProblemsFound` (`docker-elsewhere`).
    """
    with translate_errors("This machine's Docker Engine cannot be used."):
        address = str(_address(environ).get("base_url", ""))
    scheme = urlsplit(address if "://" in address or address.startswith("/") else f"tcp://{address}").scheme
    return address if address and scheme in ("tcp", "http", "https") else ""


def _rejected(path: Path) -> str:
    """What in Docker's configuration file docker-py cannot read; "" where that is nothing."""
    from docker.auth import decode_auth

    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    if not isinstance(told, dict):
        return "it holds no JSON object"
    # docker-py takes null for no "auths", not for no "proxies".
    tables = {"auths": told.get("auths") or {}, "proxies": told.get("proxies", {})}
    for key, table in tables.items():
        if not isinstance(table, dict):
            return f"{key} is not a JSON object"
        for name, entry in table.items():
            if not isinstance(entry, dict):
                return f"{key}.{name} is not a JSON object"
    for name, entry in tables["auths"].items():
        if "auth" in entry:
            try:
                decode_auth(entry["auth"])
            except (ValueError, TypeError, AttributeError):
                return f"auths.{name}.auth is not the base64 of a name and a password"
    return ""


def _outside_of_a_node(environ: Mapping[str, str]) -> dict[str, str]:
    found = dict(environ)
    if found.pop("MINIKUBE_ACTIVE_DOCKERD", ""):
        for name in NAMES:
            found.pop(name, None)
            if before := found.pop(f"MINIKUBE_EXISTING_{name}", ""):
                found[name] = before
    return found


def _address(environ: Mapping[str, str]) -> dict[str, Any]:
    """Where the engine is, as the SDK takes it."""
    from docker.context import ContextAPI
    from docker.utils import kwargs_from_env

    # An empty mapping would be read as "take the one of this process".
    told = {"": "", **_outside_of_a_node(environ)}
    params: dict[str, Any] = {**kwargs_from_env(environment=told)}
    named_by = "DOCKER_HOST"
    if "base_url" not in params:
        named_by = "The current Docker context"
        params = {**ContextAPI.kwargs_from_context(environment=told), **params}
    address = str(params.get("base_url", ""))
    if is_local(address):
        return params
    summary = f"{named_by} does not point to a Docker Engine of this machine: {address}"
    raise ProblemsFound(problem("docker-elsewhere", summary, final=True))


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
def translate_errors(summary: str, away: Callable[[str], Problem] | None = None, /, **facts: object) -> Iterator[None]:
    """Raises what the engine or the way to it refuses inside as `ProblemsFound`: a known problem, else `docker-failed`.

    `away` names an engine that does not answer and is not this machine's own.
    """
    from docker.errors import APIError, DockerException

    try:
        yield
    except APIError as error:
        raise refused(str(error), summary, "run", **facts) from error
    except (DockerException, OSError) as error:
        # Nothing that an engine said: this is about the way to it.
        raise (ProblemsFound(away(str(error))) if away else refused(str(error), summary, "connect", **facts)) from error


def refused(said: str, summary: str, phase: str, **facts: object) -> ProblemsFound:
    """What the engine `said`, as the failure that it is."""
    known = recognise("docker", phase, said, summary, where="", **facts)
    return ProblemsFound(known or problem("docker-failed", summary, evidence=said, final=True))
