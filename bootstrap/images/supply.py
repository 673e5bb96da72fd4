"""Third-party images through this machine's Docker Engine: pulled once, from the mirror if one is set, then loaded.

A new node is empty, and has neither the mirror's certificate nor its login. This machine's engine has both, and keeps
its images after `down --purge`.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bootstrap.clients.command import Cancelled
from bootstrap.clients.docker_engine import refused, translate_errors
from bootstrap.core.env import Env
from bootstrap.images import mirror
from bootstrap.images.layout import Engine
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import ProblemsFound
from bootstrap.tools.mirrors import OFFLINE, is_offline

if TYPE_CHECKING:
    from docker import DockerClient

KEEP = "INV_KEEP"


def is_used(env: Env) -> bool:
    """Whether images go through this machine's engine: INV_MIRROR, INV_OFFLINE or INV_KEEP is set."""
    return mirror.is_set(env) or is_offline(env) or env.environ.get(KEEP, "") not in ("", "0")


def has(client: "DockerClient", reference: str) -> bool:
    """Whether an engine has an image under that name. Raises what the SDK raises."""
    from docker.errors import ImageNotFound

    try:
        client.images.get(reference)
    except ImageNotFound:
        return False
    return True


def provide(env: Env, reference: str, **facts: object) -> None:
    """Make this machine's engine have an image under its own name. `facts` are for the problems of a pull.

    Raises `ProblemsFound`: `image-offline`, or what the engine says.
    """
    summary = f"The image {reference} cannot be pulled."
    at = mirror.source(env, reference)
    with translate_errors(summary, **{"image": at, **facts}):
        if has(env.docker, reference):
            return
        if is_offline(env):
            missing = f"The image {reference} is not on this machine, and {OFFLINE} is set."
            raise ProblemsFound(problem("image-offline", missing, image=reference, final=True))
        where = "" if at == reference else f" from {at}"
        env.notify(f"pulling {reference}{where}: once, it stays in the Docker Engine")
        pull(env, at, reference, **facts)


def pull(env: Env, at: str, reference: str, **facts: object) -> None:
    """Pull `at` into this machine's engine, and name it `reference`. Raises `ProblemsFound`, or what the SDK raises."""
    from docker.utils import parse_repository_tag

    repository, tag = parse_repository_tag(at)
    login = mirror.login(env)  # without it the SDK takes what `docker login` has left
    for line in env.docker.api.pull(repository, tag=tag, stream=True, decode=True, auth_config=login):
        if env.cancelled.is_set():
            raise Cancelled(f"docker pull {at}")
        if "error" in line:
            summary = f"The image {reference} cannot be pulled."
            raise refused(line["error"], summary, "run", **{"image": at, **facts})
    if at != reference:
        name, _, label = reference.rpartition(":")
        env.docker.images.get(at).tag(name, tag=label)


def load(env: Env, engine: Engine, references: Iterable[str], *, others: Iterable[str] = ()) -> None:
    """Make the node's engine have these images, and of `others` those that this machine's engine has.

    Raises `ProblemsFound`.
    """
    optional = set(others)
    for reference in (*references, *sorted(optional)):
        with translate_errors(f"The image {reference} cannot be loaded into the node.", engine.away, image=reference):
            if has(engine.client, reference):
                continue
        if reference not in optional:
            provide(env, reference)
        with translate_errors(f"The image {reference} cannot be loaded into the node.", image=reference):
            if has(env.docker, reference):
                env.notify(f"loading {reference} into the node of {env.context}")
                copy(env.docker, engine.client, reference)


def keep(env: Env, engine: Engine, reference: str) -> None:
    """Copy an image that was built in the node to this machine's engine, for a node that is made without the network.

    Raises `ProblemsFound`.
    """
    with translate_errors(f"The image {reference} cannot be copied to this machine's Docker Engine.", image=reference):
        if not has(env.docker, reference):
            copy(engine.client, env.docker, reference)
            env.notify(f"kept {reference} in this machine's Docker Engine")


def copy(source: "DockerClient", target: "DockerClient", reference: str) -> None:
    """Copy an image between engines. Raises what the SDK raises."""
    # The SDK types `data` as bytes; a generator goes over in chunks and never lies in memory as a whole.
    target.images.load(source.images.get(reference).save(named=reference))  # type: ignore[arg-type]
