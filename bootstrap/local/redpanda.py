"""Redpanda as a container of this machine's Docker Engine: what it is to be, and what is there."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bootstrap.env import Env, owner_of
from bootstrap.manifest import Manifest

if TYPE_CHECKING:
    from docker.models.containers import Container

OWNER, SPEC = "inv.owner", "inv.spec"
KAFKA = "9092/tcp"
# What of the container's memory Redpanda gives itself; the rest is for its code, its stacks and page tables.
HEAP = 0.8


def name(manifest: Manifest) -> str:
    """Of the container and of its volume. Two checkouts never meet."""
    return f"{manifest.name}-redpanda-{owner_of(manifest.root)}"


def wanted(env: Env) -> dict[str, Any]:
    """The container as it is to be: what `docker create` gets. Its label says whether one that is there is the same."""
    port, broker = env.ports.all()["broker"], env.manifest.broker
    memory = f"{broker.memory_mb}m"
    settings: dict[str, Any] = {
        "name": name(env.manifest),
        "image": broker.image,
        "command": [
            *("redpanda", "start", "--mode", "dev-container", "--node-id", "0"),
            *("--smp", "1", "--memory", f"{int(broker.memory_mb * HEAP)}M"),
            *("--kafka-addr", "host://0.0.0.0:9092", "--advertise-kafka-addr", f"host://127.0.0.1:{port}"),
            # One broker speaks to itself alone; its container's address changes with every new container.
            *("--rpc-addr", "127.0.0.1:33145", "--advertise-rpc-addr", "127.0.0.1:33145"),
        ],
        "ports": {KAFKA: ("127.0.0.1", port)},
        "volumes": {name(env.manifest): {"bind": "/var/lib/redpanda/data", "mode": "rw"}},
        "mem_limit": memory,
        "memswap_limit": memory,
        "log_config": {"type": "json-file", "config": {"max-size": "10m", "max-file": "2"}},
    }
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
    return {**settings, "labels": {**labels(env), SPEC: digest}}


def labels(env: Env) -> dict[str, str]:
    """What marks a container or a volume as this checkout's."""
    return {OWNER: owner_of(env.root)}


def find(env: Env) -> "Container | None":
    """The container of that name, whoever made it. Raises what the SDK raises."""
    from docker.errors import NotFound

    try:
        return env.docker.containers.get(name(env.manifest))
    except NotFound:
        return None


def find_ours(env: Env) -> "Container | None":
    """The container, when this checkout made it."""
    container = find(env)
    return container if container is not None and is_ours(env, container) else None


def is_ours(env: Env, container: "Container") -> bool:
    return container.labels.get(OWNER) == owner_of(env.root)


def is_stale(env: Env, container: "Container") -> bool:
    """Whether it was made with other settings than the ones of now."""
    return bool(container.labels.get(SPEC) != wanted(env)["labels"][SPEC])


def published(container: "Container") -> list[str]:
    """The addresses ("127.0.0.1:9092") of this machine at which its Kafka port is published."""
    bindings = container.attrs["NetworkSettings"]["Ports"].get(KAFKA) or []
    return [f"{binding['HostIp']}:{binding['HostPort']}" for binding in bindings]


def holds_port(env: Env) -> bool:
    """Whether our container runs and holds the port that was decided on."""
    container = find_ours(env)
    if container is None or container.status != "running":
        return False
    return f"127.0.0.1:{env.ports.all().get('broker')}" in published(container)


def facts(env: Env) -> dict[str, Any]:
    """The container for `status`: whether it runs, its id, and since when, in seconds since the epoch."""
    container = find_ours(env)
    if container is None or container.status != "running":
        return {"running": False, "container": container.short_id if container else None, "started": None}
    started = datetime.fromisoformat(container.attrs["State"]["StartedAt"]).timestamp()
    return {"running": True, "container": container.short_id, "started": started}


def tail(container: "Container", lines: int = 25) -> str:
    """The last lines that it printed."""
    return container.logs(tail=lines).decode(errors="replace")


def lines_of(container: "Container", last: int, follow: bool) -> Iterator[str]:
    """The `last` lines that it printed and, with `follow`, those to come for as long as it runs."""
    if not follow:
        yield from tail(container, last).splitlines()
        return
    rest = b""
    with closing(container.logs(stream=True, follow=True, tail=last)) as chunks:
        for chunk in chunks:
            *whole, rest = (rest + chunk).split(b"\n")
            yield from (text.decode(errors="replace").rstrip("\r") for text in whole)
    if rest:
        yield rest.decode(errors="replace")
