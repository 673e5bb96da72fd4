"""The state folder: made, ignored by git, writable, with room on its disk."""

import errno
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from bootstrap.core.env import Env
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound

FreeBytes = Callable[[Path], int]


def free(path: Path) -> int:
    """Bytes that this user can still write to the disk of `path`."""
    return shutil.disk_usage(path).free


def make(env: Env, *folders: Path) -> None:
    """Makes the state folder and those in it. Raises `ProblemsFound`: `state-not-writable`, `disk-full`."""
    try:
        for folder in (env.state, *folders):
            folder.mkdir(parents=True, exist_ok=True)
        (env.state / ".gitignore").write_text("*\n")
    except OSError as error:
        raise ProblemsFound(not_writable(env.state, error, 0)) from error


def check(env: Env, folder: Path, needed_mib: int, free_bytes: FreeBytes = free) -> Problem | None:
    """Whether `folder` takes a file, and its disk has `needed_mib` free."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"written by preflight")
        left = free_bytes(folder) // 2**20
    except OSError as error:
        return not_writable(folder, error, needed_mib)
    if left >= needed_mib:
        return None
    summary = f"The disk of {env.root} is nearly full."
    return problem("disk-full", summary, path=env.root, free=left, needed=needed_mib, final=True)


def not_writable(path: Path, error: OSError, needed_mib: int) -> Problem:
    """A folder that takes no file."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        summary = f"Nothing more can be written to {path}."
        return problem("disk-full", summary, path=path, free=0, needed=needed_mib, final=True)
    return problem(
        "state-not-writable", f"{path} cannot be written.", evidence=str(error), path=path.parent, final=True
    )
