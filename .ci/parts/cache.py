"""Keep what was built, by the hash of what it was built from, in the user's cache folder."""

import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "taskapp-ci"
SHOWN = 16  # digits of a hash in a folder's name


def part(name: str, inputs: Iterable[str | Path], make: Callable[[Path], None]) -> Path:
    """Return the folder of the part `name`, made by `make(folder)` unless the one of the same inputs is there.

    An input is a text, or a file or folder whose content counts. Folders of other inputs are deleted.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    made = CACHE / f"{name}-{fingerprint(inputs)}"
    with (CACHE / f".{name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if made.is_dir():
            return made
        for other in CACHE.glob(f"{name}-{'?' * SHOWN}"):
            shutil.rmtree(other)
        began = time.monotonic()
        scratch = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=CACHE))
        try:
            make(scratch)
            scratch.chmod(0o755)
            scratch.rename(made)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        note(f"{name} built in {time.monotonic() - began:.0f} s")
    return made


def fingerprint(inputs: Iterable[str | Path]) -> str:
    """Return the hash of texts and of the names, modes and contents of files."""
    digest = hashlib.sha256()
    for one in inputs:
        if isinstance(one, str):
            digest.update(f"text {one}\0".encode())
            continue
        files = sorted(path for path in one.rglob("*") if path.is_file()) if one.is_dir() else [one]
        for file in files:
            name = file.relative_to(one.parent)
            digest.update(f"file {name} {file.stat().st_mode & 0o111:o}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:SHOWN]


def note(text: str) -> None:
    """Print a line of progress."""
    sys.stdout.write(f"parts: {text}\n")
    sys.stdout.flush()
