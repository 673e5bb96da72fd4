"""A scripted engine of images: what it holds, what its containers do, and what a look into an image finds."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import docker.errors

from bootstrap.images.layout import Engine
from tests.docker_doubles import said


@dataclass
class FakeImage:
    """An image as the SDK shows it."""

    id: str
    attrs: dict[str, Any]
    labels: dict[str, str] = field(default_factory=dict)

    def save(self, named: str) -> Iterator[bytes]:
        """What is saved of it is its name, as in `tests.docker_doubles`."""
        yield named.encode()


def image(number: int = 1, user: str = "10001:10001", labels: dict[str, str] | None = None) -> FakeImage:
    attrs = {"Config": {"User": user}, "Size": 143_000_000, "Created": f"2026-11-2{number}T10:00:00Z"}
    return FakeImage(f"sha256:{number}", attrs, labels or {})


@dataclass
class FakeContainer:
    """Ends with `ends` (exit code) when that is not None; else answers from the `answers_at`-th question on."""

    engine: "FakeEngine"
    settings: dict[str, Any]
    status: str = "created"

    def start(self) -> None:
        if self.engine.start_error:
            raise self.engine.start_error
        self.status = "running"

    def exec_run(self, command: list[str]) -> tuple[int, bytes]:
        self.engine.asked += 1
        if self.engine.ends is not None:
            raise docker.errors.APIError("container is not running")
        return (0, b"") if self.engine.asked >= self.engine.answers_at else (1, b"ConnectionRefusedError: refused")

    def reload(self) -> None:
        if self.engine.ends is not None:
            self.status = "exited"

    @property
    def attrs(self) -> dict[str, Any]:
        return {"State": {"ExitCode": self.engine.ends}}

    def logs(self, tail: int) -> bytes:
        return self.engine.log.encode()

    def remove(self, force: bool) -> None:
        self.engine.there.remove(self)


class FakeEngine:
    """Images by reference; containers behave as the attributes say. `seen` is what the look into an image prints."""

    def __init__(self) -> None:
        self.held: dict[str, FakeImage] = {}
        self.there: list[FakeContainer] = []
        self.created: list[dict[str, Any]] = []
        self.start_error: Exception | None = None
        self.ends: int | None = None
        self.answers_at = 1
        self.asked = 0
        self.log = ""
        self.seen: bytes | Exception = b""
        self.away: Exception | None = None
        self.images = self
        self.containers = _Containers(self)

    @property
    def door(self) -> Engine:
        client: Any = self
        return Engine(client, {"DOCKER_HOST": "unix:///scripted.sock"})

    def ping(self) -> None:
        if self.away:
            raise self.away

    def get(self, reference: str) -> FakeImage:
        if reference not in self.held:
            raise said("image-not-found")
        return self.held[reference]

    def list(self, name: str) -> list[FakeImage]:
        return [image for reference, image in self.held.items() if reference.startswith(f"{name}:")]


@dataclass
class _Containers:
    engine: FakeEngine

    def create(self, **settings: Any) -> FakeContainer:
        made = FakeContainer(self.engine, settings)
        self.engine.created.append(settings)
        self.engine.there.append(made)
        return made

    def list(self, all: bool, filters: dict[str, str]) -> list[FakeContainer]:  # noqa: A002 - the SDK's word
        key, _, value = filters["label"].partition("=")
        return [each for each in self.engine.there if each.settings["labels"].get(key) == value]

    def run(self, reference: str, **settings: Any) -> bytes:
        self.engine.created.append(settings)
        if isinstance(self.engine.seen, Exception):
            raise self.engine.seen
        return self.engine.seen
