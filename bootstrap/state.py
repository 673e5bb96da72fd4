"""The state folder of a checkout: one lock, the place that runs, and a log of every run."""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO

from bootstrap.catalogue import problem
from bootstrap.problem import Failed, Problem
from bootstrap.runner import Event

RUNS_KEPT = 20


@contextmanager
def locked(folder: Path, command: str) -> Iterator[None]:
    """Holds the environment's lock. The kernel gives it back when the holder ends, however it ends.

    Raises `Failed`: `environment-locked`, naming who holds it, or `state-not-writable`.
    """
    path = folder / "lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("a+")
    except OSError as error:
        raise Failed(
            problem("state-not-writable", f"{folder} cannot be written.", evidence=str(error), path=folder.parent)
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failed(_held(file)) from None
        file.truncate(0)
        json.dump({"pid": os.getpid(), "command": command, "since": time.time()}, file)
        file.flush()
        yield


def _held(file: IO[str]) -> Problem:
    file.seek(0)
    holder = {"pid": "PID", "command": "another command", "since": time.time()}
    with suppress(ValueError):
        holder |= json.load(file)
    seconds = time.time() - float(str(holder["since"]))
    return problem(
        "environment-locked",
        f"`inv {holder['command']}` (pid {holder['pid']}) is at work on this environment for {seconds:.0f} s.",
        final=True,
        pid=holder["pid"],
    )


def place(folder: Path) -> str:
    """Where this checkout's environment runs, or "" when none was started."""
    with suppress(OSError):
        return (folder / "place").read_text().strip()
    return ""


def ended_well(folder: Path) -> bool:
    """Whether the last run wrote its end; a killed one did not."""
    runs = sorted((folder / "runs").glob("*/events.jsonl"))
    if not runs:
        return True
    with suppress(OSError, IndexError, ValueError):
        return bool(json.loads(runs[-1].read_text().splitlines()[-1])["kind"] == "end")
    return False


class RunLog:
    """The record of one run: `events.jsonl` in a folder of its own, one JSON object a line, flushed at once."""

    def __init__(self, folder: Path, command: str) -> None:
        self.folder = folder / "runs" / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{command}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._file = (self.folder / "events.jsonl").open("a")
        for old in sorted((folder / "runs").iterdir())[:-RUNS_KEPT]:
            shutil.rmtree(old, ignore_errors=True)

    def event(self, event: Event) -> None:
        self.write("stage", **asdict(event))

    def write(self, kind: str, **facts: object) -> None:
        """One line; `time` is seconds since the epoch. A full disk costs the log, never the run."""
        with suppress(OSError, ValueError):
            self._file.write(json.dumps({"time": round(time.time(), 3), "kind": kind, **facts}, default=str) + "\n")
            self._file.flush()

    def close(self) -> None:
        with suppress(OSError):
            self._file.close()
