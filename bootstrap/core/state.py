"""The state folder of a checkout: one lock, the place that runs, and scratch folders."""

import errno
import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound

SCRATCH = "scratch"
# A command that was killed while it started a program leaves a child that holds the lock until it becomes that program:
# milliseconds, more of them on a busy machine.
RETRY_TIMEOUT_S, POLL_S = 0.5, 0.01


@contextmanager
def locked(folder: Path, command: str) -> Iterator[None]:
    """Holds the environment's lock. The kernel gives it back when the holder ends, however it ends.

    At its end, removes the scratch folders of commands that were killed. Raises `ProblemsFound`: `environment-locked`,
    naming the holder, or `state-not-writable`.
    """
    path = folder / "lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("a+")
    except OSError as error:
        raise ProblemsFound(
            problem("state-not-writable", f"{folder} cannot be written.", evidence=str(error), path=folder.parent)
        ) from error
    with file:
        if not _taken(file):
            raise ProblemsFound(_held(file))
        with suppress(OSError):  # a full disk costs the holder's name, never `down`
            file.truncate(0)
            os.write(file.fileno(), json.dumps(_me(command)).encode())
        try:
            yield
        finally:
            _sweep(folder)


def _taken(file: IO[str]) -> bool:
    until = time.monotonic() + RETRY_TIMEOUT_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(POLL_S)
        else:
            return True


def _me(command: str) -> dict[str, object]:
    return {"pid": os.getpid(), "command": command, "since": time.time()}


def _held(file: IO[str]) -> Problem:
    pid, command, lasting = "PID", "another command", ""
    with suppress(OSError, ValueError, KeyError, TypeError):
        file.seek(0)
        holder = json.load(file)
        pid, command = str(int(holder["pid"])), f"`inv {holder['command']}` (pid {int(holder['pid'])})"
        lasting = f" for {max(0.0, time.time() - float(holder['since'])):.0f} s"
    summary = f"{command} is at work on this environment{lasting}."
    return problem("environment-locked", summary[0].upper() + summary[1:], final=True, pid=pid)


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """An empty folder that this user alone may enter, gone afterwards; `folder` is the state folder.

    One that a killed command left is removed at the end of the next command that takes the environment's lock. Raises
    OSError where none can be made.
    """
    inside = folder / SCRATCH
    inside.mkdir(parents=True, exist_ok=True)
    with (inside / "lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        with tempfile.TemporaryDirectory(prefix="", dir=inside) as made:
            yield Path(made)


def _sweep(folder: Path) -> None:
    """Removes scratch folders, unless a command that runs beside, such as `inv verify`, has one: then the next does."""
    with suppress(OSError), (folder / SCRATCH / "lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for left in (folder / SCRATCH).iterdir():
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)


def place(folder: Path) -> str:
    """Where this checkout's environment runs, or ran last; "" when none was started yet."""
    with suppress(OSError):
        return (folder / "place").read_text().strip()
    return ""


def trouble(error: OSError, folder: Path) -> Problem | None:
    """A full or read-only disk, by its name; None for any other error."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        summary = f"Nothing more can be written to {error.filename or folder}."
        return problem("disk-full", summary, evidence=str(error), path=folder, free=0, needed=500, final=True)
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM) and error.filename:
        summary = f"{error.filename} cannot be read or written."
        return problem("state-not-writable", summary, evidence=str(error), path=folder, final=True)
    return None
