"""A port of this machine that leads into the cluster, for as long as a context lasts."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Self

Carry = Callable[[socket.socket], None]
"""Carries one accepted connection to its end, and closes it. Raises what keeps it from doing so."""

JOIN_TIMEOUT_S = 2.0  # seconds that all connections together get to end with the tunnel


class Tunnel:
    """Listens on 127.0.0.1 and gives every connection, on a thread of its own, to `carry`.

    `port` 0 takes any free one. Raises OSError when it is taken. `notify` hears why connections fail, once while it is
    the same.
    """

    def __init__(self, carry: Carry, port: int = 0, notify: Callable[[str], object] = str) -> None:
        self._carry, self._say = carry, notify
        self._open: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._trouble = ""
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, name=f"tunnel {self.port}", daemon=True)
        self._acceptor.start()

    @property
    def url(self) -> str:
        """The base URL of what is at the other end, for one that speaks HTTP."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the listener and every connection."""
        with self._lock:
            self._closed = True
            under_way = dict(self._open)
        for ended in (self._listener, *under_way):
            with suppress(OSError):
                ended.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits on it
        self._listener.close()
        until = time.monotonic() + JOIN_TIMEOUT_S
        for thread in (self._acceptor, *under_way.values()):
            thread.join(max(0.0, until - time.monotonic()))

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(client,), name="tunnel", daemon=True)
            with self._lock:
                if self._closed:
                    client.close()
                    return
                self._open[client] = thread
                thread.start()

    def _serve(self, client: socket.socket) -> None:
        try:
            self._carry(client)
            self._trouble = ""
        except Exception as error:  # noqa: BLE001 - one connection's trouble is never another's
            trouble = str(error) or type(error).__name__
            if trouble != self._trouble:
                self._say(trouble)
            self._trouble = trouble
        finally:
            client.close()
            with self._lock:
                self._open.pop(client, None)
