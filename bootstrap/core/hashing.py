"""Content hashes: what a running process or an image was made from."""

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

LEFT_OUT = frozenset({"tests", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis"})


def files(folder: Path) -> list[Path]:
    """The files below `folder` that go into the running program, sorted; tests and caches do not."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc" and not LEFT_OUT & set(path.relative_to(folder).parts)
    )


def digest(folders: Iterable[Path], *more: str) -> str:
    """A hash (12 hex digits) over the names and bytes of all files in `folders`, and the strings `more`."""
    total = hashlib.sha256("\0".join(more).encode())
    for folder in folders:
        for path in files(folder) if folder.is_dir() else [folder]:
            # An editor may replace a file between the listing and this moment: then the next look sees it.
            with suppress(FileNotFoundError):
                inner = hashlib.sha256(path.read_bytes()).digest()
                total.update(f"\0{folder.name}/{path.relative_to(folder)}\0".encode() + inner)
    return total.hexdigest()[:12]
