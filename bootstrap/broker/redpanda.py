"""Redpanda as a container of this machine's Docker Engine: what it is to be, and what is there.

One container for every place: programs on this machine use its `host` listener, published on loopback; pods use its
`cluster` listener at the container's own address in the cluster's network, which is published nowhere.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bootstrap.core import ports
from bootstrap.core.env import Env, owner_of
from bootstrap.manifest import Manifest
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import ProblemsFound

if TYPE_CHECKING:
    from docker.models.containers import Container

OWNER, SPEC = "inv.owner", "inv.spec"
SERVICE = "redpanda"  # the name under which pods find it, and which it advertises to them
# What of the container's memory Redpanda gives itself; the rest is for its code, its stacks and page tables.
HEAP = 0.8


def name(manifest: Manifest) -> str:
    """Of the container and of its volume. Two checkouts never meet."""
    return f"{manifest.name}-redpanda-{owner_of(manifest.root)}"


def port(env: Env) -> int:
    """Its port on this machine's loopback: the decided one, and where none was decided yet the wanted one."""
    return env.ports.all().get("broker", env.manifest.broker.listeners.host)


def decide_port(env: Env, held: bool) -> None:
    """Keeps its port when it is `held` (by our own container); else decides for the wanted one, or a free one, and
    says so. Raises `ProblemsFound` (`no-free-port`, `state-not-writable`).
    """
    before, first = env.ports.all(), env.manifest.broker.listeners.host
    try:
        # The ports of other purposes stay as they were decided.
        env.ports.decide({**before, "broker": first}, lambda purpose: held or purpose != "broker")
    except OSError as error:
        summary = f"{env.local} cannot be written."
        raise ProblemsFound(
            problem("state-not-writable", summary, evidence=str(error), path=env.state, final=True)
        ) from error
    kept = before.get("broker", first)
    if port(env) != kept:
        env.notify(f"broker: port {kept} is taken by {ports.holder(kept)}; it gets {port(env)}")


def wanted(env: Env) -> dict[str, Any]:
    """The container as it is to be: what `docker create` gets. Its label says whether one that is there is the same."""
    broker = env.manifest.broker
    host, cluster, memory = broker.listeners.host, broker.listeners.cluster, f"{broker.memory_mb}m"
    settings: dict[str, Any] = {
        "name": name(env.manifest),
        "image": broker.image,
        "command": [
            *("redpanda", "start", "--mode", "dev-container", "--node-id", "0"),
            # That mode lets clients create topics by asking for them, with other partitions than the declared ones.
            *("--set", "redpanda.auto_create_topics_enabled=false"),
            # It also trades what was acknowledged for speed: a power cut could leave a volume that never starts again.
            *("--unsafe-bypass-fsync=false", "--set", "redpanda.write_caching_default=false"),
            # It would tell its maker how it is used, and use what asks for a licence after 30 days.
            *("--set", "redpanda.enable_metrics_reporter=false"),
            *("--set", "redpanda.partition_autobalancing_mode=node_add"),
            *("--set", "redpanda.core_balancing_continuous=false"),
            *("--smp", "1", "--memory", f"{int(broker.memory_mb * HEAP)}M"),
            *("--kafka-addr", f"host://0.0.0.0:{host},cluster://0.0.0.0:{cluster}"),
            *("--advertise-kafka-addr", f"host://127.0.0.1:{port(env)},cluster://{SERVICE}:{cluster}"),
            # One broker speaks to itself alone; its container's address changes with every new container.
            *("--rpc-addr", "127.0.0.1:33145", "--advertise-rpc-addr", "127.0.0.1:33145"),
        ],
        "ports": {f"{host}/tcp": ("127.0.0.1", port(env))},
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
    """The addresses ("127.0.0.1:9092") of this machine at which any port of it is published."""
    found = container.attrs["NetworkSettings"]["Ports"].values()
    return [f"{one['HostIp']}:{one['HostPort']}" for bindings in found for one in bindings or ()]


def address(container: "Container", network: str) -> str:
    """Its address in that network; "" when it has none."""
    found = container.attrs["NetworkSettings"]["Networks"].get(network) or {}
    return str(found.get("IPAddress") or "")


def is_cut_off(env: Env, container: "Container") -> bool:
    """Whether a network that it was connected to was deleted since: the engine cannot start it then."""
    from docker.errors import NotFound

    try:
        for network in container.attrs["NetworkSettings"]["Networks"].values():
            if network.get("NetworkID"):
                env.docker.networks.get(network["NetworkID"])
    except NotFound:
        return True
    return False


def holds_port(env: Env) -> bool:
    """Whether our container runs and holds the port that was decided on."""
    container = find_ours(env)
    if container is None or container.status != "running":
        return False
    return f"127.0.0.1:{port(env)}" in published(container)


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
