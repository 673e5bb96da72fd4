"""The connection to the sidecar under the Dapr client: made late, given up in time, made anew when it is lost."""

import asyncio
import http.client
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from taskapp.errors import Conflict, TransientError

HOST = "127.0.0.1"
NO_SIDECAR = "this service runs without a Dapr sidecar"
R = TypeVar("R")


class Connection:
    """Calls through the SDK's client. `timeout`: seconds for one call, connecting included. No port: no sidecar."""

    def __init__(self, http_port: int | None, grpc_port: int | None, timeout: float) -> None:
        self._http_port = http_port
        self._grpc_port = grpc_port
        self._timeout = timeout
        self._sidecar = sidecar_check(http_port) if http_port else None
        self._connecting = asyncio.Lock()
        self._channel: _Channel | None = None

    async def close(self) -> None:
        """Give up the connection, if there is one."""
        if self._channel is not None:
            await self._channel.client.close()

    async def call(self, what: str, operation: Callable[[Any], Awaitable[R]]) -> R:
        """Run `operation` on the SDK's client; `what` begins the messages of errors.

        Raises Conflict for an ETag that does not match, TransientError for everything else that fails.
        """
        if self._sidecar is None:
            raise TransientError(f"{what}: {NO_SIDECAR}")
        try:
            async with asyncio.timeout(self._timeout):
                channel = await self._connected(self._sidecar)
                channel.calls += 1
                try:
                    return await _attempt(what, operation(channel.client))
                except _Broken as error:
                    lost = str(error)
                    if self._channel is channel:
                        self._channel = None
                finally:
                    channel.calls -= 1
                    # Closing cancels other calls under way. Not closing keeps the transport's own pause before it
                    # connects again, up to two minutes, also for a new client.
                    if channel is not self._channel and channel.calls == 0:
                        await channel.client.close()
        except TimeoutError as error:
            raise TransientError(f"{what}: no answer within {self._timeout:g} s") from error
        # Not chained: whoever keeps this error would keep the SDK's call, and with it the transport and its pause.
        raise TransientError(lost)

    async def _connected(self, ready: Callable[[], Awaitable[None]]) -> "_Channel":
        async with self._connecting:
            if self._channel is None:
                # The SDK's own wait for the sidecar blocks the event loop: enter it when it will be short.
                await ready()
                from dapr.aio.clients import DaprClient
                from dapr.conf import settings

                vars(settings).update(DAPR_RUNTIME_HOST=HOST, DAPR_HTTP_PORT=self._http_port, DAPR_HEALTH_TIMEOUT=1)
                self._channel = _Channel(DaprClient(f"{HOST}:{self._grpc_port}"))
            return self._channel


@dataclass
class _Channel:
    client: Any  # the SDK types only half of its client
    calls: int = 0


class _Broken(Exception):
    """The connection is lost."""


async def _attempt(what: str, call: Awaitable[R]) -> R:
    from dapr.clients.exceptions import DaprGrpcError, DaprInternalError
    from grpc import aio

    try:
        return await call
    except aio.BaseError as error:
        # The client itself is of no use, such as one that is closed.
        raise _Broken(f"{what}: {error}") from error
    except (aio.AioRpcError, DaprGrpcError, DaprInternalError) as error:
        # Some of the SDK's operations wrap the error of the call in one that has no status code.
        code, details = _status(error.__cause__ if isinstance(error, DaprInternalError) else error, str(error))
        message = f"{what}: {code.lower()}: {details}"
        if code == "ABORTED":
            raise Conflict(message) from error
        raise (_Broken if code == "UNAVAILABLE" else TransientError)(message) from error


def _status(fault: Any, words: str) -> tuple[str, str]:
    """The name of the status code and the first line of the details, which are `words` without a status."""
    code = fault.code().name if hasattr(fault, "code") else "UNKNOWN"
    return code, (str(fault.details()) if hasattr(fault, "details") else words).partition("\n")[0]


def import_sdk() -> None:
    """Import the SDK, which takes a while.

    In one thread at a time: its modules import each other in a circle, and two threads that meet there leave it
    broken for the rest of the process.
    """
    import aiohttp
    import dapr.aio.clients
    import dapr.clients.grpc._state

    _ = aiohttp, dapr


def sidecar_check(http_port: int) -> Callable[[], Awaitable[None]]:
    """A check that the sidecar can be used: its outbound health, which does not wait for this service.

    Raises TransientError.
    """

    def look() -> None:
        connection = http.client.HTTPConnection(HOST, http_port, timeout=1.5)
        try:
            connection.request("GET", "/v1.0/healthz/outbound")
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise TransientError(f"the sidecar on port {http_port} does not answer: {error}") from error
        finally:
            connection.close()
        if not 200 <= status < 300:
            raise TransientError(f"the sidecar on port {http_port} is not ready: status {status}")

    async def check() -> None:
        await asyncio.to_thread(look)

    return check
