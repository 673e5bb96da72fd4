"""A scripted Docker Engine, and what the real one said as the exceptions that the SDK raised then."""

import json
from collections.abc import Iterator, Sequence
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

    @property
    def networks(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = self.attrs["NetworkSettings"]["Networks"]
        return found

    def reload(self) -> None:
        """`attrs` is always what is now."""

    def start(self) -> None:
        self.engine.does(f"start {self.name}")
        if any(n["NetworkID"] and n["NetworkID"] not in self.engine.network_ids() for n in self.networks.values()):
            raise said("network-gone")
        self.attrs["State"] = {"Status": "running", "ExitCode": 0, "StartedAt": "2026-11-22T21:12:54.493635837Z"}
        ports = self.settings.get("ports", {})
        self.attrs["NetworkSettings"]["Ports"] = {
            inner: [{"HostIp": host, "HostPort": str(port)}] for inner, (host, port) in ports.items()
        }

    def stop(self, timeout: int) -> None:
        self.engine.does(f"stop {self.name}")
        for network in self.networks.values():
            network["IPAddress"] = ""
        self.attrs["State"] |= {"Status": "exited", "ExitCode": 0}
        self.attrs["NetworkSettings"]["Ports"] = {}

    def pause(self) -> None:
        self.engine.does(f"pause {self.name}")
        self.attrs["State"]["Status"] = "paused"

    def unpause(self) -> None:
        self.engine.does(f"unpause {self.name}")
        self.attrs["State"]["Status"] = "running"

    def remove(self, force: bool) -> None:
        self.engine.does(f"remove {self.name}")
        del self.engine.there[self.name]

    def logs(self, tail: int, stream: bool = False, follow: bool = False) -> "bytes | Iterator[bytes]":
        self.engine.does(f"logs {self.name}")
        # Chunks end where the network says, not where lines do.
        return (self.log[i : i + 3] for i in range(0, len(self.log), 3)) if stream else self.log


@dataclass
class FakeImage:
    """An image as the SDK shows it; what is saved of it is its name."""

    name: str
    engine: "FakeEngine"

    def tag(self, repository: str, tag: str) -> None:
        self.engine.does(f"tag {self.name} {repository}:{tag}")
        self.engine.image_names.add(f"{repository}:{tag}")

    def save(self, named: str) -> Iterator[bytes]:
        yield named.encode()


@dataclass
class FakeNetwork:
    """A network as the SDK shows it."""

    name: str
    id: str
    attrs: dict[str, Any]

    def connect(self, container: FakeContainer, ipv4_address: str) -> None:
        container.engine.does(f"connect {self.name}")
        container.networks[self.name] = {"NetworkID": self.id, "IPAddress": ipv4_address}

    def disconnect(self, container: FakeContainer, force: bool) -> None:
        container.engine.does(f"disconnect {self.name}")
        del container.networks[self.name]


class FakeEngine:
    """An engine with containers, images, networks and volumes in memory.

    `raises` maps the first word of a call to what it raises; `called` keeps what was changed;
    `pulling` is what a pull answers, line by line; `absent` what no registry has; `logins` those of the pulls.
    """

    def __init__(self, images: tuple[str, ...] = ()) -> None:
        self.there: dict[str, FakeContainer] = {}
        self.image_names = set(images)
        self.volume_names: dict[str, dict[str, str]] = {}
        self.raises: dict[str, Exception] = {}
        self.pulling: list[dict[str, Any]] = [{"status": "Pulling"}, {"status": "Done"}]
        self.called: list[str] = []
        self.absent: set[str] = set()
        self.logins: list[dict[str, str] | None] = []
        self.containers = _Containers(self)
        self.images = _Images(self)
        self.volumes = _Volumes(self)
        self.network_list: list[FakeNetwork] = []
        self.networks = _Networks(self)
        self.api = _Api(self)

    def network_ids(self) -> set[str]:
        return {network.id for network in self.network_list}

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

    def list(self, filters: dict[str, str]) -> "list[FakeContainer]":
        """Those that publish a port of this machine: `publish`."""
        self.engine.does("get those")
        return [one for one in self.engine.there.values() if filters["publish"] in _ports(one)]

    def run(self, image: str, command: Sequence[str], *, entrypoint: str, **settings: Any) -> bytes:
        """A container that ends at once and is removed; its volumes are in `settings`."""
        assert settings["auto_remove"]
        where = " ".join(f"{name}:{at['bind']}" for name, at in settings["volumes"].items())
        self.engine.does(f"run {image} {where} {entrypoint} {' '.join(command)}")
        return b""

    def create(self, **settings: Any) -> FakeContainer:
        self.engine.does(f"create {settings['name']}")
        attrs = {
            "State": {"Status": "created", "ExitCode": 0},
            "HostConfig": {"Memory": int(settings["mem_limit"].removesuffix("m")) * 2**20},
            "NetworkSettings": {"Ports": {}, "Networks": {}},
        }
        made = FakeContainer(settings["name"], settings["labels"], attrs, self.engine, settings)
        self.engine.there[made.name] = made
        return made


def _ports(container: FakeContainer) -> list[str]:
    found = container.attrs["NetworkSettings"]["Ports"] or {}
    return [each["HostPort"] for bindings in found.values() for each in bindings or ()]


@dataclass
class _Images:
    engine: FakeEngine

    def get(self, name: str) -> "FakeImage":
        if name not in self.engine.image_names:
            raise said("image-not-found")
        return FakeImage(name, self.engine)

    def load(self, data: Iterator[bytes]) -> None:
        name = b"".join(data).decode()
        self.engine.does(f"load {name}")
        self.engine.image_names.add(name)


@dataclass
class _Volumes:
    engine: FakeEngine

    def create(self, name: str, labels: dict[str, str]) -> None:
        self.engine.does(f"volume {name}")
        self.engine.volume_names.setdefault(name, labels)

    def get(self, name: str) -> "_Volume":
        if name not in self.engine.volume_names:
            raise docker.errors.NotFound("no such volume")
        return _Volume(self.engine, name, {"Labels": self.engine.volume_names[name] or None})


@dataclass
class _Volume:
    engine: FakeEngine
    name: str
    attrs: dict[str, Any]

    def remove(self) -> None:
        self.engine.does(f"unvolume {self.name}")
        del self.engine.volume_names[self.name]


@dataclass
class _Networks:
    engine: FakeEngine

    def get(self, wanted: str) -> FakeNetwork:
        self.engine.does(f"get {wanted}")
        found = [network for network in self.engine.network_list if wanted in (network.id, network.name)]
        if not found:
            raise docker.errors.NotFound("no such network")
        return found[0]


@dataclass
class _Api:
    engine: FakeEngine

    def pull(
        self, repository: str, tag: str, stream: bool, decode: bool, auth_config: dict[str, str] | None = None
    ) -> Iterator[dict[str, Any]]:
        name = f"{repository}@{tag}" if tag.startswith("sha256:") else f"{repository}:{tag}"
        self.engine.logins.append(auth_config)
        self.engine.does(f"pull {name}")
        if name in self.engine.absent:
            raise said("pull-manifest-unknown")
        self.engine.image_names.add(name)
        return iter(self.engine.pulling)
