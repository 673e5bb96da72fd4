"""A copy of the repository in which an old case is put back, and `up` as a user starts it."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bootstrap.cli import commands
from bootstrap.core.env import Env
from tests import parts, ports
from tests.local.conftest import copy_checkout
from tests.machine.conftest import Engine

Found = list[dict[str, str]]


@dataclass
class Repository:
    """The copy; what is edited in it is put back after each test."""

    path: Path
    environ: dict[str, str]
    before: dict[Path, str] = field(default_factory=dict)

    def write(self, name: str, text: str) -> None:
        file = self.path / name
        self.before.setdefault(file, file.read_text())
        file.write_text(text)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replaces words that must be there."""
        text = (self.path / name).read_text()
        assert old in text, (name, old)
        self.write(name, text.replace(old, new, 1))

    def line(self, name: str, words: str) -> str:
        """`file:line` of the first line with those words."""
        lines = (self.path / name).read_text().splitlines()
        return f"{name}:{next(number for number, text in enumerate(lines, 1) if words in text)}"

    def put_back(self) -> None:
        for file, text in self.before.items():
            file.write_text(text)
        self.before.clear()

    def env(self) -> Env:
        return commands.open_env(self.path, self.environ)

    def stopped(self, stage: str, env: Env, on: str, *names: str) -> Found:
        """`./inv up --on ON --only NAMES`: it ends wrong, at that stage, with these problems."""
        assert commands.up(env, on, names=names) == commands.WRONG
        newest = max((self.path / ".inv" / "runs").iterdir(), key=lambda folder: folder.stat().st_mtime_ns)
        events = [json.loads(line) for line in (newest / "events.jsonl").read_text().splitlines()]
        failed = [event for event in events if event.get("phase") == "failed"]
        assert [event["stage"] for event in failed] == [stage], failed
        found: Found = failed[0]["problems"]
        assert all(problem["final"] for problem in found), "waiting cannot help"
        return found


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    environ = {**os.environ, "DAPRD": ""}
    found = Repository(copy_checkout(tmp_path_factory.mktemp("old cases")).path, environ)
    yield found
    if (env := found.env()).place == "local":
        commands.down(env)


@pytest.fixture
def repository(copied: Repository) -> Iterator[Repository]:
    yield copied
    copied.put_back()


@pytest.fixture
def laptop(repository: Repository, tmp_path: Path) -> Env:
    """A machine with Docker, minikube and the real Helm, on which no cluster was made yet."""
    machine: Any = Engine()
    for name, version in (("minikube", "v1.38.1"), ("docker", "")):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {version}\n")
        (tmp_path / name).chmod(0o755)
    # Node ports are one for the machine; tests run beside each other.
    manifest = (repository.path / "environment.toml").read_text()
    free = re.sub(r"(?<=node_port = )\d+", lambda _: str(ports.free(ports.NODE_PORTS)), manifest)
    repository.write("environment.toml", free)
    env = repository.env()
    env.environ = {"PATH": str(tmp_path), "HOME": str(tmp_path), "HELM": str(parts.helm(os.environ))}
    env.docker_of = lambda _: machine
    return env
