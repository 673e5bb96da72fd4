"""What the manifest's types cannot say: references and conflicts. Looks at plain data, already valid by itself."""

import re
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

from bootstrap.manifest import folders
from bootstrap.manifest.lines import Location
from bootstrap.manifest.problems import Collector
from bootstrap.manifest.toml import dotted, key_text, value_text

Table = Mapping[str, Any]

RESERVED_VARIABLES = frozenset(
    {"HOST", "PORT", "APP_ID", "VERSION", "LOG_LEVEL", "DAPR_HTTP_PORT", "DAPR_GRPC_PORT", "DATABASE_URL"}
)
_URL = re.compile(r"\{url:([^{}]*)\}")


def check(data: Table, root: Path, problems: Collector, doubtful: Set[Location]) -> None:
    """Report every broken reference and conflict. `doubtful`: places that have a problem of their own."""
    topics: Table | None = data.get("topics")
    services: Table | None = data.get("services")
    if topics is not None:
        _dead_letters(topics, problems)
    if services is None:
        return
    unsure = {location[1] for location in doubtful if location[0] == "services" and len(location) > 1}
    for name, service in services.items():
        for key in ("publishes", "subscribes"):
            _references(name, service, key, "topic", topics, problems)
        _references(name, service, "invokes", "service", services, problems)
        _app_ids(name, service, services, problems, unsure)
        _variables(name, service, services, problems, unsure)
        folders.check(name, service, root, problems)
    _unique(data, services, problems)


def _dead_letters(topics: Table, problems: Collector) -> None:
    told: set[str] = set()
    for name, topic in topics.items():
        target = topic.get("dead_letter")
        if target is not None and target not in topics:
            problems.reference(("topics", name, "dead_letter"), target, "topic", topics.keys() - {name})
            continue
        seen = [name]
        while target is not None and target not in seen:
            seen.append(target)
            target = topics.get(target, {}).get("dead_letter")
        if target == name and name not in told:
            told.update(seen)
            problems.conflict(
                ("topics", name, "dead_letter"),
                f"The dead letters of topic {key_text(name)} come back: {' → '.join(map(key_text, [*seen, name]))}.",
                "A message that nobody can handle would go round for ever.",
            )


def _references(name: str, service: Table, key: str, kind: str, known: Table | None, problems: Collector) -> None:
    targets: list[str | None] = service.get(key, [])  # None: was invalid, and is reported already
    for index, target in enumerate(targets):
        location: Location = ("services", name, key, index)
        if target is None:
            continue
        if target in targets[:index]:
            problems.conflict(
                location, f"{dotted(('services', name))}.{key} names {key_text(target)} twice.", "Once is enough."
            )
        elif known is not None and target not in known:
            problems.reference(location, target, kind, known)


def _app_ids(name: str, service: Table, services: Table, problems: Collector, unsure: Set[str | int]) -> None:
    for index, target in enumerate(service.get("invokes", [])):
        if target in services and target not in unsure and "app_id" not in services[target]:
            problems.conflict(
                ("services", name, "invokes", index),
                f"{dotted(('services', name))} invokes {key_text(target)}, which has no app_id.",
                "Dapr finds the services that it calls by their app id.",
                remedy=f"# add under [{dotted(('services', target))}]:\napp_id = {value_text(target)}",
            )
    wants = [key for key in ("publishes", "subscribes", "invokes", "state") if service.get(key)]
    if wants and name not in unsure and "app_id" not in service:
        problems.conflict(
            ("services", name),
            f"{dotted(('services', name))} has {' and '.join(wants)}, but no app_id.",
            "That goes through a Dapr sidecar, and only a service with an app id gets one.",
            remedy=f"# add under [{dotted(('services', name))}]:\napp_id = {value_text(name)}",
        )


def _variables(name: str, service: Table, services: Table, problems: Collector, unsure: Set[str | int]) -> None:
    for variable, value in service.get("env", {}).items():
        location: Location = ("services", name, "env", variable)
        if variable in RESERVED_VARIABLES:
            problems.conflict(
                location,
                f"{dotted(('services', name))}.env sets {variable}, which is reserved.",
                f"The environment itself sets {', '.join(sorted(RESERVED_VARIABLES))}.",
            )
        for target in _URL.findall(value):
            if target not in services:
                problems.reference(location, target, "service", services)
            elif target not in unsure and "node_port" not in services[target]:
                taken = {other.get("node_port") for other in services.values()}
                free = next(port for port in range(30080, 32768) if port not in taken)
                problems.conflict(
                    location,
                    f"{dotted(location)} wants the URL of {key_text(target)}, which has no node_port.",
                    "A browser reaches a service of a cluster by its node port only.",
                    remedy=f"# add under [{dotted(('services', target))}]:\nnode_port = {free}",
                )


def _unique(data: Table, services: Table, problems: Collector) -> None:
    listeners: Table = data.get("broker", {}).get("listeners", {})
    ports: list[tuple[Location, Any]] = [(("broker", "listeners", k), port) for k, port in listeners.items()]
    for key in ("port", "node_port", "app_id", "path"):
        values = [(("services", n, key), service[key]) for n, service in services.items() if key in service]
        owners: dict[object, Location] = {}
        for location, value in [*ports, *values] if key == "port" else values:
            owner = owners.setdefault(value, location)
            if owner != location:
                problems.conflict(
                    location,
                    f"{dotted(location)} is {value}, and so is {dotted(owner)}.",
                    f"No two can have the same {key.replace('_', ' ')}.",
                    instead=_another(location, value, {v for _, v in [*ports, *values]}),
                )


def _another(location: Location, value: object, taken: Set[object]) -> object:
    if isinstance(value, int):
        return next(port for port in (*range(value + 1, 65536), *range(1024, value)) if port not in taken)
    return f"services/{location[1]}" if location[-1] == "path" else location[1]
