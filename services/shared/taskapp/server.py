"""Run an app until SIGTERM."""

import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, MutableMapping

import uvicorn
from fastapi import FastAPI

from taskapp.connection import HOST
from taskapp.logging import configure
from taskapp.settings import Settings

GRACE_S = 3
"""How long requests under way may take to finish after SIGTERM."""

MESSAGE_BYTES = 4096
"""The longest WebSocket message that is read; a longer one closes the connection with code 1009."""


class _Server(uvicorn.Server):
    """Calls `on_stop` before the connections are closed: the last moment to say goodbye on a WebSocket."""

    def __init__(self, config: uvicorn.Config, on_stop: Callable[[], Awaitable[None]] | None) -> None:
        super().__init__(config)
        self._on_stop = on_stop

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        if self._on_stop is not None:
            await self._on_stop()
        await super().shutdown(sockets)


def _bypass_proxies(environ: MutableMapping[str, str]) -> None:
    """Keep a proxy that is meant for the internet from coming between the service and its sidecar."""
    for name in ("no_proxy", "NO_PROXY"):
        environ[name] = ",".join(filter(None, [environ.get(name), HOST]))


def serve(app: FastAPI, settings: Settings, *, on_stop: Callable[[], Awaitable[None]] | None = None) -> None:
    """Serve until SIGTERM or SIGINT: stop accepting, finish what is under way, end the lifespan, return.

    `on_stop` runs when the server no longer accepts connections and those that it has are still open. A
    WebSocket that it leaves open is closed with code 1012 by the server.
    """
    configure(settings.app_id, settings.log_level)
    _bypass_proxies(os.environ)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        ws_max_size=MESSAGE_BYTES,
    )
    # The server raises the signal again when it is done; without a handler it would end the process by the signal.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    _Server(config, on_stop).run()
