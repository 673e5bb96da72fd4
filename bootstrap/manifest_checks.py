"""What the manifest's types cannot say: references, conflicts, folders. Looks at plain data that is already valid."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Set
from pathlib import Path
from typing import Any, Protocol

from pydantic_core import PydanticCustomError

from bootstrap.manifest_lines import Location

RESERVED_ENV = frozenset(
    {"HOST", "PORT", "APP_ID", "VERSION", "LOG_LEVEL", "DAPR_HTTP_PORT", "DAPR_GRPC_PORT", "DATABASE_URL"}
)
URL_PLACEHOLDER = re.compile(r"\{url:([^{}]*)\}")


class Add(Protocol):
    """Takes a problem. `instead` is the value to write at the location; None: remove what stands there."""

    def __call__(
        self,
        code: str,
        location: Location,
        summary: str,
        cause: str,
        *,
        instead: object = None,
        remedy: str = "",
    ) -> None: ...

    def reference(self, location: Location, name: str, kind: str, known: Set[str]) -> None:
        """Report a reference to something that the manifest does not have."""


def pinned(image: str) -> str:
    """An image reference whose tag never moves. Raises for `:latest`."""
    if image.endswith(":latest"):
        raise PydanticCustomError("unpinned", "must have a fixed tag, and latest moves")
    return image


def check(data: Mapping[str, Any], root: Path, add: Add, doubtful: Set[Location]) -> None:
    """Report every broken reference and conflict. `doubtful`: places with a problem of their own already."""
    topics: Mapping[str, Any] | None = data.get("topics")
    services: Mapping[str, Any] | None = data.get("services")
    if topics is not None:
        _dead_letters(topics, add)
    if services is None:
        return
    unsure = {location[1] for location in doubtful if location[0] == "services" and len(location) > 1}
    for name, service in services.items():
        _references(name, service, topics, services, add, unsure)
        _environment(name, service, services, add, unsure)
        _folder(name, service, root, add)
    _unique(_ports(data, services), "port", add)
    _unique(_values(services, "node_port"), "node_port", add)
    _unique(_values(services, "app_id"), "app_id", add)
    _unique(_values(services, "path", os.path.normpath), "path", add)


def _dead_letters(topics: Mapping[str, Any], add: Add) -> None:
    in_known_cycle: set[str] = set()
    for name, topic in topics.items():
        target = topic.get("dead_letter")
        location: Location = ("topics", name, "dead_letter")
        if target is None:
            continue
        if target not in topics:
            add.reference(location, target, "topic", topics.keys() - {name})
            continue
        seen = [name]
        while target is not None and target not in seen:
            seen.append(target)
            target = topics.get(target, {}).get("dead_letter")
        if target == name and name not in in_known_cycle:
            in_known_cycle.update(seen)
            add(
                "manifest-conflict",
                location,
                f"The dead letters of topic {name} come back to it: {' → '.join([*seen, name])}.",
                "A message that nobody can handle would go round for ever.",
            )


def _references(
    name: str,
    service: Mapping[str, Any],
    topics: Mapping[str, Any] | None,
    services: Mapping[str, Any],
    add: Add,
    unsure: Set[str | int],
) -> None:
    for key, kind, known in (
        ("publishes", "topic", topics),
        ("subscribes", "topic", topics),
        ("invokes", "service", services),
    ):
        targets: list[str | None] = service.get(key, [])
        for index, target in enumerate(targets):
            location: Location = ("services", name, key, index)
            if target is None:  # invalid, and reported as such
                continue
            if target in targets[:index]:
                add(
                    "manifest-conflict",
                    location,
                    f"services.{name}.{key} names {target} twice.",
                    "Once is enough.",
                )
            elif known is not None and target not in known:
                add.reference(location, target, kind, known.keys())
            elif kind == "service" and target not in unsure and "app_id" not in services[target]:
                add(
                    "manifest-conflict",
                    location,
                    f"services.{name} invokes {target}, which has no app_id.",
                    "Dapr finds the services that it calls by their app id.",
                    remedy=f'# add under [services.{target}]:\napp_id = "{target}"',
                )
    wants = [key for key in ("publishes", "subscribes", "invokes", "state") if service.get(key)]
    if wants and name not in unsure and "app_id" not in service:
        add(
            "manifest-conflict",
            ("services", name),
            f"services.{name} has {' and '.join(wants)} but no app_id.",
            "That goes through a Dapr sidecar, and only a service with an app id gets one.",
            remedy=f'# add under [services.{name}]:\napp_id = "{name}"',
        )


def _environment(
    name: str, service: Mapping[str, Any], services: Mapping[str, Any], add: Add, unsure: Set[str | int]
) -> None:
    for variable, value in service.get("env", {}).items():
        location: Location = ("services", name, "env", variable)
        if variable in RESERVED_ENV:
            add(
                "manifest-conflict",
                location,
                f"services.{name}.env sets {variable}, which is reserved.",
                f"The environment itself sets {', '.join(sorted(RESERVED_ENV))}.",
            )
        for target in URL_PLACEHOLDER.findall(value):
            if target not in services:
                add.reference(location, target, "service", services.keys())
            elif target not in unsure and "node_port" not in services[target]:
                add(
                    "manifest-conflict",
                    location,
                    f"services.{name}.env.{variable} wants the URL of {target}, which has no node_port.",
                    "A browser reaches a service of the cluster by its node port only.",
                    remedy=f"# add under [services.{target}], with a free number from 30000 to 32767:\nnode_port = 30090",
                )


def _folder(name: str, service: Mapping[str, Any], root: Path, add: Add) -> None:
    path: str | None = service.get("path")
    if path is None:
        return
    location: Location = ("services", name, "path")
    folder = Path(os.path.realpath(root / path))
    module = path.rpartition("/")[2].replace("-", "_")
    if not folder.is_relative_to(os.path.realpath(root)) or folder == Path(os.path.realpath(root)):
        add(
            "manifest-invalid-value",
            location,
            f"services.{name}.path is {path}, which leads out of {root}.",
            "A service's folder lies below the folder of the manifest.",
            instead=f"services/{name}",
        )
    elif not folder.is_dir():
        near = sorted(f.parent.relative_to(root).as_posix() for f in root.glob("services/*/requirements.txt"))
        add.reference(location, path, "folder", set(near))
    else:
        for part, made_by in (("requirements.txt", "touch"), (module, "mkdir")):
            if not (folder / part).exists():
                add(
                    "manifest-unknown-reference",
                    location,
                    f"services.{name} has no {path}/{part}.",
                    f"A service's folder holds requirements.txt and its Python module, here {module}.",
                    remedy=f"{made_by} {path}/{part}",
                )


def _values(
    services: Mapping[str, Any], key: str, normal: Callable[[Any], Any] = lambda value: value
) -> Iterator[tuple[Location, Any]]:
    for name, service in services.items():
        if key in service:
            yield ("services", name, key), normal(service[key])


def _ports(data: Mapping[str, Any], services: Mapping[str, Any]) -> Iterator[tuple[Location, int]]:
    for name, port in data.get("broker", {}).get("listeners", {}).items():
        yield ("broker", "listeners", name), port
    yield from _values(services, "port")


def _unique(values: Iterator[tuple[Location, Any]], kind: str, add: Add) -> None:
    owners: dict[object, Location] = {}
    taken = list(values)
    used = {value for _, value in taken}
    for location, value in taken:
        if value not in owners:
            owners[value] = location
            continue
        free = (
            next((n for n in range(value + 1, 65536) if n not in used), None)
            if isinstance(value, int)
            else None
        )
        add(
            "manifest-conflict",
            location,
            f"{'.'.join(map(str, location))} is {value}, which {'.'.join(map(str, owners[value]))} already has.",
            f"Each {kind.replace('_', ' ')} belongs to one.",
            instead=free if free is not None else location[1],
        )
