"""A scripted Docker Engine, and what the real one said as the exceptions that the SDK raised then."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker.errors
import requests

RECORDED = Path(__file__).parent / "recorded" / "docker"


def recorded(case: str) -> dict[str, Any]:
    """What the SDK gave in that case."""
    document: dict[str, Any] = json.loads((RECORDED / case / "sdk.json").read_text())
    return document


def said(case: str) -> Exception:
    """The exception of that case, with the very text that it had."""
    document = recorded(case)
    kind = getattr(docker.errors, document["class"].rpartition(".")[2])
    if "status_code" not in document:
        error: Exception = kind(document["str"])
    else:
        answer = requests.Response()
        answer.status_code = document["status_code"]
        answer.url, _, rest = document["str"].partition(" for ")[2].partition(": ")
        answer.reason = rest.partition(' ("')[0]
        error = kind("", response=answer, explanation=document["explanation"])
    assert str(error) == document["str"]
    return error


@dataclass
class FakeContainer:
    """A container as the SDK shows it."""

    name: str
    labels: dict[str, str]
    attrs: dict[str, Any]
    engine: "FakeEngine"
    settings: dict[str, Any] = field(default_factory=dict)
    short_id: str = "0123456789ab"
    log: bytes = b"one\ntwo\n"

    @property
    def status(self) -> str:
        return str(self.attrs["State"]["Status"])

    def start(self) -> None:
        self.engine.does(f"start {self.name}")
        self.attrs["State"] = {"Status": "running", "ExitCode": 0, "StartedAt": "2026-11-22T21:12:54.493635837Z"}
        ports = self.settings.get("ports", {})
        self.attrs["NetworkSettings"]["Ports"] = {
            inner: [{"HostIp": host, "HostPort": str(port)}] for inner, (host, port) in ports.items()
        }

    def stop(self, timeout: int) -> None:
        self.engine.does(f"stop {self.name}")
        self.attrs["State"] |= {"Status": "exited", "ExitCode": 0}
        self.attrs["NetworkSettings"]["Ports"] = {}

    def remove(self, force: bool) -> None:
        self.engine.does(f"remove {self.name}")
        del self.engine.there[self.name]

    def logs(self, tail: int, stream: bool = False, follow: bool = False) -> "bytes | Iterator[bytes]":
        self.engine.does(f"logs {self.name}")
        # Chunks end where the network says, not where lines do.
        return (self.log[i : i + 3] for i in range(0, len(self.log), 3)) if stream else self.log


class FakeEngine:
    """An engine with containers, images and volumes in dicts. `raises` maps the first word of a call to what it raises.

    `called` keeps what was changed; `pulling` is what a pull answers, line by line.
    """

    def __init__(self, images: tuple[str, ...] = ()) -> None:
        self.there: dict[str, FakeContainer] = {}
        self.image_names = set(images)
        self.volume_names: dict[str, dict[str, str]] = {}
        self.raises: dict[str, Exception] = {}
        self.pulling: list[dict[str, Any]] = [{"status": "Pulling"}, {"status": "Done"}]
        self.called: list[str] = []
        self.containers = _Containers(self)
        self.images = _Images(self)
        self.volumes = _Volumes(self)
        self.api = _Api(self)

    def does(self, call: str) -> None:
        word = call.split()[0]
        if word in self.raises:
            raise self.raises[word]
        if word not in ("get", "logs"):
            self.called.append(call)


@dataclass
class _Containers:
    engine: FakeEngine

    def get(self, name: str) -> FakeContainer:
        self.engine.does(f"get {name}")
        if name not in self.engine.there:
            raise docker.errors.NotFound("no such container")
        return self.engine.there[name]

    def create(self, **settings: Any) -> FakeContainer:
        self.engine.does(f"create {settings['name']}")
        attrs = {"State": {"Status": "created", "ExitCode": 0}, "NetworkSettings": {"Ports": {}}}
        made = FakeContainer(settings["name"], settings["labels"], attrs, self.engine, settings)
        self.engine.there[made.name] = made
        return made


@dataclass
class _Images:
    engine: FakeEngine

    def get(self, name: str) -> str:
        if name not in self.engine.image_names:
            raise said("image-not-found")
        return name


@dataclass
class _Volumes:
    engine: FakeEngine

    def create(self, name: str, labels: dict[str, str]) -> None:
        self.engine.does(f"volume {name}")
        self.engine.volume_names.setdefault(name, labels)


@dataclass
class _Api:
    engine: FakeEngine

    def pull(self, repository: str, tag: str, stream: bool, decode: bool) -> Iterator[dict[str, Any]]:
        self.engine.does(f"pull {repository}:{tag}")
        self.engine.image_names.add(f"{repository}:{tag}")
        return iter(self.engine.pulling)
