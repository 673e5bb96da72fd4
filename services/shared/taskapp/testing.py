"""Stand-ins for the tests of services: the sidecar in memory."""

import copy
import json as jsonlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from taskapp.dapr import Response
from taskapp.errors import Conflict, TransientError
from taskapp.events import CloudEvent, Task

Answer = Callable[[str, str, Any, Mapping[str, str]], Response]
"""Given method, path, JSON and headers: what an invoked service answers."""


class FakeDapr:
    """A Publisher, StateStore and Invoker in memory, with the ETag semantics of the real one.

    `published` holds (topic, event as a JSON object) in order, `keys` their partition keys. `services` maps
    app ids to answers. While `away` is true every operation raises TransientError.
    """

    def __init__(self, services: Mapping[str, Answer] | None = None) -> None:
        self.away = False
        self.published: list[tuple[str, dict[str, Any]]] = []
        self.keys: list[str | None] = []
        self.state: dict[str, tuple[Any, str]] = {}
        self.services = dict(services or {})
        self._writes = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        return None

    async def publish(self, topic: str, event: CloudEvent[Any] | str, *, key: str | None = None) -> None:
        """See taskapp.dapr.Publisher."""
        self._reach("publish")
        text, partition = (event, key) if isinstance(event, str) else (event.to_json(), event.subject)
        self.published.append((topic, jsonlib.loads(text)))
        self.keys.append(partition)

    async def get(self, key: str) -> tuple[Any, str | None]:
        """See taskapp.dapr.StateStore."""
        self._reach("read state")
        return copy.deepcopy(self.state.get(key, (None, None)))

    async def save(self, key: str, value: Any, etag: str | None = None) -> None:
        """See taskapp.dapr.StateStore."""
        self._reach("write state")
        current = self.state[key][1] if key in self.state else None
        if current != etag:
            raise Conflict(f"write state {key}")
        self._writes += 1
        self.state[key] = (jsonlib.loads(jsonlib.dumps(value)), f"etag-{self._writes}")

    async def invoke(
        self, app_id: str, method: str, path: str, json: Any = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """See taskapp.dapr.Invoker."""
        self._reach(f"invoke {app_id}")
        if app_id not in self.services:
            raise TransientError(f"invoke {app_id}: there is no such service")
        answer = self.services[app_id](method, path, json, headers or {})
        if answer.status >= 500:
            raise TransientError(f"invoke {app_id}: {method} {path} answered {answer.status}")
        return answer

    def _reach(self, what: str) -> None:
        if self.away:
            raise TransientError(f"{what}: the sidecar is away")


def make_task(**changes: Any) -> Task:
    """A valid task for tests; keyword arguments replace its fields."""
    at = datetime(2030, 1, 1, 9, tzinfo=UTC)
    fields = {
        "id": "00000000-0000-4000-8000-000000000001",
        "title": "Water the plants",
        "created_at": at,
        "updated_at": at,
        "version": 1,
    }
    return Task.model_validate({**fields, **changes})
