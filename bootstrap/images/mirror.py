"""Where an image is pulled from: its own registry, or the mirror that INV_MIRROR names."""

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from bootstrap.tools.mirrors import MIRROR

if TYPE_CHECKING:
    from bootstrap.core.env import Env

HUB = "docker.io"


def is_set(env: "Env") -> bool:
    """Whether INV_MIRROR names a mirror."""
    return bool(env.environ.get(MIRROR, "").strip("/"))


def full_name(reference: str) -> str:
    """Return the reference with its registry: `python:3.11` is `docker.io/library/python:3.11`."""
    first, slash, _ = reference.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return reference
    return f"{HUB}/{reference}" if slash else f"{HUB}/library/{reference}"


def source(env: "Env", reference: str) -> str:
    """Return what to pull: with INV_MIRROR=https://HOST/PATH it is HOST/PATH/REGISTRY/NAME:TAG."""
    if not is_set(env):
        return reference
    base = urlsplit(env.environ[MIRROR].rstrip("/"))
    return f"{base.netloc.rpartition('@')[2]}{base.path}/{full_name(reference)}"


def login(env: "Env") -> dict[str, str] | None:
    """Return the name and password in INV_MIRROR as the Docker SDK takes them; None where there are none."""
    at = urlsplit(env.environ.get(MIRROR, ""))
    if not at.username:
        return None
    return {"username": unquote(at.username), "password": unquote(at.password or "")}
