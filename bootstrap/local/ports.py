"""Ports on loopback: the wanted one where it is free or ours, else the next free one; remembered between runs."""

import json
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from bootstrap.catalogue import problem
from bootstrap.problem import Failed

SPAN = 200  # how far from the wanted port a free one is looked for


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
    return "a program of another user"


class Ports:
    """The ports of a local environment, by purpose ("backend-api", "backend-api.sidecar-http", "broker")."""

    def __init__(self, file: Path, free: Callable[[int], bool] = is_free) -> None:
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

        Raises `Failed` (`no-free-port`) when none is left.
        """
        before = self.all()
        decided: dict[str, int] = {}
        for name in wanted:
            if name in before and before[name] not in decided.values() and in_use(name):
                decided[name] = before[name]
        for name, port in wanted.items():
            if name not in decided:
                decided[name] = self._pick([before.get(name, port), port], set(decided.values()), name)
        if decided != before:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            draft = self._file.with_suffix(".draft")
            draft.write_text(json.dumps(decided, indent=1))
            draft.replace(self._file)
        return decided

    def _pick(self, preferred: list[int], taken: set[int], name: str) -> int:
        first = preferred[-1]
        last = min(first + SPAN - 1, 65535)
        candidates: list[int] = preferred + list(range(first, last + 1))
        for port in candidates:
            if port not in taken and self._free(port):
                return port
        raise Failed(problem("no-free-port", f"No free port for {name}.", first=first, last=last, final=True))
