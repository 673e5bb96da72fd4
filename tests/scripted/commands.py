"""Commands of `inv` in processes of their own, which a test may kill at any moment."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SECONDS = 120.0  # that any command may take
POLL = 0.004  # seconds


def wait_until(so: Callable[[], bool], what: str = "it") -> None:
    """Waits until `so()`; fails where it never comes to be so."""
    deadline = time.monotonic() + SECONDS
    while not so():
        assert time.monotonic() < deadline, f"{what} never came to be so"
        time.sleep(POLL)


@dataclass(frozen=True)
class Ended:
    """A command that ended: `exit` is negative for a signal."""

    exit: int
    printed: str

    @property
    def codes(self) -> list[str]:
        """The problems that it told, by their codes."""
        return re.findall(r"^ +\[([a-z-]+)\] docs/troubleshooting", self.printed, re.MULTILINE)


class Command:
    """One command that was started. `told` is where its pid, its output and its end are written."""

    def __init__(self, told: Path) -> None:
        self._told = told
        wait_until(lambda: self._text(".pid").endswith("\n"), "a command")
        self.pid = int(self._text(".pid"))

    @property
    def is_over(self) -> bool:
        return self._text(".end").endswith("\n")

    @property
    def printed(self) -> str:
        return self._text(".out")

    def send(self, sign: signal.Signals) -> None:
        """To the process alone, never to its children."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, sign)

    def ended(self) -> Ended:
        """Waits for the end."""
        try:
            wait_until(lambda: self.is_over, "the end of a command")
        except AssertionError as error:
            self.send(signal.SIGKILL)
            raise AssertionError(f"{error}:\n{self.printed}") from None
        return Ended(int(self._text(".end")), self.printed)

    def _text(self, suffix: str) -> str:
        with suppress(FileNotFoundError):
            return self._told.with_suffix(suffix).read_text()
        return ""


class Commands:
    """Starts commands on a checkout. `close` lets nothing more be started."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._folder, self._root, self._number = folder, root, 0
        folder.mkdir()
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.scripted.inv"],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            stdin=subprocess.PIPE,
            text=True,
        )

    def start(self, args: tuple[str, ...], environ: dict[str, str]) -> Command:
        self._number += 1
        told = self._folder / str(self._number)
        order = {"args": args, "environ": environ, "root": str(self._root), "told": str(told)}
        assert self._server.stdin
        self._server.stdin.write(json.dumps(order) + "\n")
        self._server.stdin.flush()
        return Command(told)

    def close(self) -> None:
        self._server.communicate(timeout=SECONDS)
