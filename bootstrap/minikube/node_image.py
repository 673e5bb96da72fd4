"""minikube's cached archive of its node image, which it takes as whole whenever the file is there."""

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bootstrap.core.env import Env

TAR_BLOCK_BYTES = 512
TAR_END_BYTES = 2 * TAR_BLOCK_BYTES  # zeros with which every complete tar archive ends
QUIET_S = 120.0  # without a new byte for that long, nobody writes a file of which no lock tells


def remove_cut_off(env: Env) -> None:
    """Delete archives of the node image that a killed download left, so that minikube downloads them again."""
    for archive in archives(env):
        with suppress(OSError), _unless_written(env, archive) as is_free:
            if is_free and not _is_complete(archive):
                archive.unlink()
                env.notify(f"{archive} was cut off while minikube downloaded it: it is deleted and downloaded again.")


def archives(env: Env) -> list[Path]:
    """Return minikube's archives of node images."""
    return sorted((home(env) / "cache" / "kic").glob("*/*.tar"))


def home(env: Env) -> Path:
    """Return minikube's own folder, as pkg/minikube/localpath of minikube has it."""
    named = Path(env.environ.get("MINIKUBE_HOME") or env.environ.get("HOME") or Path.home())
    return named if env.environ.get("MINIKUBE_HOME") and named.name == ".minikube" else named / ".minikube"


def _is_complete(archive: Path) -> bool:
    with archive.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - TAR_END_BYTES))
        return size % TAR_BLOCK_BYTES == 0 and file.read() == bytes(TAR_END_BYTES)


@contextmanager
def _unless_written(env: Env, archive: Path) -> Iterator[bool]:
    """Yield whether no other process writes the archive now.

    minikube holds a lock while it downloads, and the kernel frees that lock when minikube is killed. The lock is taken
    here too, so that no download begins in between. An older minikube, or one of another user, leaves no such lock;
    then the age of the file's last byte decides.
    """
    lock = _lock(env, archive)
    found = archive.stat()
    if found.st_uid != os.getuid() or not lock.is_file():
        yield time.time() - found.st_mtime > QUIET_S
        return
    with lock.open() as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _lock(env: Env, archive: Path) -> Path:
    """Where minikube 1.38 keeps the lock of a download (pkg/util/lock)."""
    name = hashlib.sha1(f"{archive}.lock".encode(), usedforsecurity=False).hexdigest()
    return Path(env.environ.get("TMPDIR") or "/tmp") / f"minikube-locks-{os.getuid()}" / f"mk{name[:38]}.lock"  # noqa: S108 - as Go's os.TempDir
