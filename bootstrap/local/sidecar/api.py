"""What the sidecar does for its app, whichever protocol asks."""

import asyncio
import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
from aiokafka.errors import KafkaError
from grpc import StatusCode

from bootstrap.local.sidecar import errors, events
from bootstrap.local.sidecar.broker import BrokerAway, Connection
from bootstrap.local.sidecar.delivery import Delivery
from bootstrap.local.sidecar.resources import Resources
from bootstrap.local.sidecar.state import Change, Entry, EtagMismatch, Store

VERSION = "built-in"
CAPABILITIES = {"state.sqlite": ["ETAG", "TRANSACTIONAL", "TTL"]}


class Sidecar:
    """One app's sidecar. `registry` is a JSON file: app id → `host:port` of the app."""

    def __init__(
        self,
        resources: Resources,
        app_port: int,
        registry: Path,
        connection: Connection | None,
        delivery: Delivery,
        client: httpx.AsyncClient,
    ) -> None:
        self.resources, self.app_port, self.registry = resources, app_port, registry
        self.connection, self.delivery, self.client = connection, delivery, client
        store = resources.statestore
        self._store = Store(store.metadata["connectionString"], resources.app) if store else None

    def close(self) -> None:
        if self._store:
            self._store.close()

    async def publish(
        self, pubsub: str, topic: str, data: bytes, content_type: str, metadata: Mapping[str, str], trace: str
    ) -> None:
        """Raises ApiError, also when the broker does not acknowledge in time."""
        component = self.resources.pubsub
        if component is None or self.connection is None or component.name != pubsub:
            raise errors.pubsub_missing(pubsub)
        if not topic:
            raise errors.topic_empty(pubsub)
        app = self.resources.app
        value = events.envelope(data, content_type, metadata, app=app, pubsub=pubsub, topic=topic, trace=trace)
        if not self.resources.may("publishingScopes", topic):
            raise errors.topic_forbidden(topic, app)
        key = metadata.get("partitionKey", metadata.get("__key"))
        headers = tuple((name, text.encode()) for name, text in metadata.items())
        try:
            async with asyncio.timeout(self.resources.publishing.timeout):
                await self.connection.publish(topic, value, None if key is None else key.encode(), headers)
        except (KafkaError, BrokerAway, TimeoutError) as error:
            raise errors.publish_failed(pubsub, topic, str(error) or type(error).__name__) from error

    def get(self, store: str, keys: Sequence[str]) -> list[Entry]:
        """Raises ApiError."""
        return self._named(store).get(keys)

    def change(self, store: str, changes: Sequence[Change], *, failure: str, what: str) -> None:
        """Each change for itself. Raises ApiError with the code `failure` and a message that starts with `what`."""
        try:
            self._named(store).change(changes)
        except EtagMismatch as error:
            raise errors.ApiError(StatusCode.ABORTED, 409, failure, f"{what}: {error}") from error
        except sqlite3.Error as error:
            raise errors.ApiError(StatusCode.INTERNAL, 500, failure, f"{what}: {error}") from error

    def transact(self, store: str, changes: Sequence[Change]) -> None:
        """All or nothing. Raises ApiError."""
        try:
            self._named(store).transact(changes)
        except (EtagMismatch, sqlite3.Error) as error:
            message = f"error while executing state transaction: {error}"
            raise errors.ApiError(StatusCode.INTERNAL, 500, "ERR_STATE_TRANSACTION", message) from error

    def _named(self, name: str) -> Store:
        component = self.resources.statestore
        if self._store is None or component is None or component.name != name:
            raise errors.store_missing(name, configured=self._store is not None)
        return self._store

    def address(self, app: str) -> str:
        """`host:port` of an app. Raises ApiError for one that the registry does not hold."""
        try:
            known = json.loads(self.registry.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            known = None
        if not isinstance(known, dict) or app not in known:
            raise errors.invoke_failed(app, f"couldn't find service: {app}")
        return str(known[app])

    def check(self, *, outbound: bool) -> None:
        """Raise ApiError unless the sidecar can work: `outbound` for the app's calls, else for its events too."""
        if self.connection and self.connection.session is None:
            code = "ERR_OUTBOUND_HEALTH_NOT_READY" if outbound else "ERR_HEALTH_NOT_READY"
            raise errors.not_ready("dapr is not ready: no connection to the broker", code)
        if not outbound and not self.delivery.complete:
            raise errors.not_ready("dapr is not ready: subscriptions are not in place", "ERR_HEALTH_NOT_READY")

    def metadata(self) -> dict[str, Any]:
        """What `GET /v1.0/metadata` answers. A subscription is in it only while it is being read."""
        return {
            "id": self.resources.app,
            "runtimeVersion": VERSION,
            "components": [
                {"name": c.name, "type": c.type, "version": c.version, "capabilities": CAPABILITIES.get(c.type, [])}
                for c in self.resources.components
            ],
            "extended": {"daprRuntimeVersion": VERSION},
            "subscriptions": [
                {
                    "pubsubname": s.pubsub,
                    "topic": s.topic,
                    "rules": [{"path": s.route}],
                    "deadLetterTopic": s.dead_letter,
                    "type": "DECLARATIVE",
                }
                for s in self.resources.subscriptions
                if s.topic in self.delivery.placed
            ],
            "appConnectionProperties": {
                "port": self.app_port,
                "protocol": "http",
                "channelAddress": "127.0.0.1",
            },
        }
