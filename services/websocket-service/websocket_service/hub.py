"""Who is connected, and how one message reaches all of them without anyone waiting for the slowest."""

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import anyio
from starlette.websockets import WebSocketDisconnect

logger = logging.getLogger(__name__)

GOING_AWAY = 1001  # RFC 6455: the server stops
TRY_AGAIN_LATER = 1013  # IANA registry: the server is full, or this client is too slow


class Socket(Protocol):
    """The part of an accepted WebSocket that the hub uses."""

    async def send_text(self, data: str) -> None: ...

    async def receive(self) -> Mapping[str, Any]: ...

    async def close(self, code: int = 1000, reason: str | None = None) -> None: ...


@dataclass(frozen=True)
class Limits:
    """How much one replica holds: sockets, messages waiting for one socket, event ids remembered.

    `close_timeout`: seconds that a peer which reads nothing may hold up its own close.
    """

    clients: int = 1000
    queue: int = 100
    remembered: int = 10_000
    close_timeout: float = 1.0


class _Client:
    """One connection: its waiting messages, and with what it is to be closed."""

    def __init__(self, size: int) -> None:
        self.queue: asyncio.Queue[str] = asyncio.Queue(size)
        self.goodbye: tuple[int, str] | None = None
        self.leaving = asyncio.Event()

    def put(self, text: str) -> None:
        """Queue a message; a client whose queue is full is closed: it comes back and loads the present state."""
        try:
            self.queue.put_nowait(text)
        except asyncio.QueueFull:
            self.close(TRY_AGAIN_LATER, "too slow: connect again and reload")

    def close(self, code: int, reason: str) -> None:
        self.goodbye = self.goodbye or (code, reason)
        self.leaving.set()


class Hub:
    """The connections of this replica.

    There may be one replica only: a consumer group hands each event to one of its members, so with two replicas each
    browser would hear only of a part of the changes.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._clients: set[_Client] = set()
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._stopping = False
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._clients)

    def broadcast(self, event_id: str, message: Mapping[str, Any]) -> bool:
        """Queue `message` for every connection; False when this event was already sent. Never waits."""
        if event_id in self._seen:
            return False
        self._seen[event_id] = None
        if len(self._seen) > self._limits.remembered:
            self._seen.popitem(last=False)
        text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
        for client in self._clients:
            client.put(text)
        return True

    async def serve(self, socket: Socket, hello: Mapping[str, Any]) -> None:
        """Serve one accepted socket until either side ends it; what the client says is read and ignored."""
        client = _Client(self._limits.queue)
        if self._stopping:
            client.close(GOING_AWAY, "the server stops")
        elif len(self._clients) >= self._limits.clients:
            logger.warning("connection refused: %d are open, the most this replica holds", len(self._clients))
            client.close(TRY_AGAIN_LATER, "too many connections")
        client.put(json.dumps(hello))
        self._clients.add(client)
        self._empty.clear()
        try:
            await self._until_done(socket, client)
        finally:
            self._clients.discard(client)
            if not self._clients:
                self._empty.set()

    async def close(self) -> None:
        """Close every connection with 1001, and each one that still comes; return when all are closed."""
        self._stopping = True
        for client in self._clients:
            client.close(GOING_AWAY, "the server stops")
        await self._empty.wait()

    async def _until_done(self, socket: Socket, client: _Client) -> None:
        if client.goodbye is None:
            async with anyio.create_task_group() as group:

                async def ends_it(step: Callable[[], Awaitable[object]]) -> None:
                    with suppress(WebSocketDisconnect):
                        await step()
                    group.cancel_scope.cancel()

                for step in (partial(_send, socket, client), partial(_ignore, socket), client.leaving.wait):
                    group.start_soon(ends_it, step)
        if client.goodbye is not None:
            # The browser may be gone by now, or read nothing.
            with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
                async with asyncio.timeout(self._limits.close_timeout):
                    await socket.close(*client.goodbye)


async def _send(socket: Socket, client: _Client) -> None:
    while True:
        await socket.send_text(await client.queue.get())


async def _ignore(socket: Socket) -> None:
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
