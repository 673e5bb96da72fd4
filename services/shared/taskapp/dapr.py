"""Access to the Dapr sidecar through the official SDK, as small protocols that tests can fake.

Every failure to reach or use the sidecar is a TransientError.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self
from urllib.parse import quote

from taskapp import trace
from taskapp.connection import HOST, NO_SIDECAR, Connection, import_sdk
from taskapp.errors import TransientError
from taskapp.events import CloudEvent

if TYPE_CHECKING:
    import aiohttp

PUBSUB = "pubsub"
STATE_STORE = "statestore"


@dataclass(frozen=True)
class Response:
    """What an invoked service answered."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        """The body as JSON. Raises ValueError when it is not."""
        return json.loads(self.body)


class Publisher(Protocol):
    """Publishes events."""

    async def publish(self, topic: str, event: CloudEvent[Any] | str, *, key: str | None = None) -> None:
        """Put an event (or its JSON form, with its partition `key`) on a topic; returns once it is accepted."""


class StateStore(Protocol):
    """Keeps JSON values under keys, with optimistic concurrency."""

    async def get(self, key: str) -> tuple[Any, str | None]:
        """The value and its ETag; (None, None) when there is none."""

    async def save(self, key: str, value: Any, etag: str | None = None) -> None:
        """Write `value`: over the one read with `etag`, or, without one, only where there is none yet.

        Raises Conflict when somebody else wrote first.
        """


class Invoker(Protocol):
    """Calls other services by their app id."""

    async def invoke(
        self, app_id: str, method: str, path: str, json: Any = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Send an HTTP request, whose `path` may have a query; any answer below 500 is returned.

        Raises TransientError when the service or the sidecar is away, or answers 500 or above.
        """


class Sidecar(Publisher, StateStore, Invoker, Protocol):
    """All of it, as an async context manager that spans the life of the service."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None: ...


class Dapr:
    """The sidecar of this process. Use as an async context manager; connects at the first use.

    `timeout`: seconds for one operation. Without ports there is no sidecar, and every use raises TransientError.
    Loads the SDK when it is made: before there are requests, two of which could need it at once.
    """

    def __init__(self, http_port: int | None, grpc_port: int | None, *, timeout: float = 5.0) -> None:
        import_sdk()
        self._http_port = http_port
        self._timeout = timeout
        self._connection = Connection(http_port, grpc_port, timeout)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Close every connection."""
        await self._connection.close()
        if self._session is not None:
            await self._session.close()

    async def publish(self, topic: str, event: CloudEvent[Any] | str, *, key: str | None = None) -> None:
        """See Publisher."""
        data, partition = (event, key) if isinstance(event, str) else (event.to_json(), event.subject)
        await self._connection.call(
            f"publish on {topic}",
            lambda client: client.publish_event(
                pubsub_name=PUBSUB,
                topic_name=topic,
                data=data,
                data_content_type="application/cloudevents+json",
                publish_metadata={"partitionKey": partition} if partition else {},
            ),
        )

    async def get(self, key: str) -> tuple[Any, str | None]:
        """See StateStore."""
        found = await self._connection.call(f"read state {key}", lambda client: client.get_state(STATE_STORE, key))
        return (json.loads(found.data), found.etag or None) if found.data else (None, None)

    async def save(self, key: str, value: Any, etag: str | None = None) -> None:
        """See StateStore."""
        from dapr.clients.grpc._state import Concurrency, Consistency, StateOptions

        options = StateOptions(concurrency=Concurrency.first_write, consistency=Consistency.strong)
        text = json.dumps(value, separators=(",", ":"))
        await self._connection.call(
            f"write state {key}",
            lambda client: client.save_state(STATE_STORE, key, text, etag=etag, options=options),
        )

    async def invoke(
        self, app_id: str, method: str, path: str, json: Any = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """See Invoker."""
        if self._http_port is None:
            raise TransientError(f"invoke {app_id}: {NO_SIDECAR}")
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._timeout))
        url = f"http://{HOST}:{self._http_port}/v1.0/invoke/{quote(app_id)}/method/{path.lstrip('/')}"
        sent = {"traceparent": trace.current() or "", **(headers or {})}
        try:
            async with self._session.request(
                method, url, json=json, headers={k: v for k, v in sent.items() if v}
            ) as answer:
                body = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TransientError(f"invoke {app_id}: {error or type(error).__name__}") from error
        if answer.status >= 500:
            raise TransientError(f"invoke {app_id}: {method} {path} answered {answer.status}")
        return Response(answer.status, body, dict(answer.headers))
