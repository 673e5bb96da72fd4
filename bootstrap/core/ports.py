"""Ports on loopback: the wanted one where it is free or ours, else the next free one; remembered between runs."""

import fcntl
import json
import os
import socket
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import ProblemsFound

SEARCH_SPAN = 200  # how far from the wanted port a free one is looked for


def is_free(port: int) -> bool:
    """Whether a program could listen on 127.0.0.1:`port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do it: connections in TIME_WAIT do not make a port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except (OSError, OverflowError):
            return False
        return True


def holder(port: int) -> str:
    """Who listens on the port, as far as this user may know."""
    with suppress(psutil.Error, OSError):
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
                if connection.pid is None:
                    break
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return "another checkout that is coming up" if is_free(port) else "a program of another user"


_CLAIMED: dict[int, int] = {}


def claim(port: int) -> bool:
    """Whether this program has the port to itself among all environments of this user, from now until it ends.

    Between the choice of a port and the moment when a process listens on it, the port looks free to everybody: two
    checkouts that come up at the same time would choose the same.
    """
    if port in _CLAIMED:
        return True
    try:
        folder = Path(tempfile.gettempdir()) / f"inv-ports-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(folder / str(port), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError:  # no place for claims: the choice is as good as without them
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    _CLAIMED[port] = descriptor
    return True


def may_be_ours(port: int) -> bool:
    """Free, and claimed by no other environment that is coming up."""
    return is_free(port) and claim(port)


class Ports:
    """The ports of a local environment, by purpose ("backend-api", "backend-api.sidecar-http", "broker")."""

    def __init__(self, file: Path, free: Callable[[int], bool] = may_be_ours) -> None:
        self._file = file
        self._free = free

    def all(self) -> dict[str, int]:
        """What was last decided."""
        with suppress(OSError, ValueError):
            data = json.loads(self._file.read_text())
            if isinstance(data, dict):
                return {name: port for name, port in data.items() if isinstance(port, int)}
        return {}

    def decide(self, wanted: dict[str, int], in_use: Callable[[str], bool]) -> dict[str, int]:
        """Decides a port for each purpose. `in_use` says whether a process of ours holds the decided one already.

        Raises `ProblemsFound` (`no-free-port`) when none is left.
        """
        before = self.all()
        decided: dict[str, int] = {}
        for name in wanted:
            if name in before and before[name] not in decided.values() and in_use(name):
                decided[name] = before[name]
        for name, port in wanted.items():
            if name not in decided:
                others = {other for purpose, other in wanted.items() if purpose != name and other != port}
                decided[name] = self._pick([before.get(name, port), port], others | set(decided.values()), name)
        if decided != before:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            draft = self._file.with_suffix(".draft")
            draft.write_text(json.dumps(decided, indent=1))
            draft.replace(self._file)
        return decided

    def _pick(self, preferred: list[int], taken: set[int], name: str) -> int:
        first = preferred[-1]
        last = min(first + SEARCH_SPAN - 1, 65535)
        candidates: list[int] = preferred + list(range(first, last + 1))
        for port in candidates:
            if port not in taken and self._free(port):
                return port
        raise ProblemsFound(problem("no-free-port", f"No free port for {name}.", first=first, last=last, final=True))
