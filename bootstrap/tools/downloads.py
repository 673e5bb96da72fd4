"""Downloads into a per-user cache: checked against a SHA-256, resumed where they were cut, offline where told so."""

import errno
import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.clients.command import Cancelled
from bootstrap.core.env import Env
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound
from bootstrap.tools.mirrors import NotPartial, cache, client_of, explain, mirrored, online, refusals, shown

if TYPE_CHECKING:
    import httpx

__all__ = ["cache", "checksum", "fetch", "locked", "not_writable", "text"]

ATTEMPTS = 3  # connections for one file; one that brought more of it does not count
LARGEST_TEXT_BYTES = 1 << 24  # bytes


def fetch(env: Env, url: str, sha256: str, target: Path, *, what: str) -> Path:
    """The file at `url` as `target` (relative to the cache), downloaded unless it is there with that SHA-256.

    `what` names it for people. Two programs at once download it once. What a cut download brought is used by the next.
    Raises `ProblemsFound`: `download-offline`, `download-unreachable`, `download-proxy`, `download-certificate`,
    `download-not-found`, `download-failed`, `download-corrupt`, `cache-not-writable`, `disk-full`.
    """
    target = cache(env) / target
    try:
        if _sha256(target) == sha256:
            return target
        online(env, url, what)
        with locked(env, target, what):
            if _sha256(target) != sha256:
                _Download(env, url, sha256, target, what).run()
    except OSError as error:
        raise ProblemsFound(not_writable(env, error)) from error
    return target


def text(env: Env, url: str, what: str) -> str:
    """The small text file at `url`. Raises `ProblemsFound` as `fetch` does."""
    online(env, url, what)
    with client_of(env, url) as client:
        try:
            with client.stream("GET", mirrored(env, url)) as answer:
                answer.raise_for_status()
                said = b""
                for chunk in answer.iter_bytes():
                    said += chunk
                    if len(said) > LARGEST_TEXT_BYTES:
                        raise NotPartial(f"more than {LARGEST_TEXT_BYTES} bytes where a small text was expected")
        except refusals() as error:
            raise explain(env, url, what, error) from error
    return said.decode(errors="replace")


def checksum(env: Env, url: str, what: str) -> str:
    """Return the SHA-256 that is published at `url` for `what`. Raises `ProblemsFound` (`checksum-unreadable`)."""
    told = text(env, url, f"the checksum of {what}")
    digest = re.search(r"\b[0-9a-fA-F]{64}\b", told)
    if digest is None:
        summary = f"What is published as the checksum of {what} is none."
        found = problem("checksum-unreadable", summary, evidence=told[:500], url=shown(env, url), final=True)
        raise ProblemsFound(found)
    return digest[0].lower()


@contextmanager
def locked(env: Env, target: Path, what: str) -> Iterator[None]:
    """Alone at work on `target` among all programs of this user. The kernel ends the lock with its holder."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_name(f".{target.name}.lock").open("w") as file:
        said = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not said:
                    env.notify(f"{what}: another inv downloads it; waiting for that")
                    said = True
            if env.cancelled.wait(0.1):
                raise Cancelled(what)
        yield


def not_writable(env: Env, error: OSError) -> Problem:
    """A cache that cannot be written, or is full."""
    folder = cache(env)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        summary = f"Nothing more can be written to {error.filename or folder}."
        return problem("disk-full", summary, evidence=str(error), path=folder, free=0, needed=500, final=True)
    return problem(
        "cache-not-writable",
        f"The cache {folder} cannot be written.",
        evidence=str(error),
        cache=folder,
        final=True,
    )


def _sha256(path: Path) -> str:
    """Of the file's bytes; "" without one."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
    return ""


class _Download:
    def __init__(self, env: Env, url: str, sha256: str, target: Path, what: str) -> None:
        self._env, self._url, self._sha256, self._target, self._what = env, url, sha256, target, what
        # Named by what it is to become: what was begun for other contents is never gone on with.
        self._part = target.with_name(f".{target.name}.{sha256[:16]}.part")
        self._resumed = False

    def run(self) -> None:
        if _sha256(self._part) != self._sha256:  # else it was killed just before its end
            self._bring()
        found = _sha256(self._part)
        if found != self._sha256 and self._resumed:  # the first half may be of another file than the second
            self._part.unlink()
            self._bring()
            found = _sha256(self._part)
        if found != self._sha256:
            self._part.unlink()
            summary = f"{self._what} is not the file that was published."
            evidence = f"{shown(self._env, self._url)}\nSHA-256 published: {self._sha256}\nSHA-256 got:       {found}"
            raise ProblemsFound(
                problem("download-corrupt", summary, evidence=evidence, url=shown(self._env, self._url), final=True)
            )
        self._part.replace(self._target)

    def _have(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    def _bring(self) -> None:
        """Connects until the whole file is here, or nothing more of it comes."""
        left = ATTEMPTS
        with client_of(self._env, self._url) as client:
            while True:
                before = self._have()
                try:
                    self._connect(client, before)
                    return
                except refusals() as error:
                    failed = explain(self._env, self._url, self._what, error)
                    left -= self._have() <= before
                    if failed.problems[0].final or not left:
                        raise failed from error
                finally:
                    self._env.progress(self._what, 0, 0)

    def _connect(self, client: "httpx.Client", have: int) -> None:
        ranged = {"range": f"bytes={have}-"} if have else {}
        with client.stream("GET", mirrored(self._env, self._url), headers=ranged) as answer:
            if answer.status_code == 416 or (answer.status_code == 206 and not _goes_on_at(answer, have)):
                self._part.unlink(missing_ok=True)
                raise NotPartial(f"HTTP {answer.status_code}, {answer.headers.get('content-range', 'no range')}")
            answer.raise_for_status()
            self._resumed = answer.status_code == 206
            have = have if self._resumed else 0
            size = have + int(answer.headers.get("content-length") or 0)
            with self._part.open("r+b" if have else "wb") as file:
                file.seek(have)
                self._begins(have, size)
                for chunk in answer.iter_raw():
                    if self._env.cancelled.is_set():
                        raise Cancelled(self._url)
                    have += file.write(chunk)
                    self._env.progress(self._what, have, size)
                file.flush()
                os.fsync(file.fileno())

    def _begins(self, have: int, size: int) -> None:
        whole = f"{size / 2**20:.0f} MiB" if size else "size unknown"
        rest = f", {have / 2**20:.0f} MiB of them are here" if have else ""
        self._env.notify(f"downloading {self._what}: {whole}{rest}; once, it stays in {cache(self._env)}")


def _goes_on_at(answer: "httpx.Response", have: int) -> bool:
    return bool(answer.headers.get("content-range", "").startswith(f"bytes {have}-"))
