"""Dapr's resources: the static documents of `infrastructure/dapr/`, completed with what the manifest says.

A document is one YAML mapping as Dapr reads it. Who may see, publish and subscribe to what is never written by hand.
"""

import contextlib
import copy
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from bootstrap.clients import yaml_reader
from bootstrap.core import hashing
from bootstrap.manifest import Manifest, Service

Document: TypeAlias = dict[str, Any]

PUBSUB = "pubsub"
STATESTORE = "statestore"
TRUST_DOMAIN = "public"  # of the apps' identities; Dapr's default


def resources(manifest: Manifest, directory: Path) -> list[Document]:
    """What a cluster gets: every component with its scopes, resiliency, a configuration for each app, subscriptions.

    `directory` is `infrastructure/dapr`. Raises OSError or yaml.YAMLError when its files cannot be read.
    """
    documents: list[Document] = []
    for document in _static(directory):
        if document["kind"] == "Configuration":
            documents += _configurations(document, manifest)
        elif (scoped := _scoped(document, manifest)).get("scopes") != []:  # which would mean every app
            documents.append(scoped)
    subscriptions = [
        _subscription(manifest, service, topic)
        for service in manifest.services.values()
        for topic in service.subscribes
    ]
    for document in documents + subscriptions:
        document["metadata"]["namespace"] = manifest.namespace
    return documents + subscriptions


def seen_by(documents: Iterable[Document], app: str) -> list[Document]:
    """Those of `documents` that the sidecar of `app` (a Dapr app id) reads."""
    return [
        document
        for document in documents
        if app in document.get("scopes", [app])
        and (document["kind"] != "Configuration" or document["metadata"]["name"] == app)
    ]


def annotations(manifest: Manifest, directory: Path, service: str) -> dict[str, str]:
    """Annotations for the pods of a service, which roll it out anew when its sidecar is to be another.

    They change with what the sidecar reads, with Dapr's version, and with the values that its injector gets.
    """
    app = manifest.services[service].app_id
    if not app:
        return {}
    read = seen_by(resources(manifest, directory), app)
    for document in read:
        document.pop("scopes", None)  # who else reads it does not matter
    made_from = [directory.parent / "dapr-values.yaml"]
    return {"checksum/dapr": hashing.digest(made_from, manifest.dapr.version, json.dumps(read, sort_keys=True))}


def _names(path: Path) -> dict[str, str]:
    """How daprds find each other through one SQLite file. A name is renewed every `updateInterval` - `timeout`."""
    return {
        # Without a wait for the disk: the file outlives a crash of a process, and is written anew by the next one.
        "connectionString": f"{path}?_pragma=synchronous(NORMAL)",
        # On a disk that is busy, such as with images that are built, to enter or renew a name takes its time.
        "timeout": "10s",
        "busyTimeout": "10s",
        "updateInterval": "20s",
        # The clean-up, once an hour, takes out the names that are fresh, whereupon every daprd ends itself.
        "cleanupInterval": "0",
    }


def local_resources(
    manifest: Manifest, directory: Path, app: str, brokers: str, state_path: Path, names_path: Path
) -> list[Document]:
    """The same documents for one sidecar of this machine: only those that `app` (a Dapr app id) may see.

    `brokers` is `host:port[,host:port]`. `state_path` is the SQLite file in the place of the state store's database,
    `names_path` the one through which daprds find each other, so that none of them asks the local network.
    """
    documents = []
    for document in seen_by(resources(manifest, directory), app):
        document.pop("scopes", None)
        del document["metadata"]["namespace"]
        kind, name = document["kind"], document["metadata"]["name"]
        if kind == "Configuration":
            # Who calls is told by mTLS alone, and processes of one user have no secrets from each other.
            del document["spec"]["accessControl"]
            document["spec"]["mtls"] = {"enabled": False}
            document["spec"]["nameResolution"] = {
                "component": "sqlite",
                "version": "v1",
                "configuration": _names(names_path),
            }
        elif kind == "Component" and name == PUBSUB:
            _set(document, "brokers", brokers)
        elif kind == "Component" and name == STATESTORE:
            document.pop("auth", None)
            document["spec"] |= {"type": "state.sqlite", "version": "v1", "metadata": []}
            _set(document, "connectionString", str(state_path))
        documents.append(document)
    return documents


def names(target: Path) -> Path:
    """The SQLite file through which the daprds find each other whose resources lie in `target`."""
    return target / "names.db"


def _prepare(path: Path) -> None:
    """Makes the SQLite file as every sidecar makes it: of two that do so at once, one is refused."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # What is wrong with a file that is there the sidecars tell.
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")


def write_local(manifest: Manifest, directory: Path, target: Path, brokers: str, state_path: Path) -> dict[str, Path]:
    """Write `target/<service>/` for each service with a sidecar; give those folders back by service.

    A file is replaced atomically, and only when it says something else; files of yesterday's resources go away.
    The Configuration is `configuration.yaml`, every other document `<kind>-<name>.yaml`.
    """
    for path in (state_path, names(target)):
        _prepare(path)
    folders = {}
    for name, service in manifest.services.items():
        if not service.app_id:
            continue
        folder = folders[name] = target / name
        folder.mkdir(parents=True, exist_ok=True)
        texts = {
            _filename(document): yaml.safe_dump(document, sort_keys=False)
            for document in local_resources(manifest, directory, service.app_id, brokers, state_path, names(target))
        }
        for filename, text in texts.items():
            _write(folder / filename, text)
        for path in folder.glob("*.yaml"):
            if path.name not in texts:
                path.unlink()
    return folders


def _static(directory: Path) -> Iterator[Document]:
    for path in sorted(directory.rglob("*.yaml")):
        yield from yaml_reader.documents(path.read_text(encoding="utf-8"))


def _configurations(static: Document, manifest: Manifest) -> Iterator[Document]:
    """One for each app: its access control says who may invoke it, and everybody else may not."""
    for name, service in manifest.services.items():
        if not service.app_id:
            continue
        document = copy.deepcopy(static)
        document["metadata"]["name"] = service.app_id
        document["spec"]["accessControl"] = {
            "defaultAction": "deny",
            "trustDomain": TRUST_DOMAIN,
            "policies": [
                {
                    "appId": caller,
                    "defaultAction": "allow",
                    "trustDomain": TRUST_DOMAIN,
                    "namespace": manifest.namespace,
                }
                for caller in _callers(manifest, name)
            ],
        }
        yield document


def _scoped(document: Document, manifest: Manifest) -> Document:
    if document["kind"] != "Component":
        return document
    topics = ",".join(manifest.topics)
    if document["metadata"]["name"] == PUBSUB:
        users = _apps(manifest, lambda service: bool(service.publishes or service.subscribes))
        _set(document, "allowedTopics", topics)
        # A protected topic needs a scope: without this an app with no topics of its own might use them all.
        _set(document, "protectedTopics", topics)
        _set(document, "publishingScopes", _scopes(users, lambda service: _published(manifest, service)))
        _set(document, "subscriptionScopes", _scopes(users, lambda service: service.subscribes))
    else:
        users = _apps(manifest, lambda service: service.state)
    document["scopes"] = list(users)
    return document


def _apps(manifest: Manifest, uses: Callable[[Service], bool]) -> dict[str, Service]:
    return {service.app_id: service for service in manifest.services.values() if service.app_id and uses(service)}


def _callers(manifest: Manifest, service: str) -> dict[str, Service]:
    return _apps(manifest, lambda other: service in other.invokes)


def _scopes(apps: Mapping[str, Service], topics: Callable[[Service], tuple[str, ...]]) -> str:
    return ";".join(f"{app}={','.join(topics(service))}" for app, service in apps.items())


def _published(manifest: Manifest, service: Service) -> tuple[str, ...]:
    """What its sidecar publishes: its own topics, and the dead letters of what it subscribes to."""
    dead = (manifest.topics[topic].dead_letter for topic in service.subscribes)
    return tuple(dict.fromkeys((*service.publishes, *(topic for topic in dead if topic))))


def _subscription(manifest: Manifest, service: Service, topic: str) -> Document:
    spec: Document = {"pubsubname": PUBSUB, "topic": topic, "routes": {"default": f"/events/{topic}"}}
    if dead_letter := manifest.topics[topic].dead_letter:
        spec["deadLetterTopic"] = dead_letter
    return {
        "apiVersion": "dapr.io/v2alpha1",
        "kind": "Subscription",
        "metadata": {"name": f"{service.app_id}-{topic}"},
        "scopes": [service.app_id],
        "spec": spec,
    }


def _set(component: Document, name: str, value: str) -> None:
    fields = component["spec"]["metadata"]
    fields[:] = [field for field in fields if field["name"] != name]
    fields.append({"name": name, "value": value})


def _filename(document: Document) -> str:
    kind, name = document["kind"].lower(), document["metadata"]["name"]
    return "configuration.yaml" if kind == "configuration" else f"{kind}-{name}.yaml"


def _write(path: Path, text: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        if path.read_text(encoding="utf-8") == text:
            return
    temporary = path.with_name(f".{path.name}.draft")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
