"""A checkout of one's own, in which `./inv` is run as a user would type it."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 240.0  # seconds that any command may take


@dataclass
class Checkout:
    """A copy of the tracked files in a folder of its own; `environ` is what its commands get."""

    path: Path
    environ: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    limit: float = LIMIT

    def start(self, *args: str) -> "subprocess.Popen[str]":
        """`./inv ARGS`, still running."""
        return subprocess.Popen(
            ["./inv", *args],
            cwd=self.path,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def inv(self, *args: str, exit: int = 0) -> str:  # noqa: A002 - the word for it
        """Runs `./inv ARGS` to its end, which must be `exit`; returns what it printed."""
        child = self.start(*args)
        try:
            printed, _ = child.communicate(timeout=self.limit)
        except subprocess.TimeoutExpired:
            child.kill()
            raise
        assert child.returncode == exit, f"inv {' '.join(args)} ended with {child.returncode}:\n{printed}"
        return printed

    def status(self, green: bool = True) -> dict[str, Any]:
        """`inv status --json`; its exit code must tell the same as `green`."""
        document: dict[str, Any] = json.loads(self.inv("status", "--json", exit=0 if green else 1))
        assert document["green"] is green, document["gates"]
        return document

    def processes(self) -> list[psutil.Process]:
        """Every process that the environment of this checkout started: each runs in its state folder."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.cwd().startswith(str(self.path / ".inv")):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def listening(self) -> set[int]:
        """The ports that the environment decided on and that somebody listens on."""
        decided = set(json.loads((self.path / ".inv/local/ports.json").read_text()).values())
        open_now = {c.laddr.port for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN and c.laddr}
        return decided & open_now


def copy_checkout(target: Path) -> Checkout:
    """What git tracks (and what is new and not ignored), copied."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listing.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return Checkout(target)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """One checkout for all tests of a module, in order; whatever they did, nothing of it stays."""
    made = copy_checkout(tmp_path_factory.mktemp("checkout with space"))
    made.environ["DAPRD"] = ""
    yield made
    made.start("down").communicate(timeout=LIMIT)
    for process in made.processes():
        process.kill()
