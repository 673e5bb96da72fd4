import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from recurring_task_service.main import build_app
from taskapp.dapr import Response
from taskapp.events import CloudEvent, TaskKind
from taskapp.settings import Settings
from taskapp.testing import FakeDapr, make_task

SETTINGS = Settings(port=1, app_id="recurring-task-service", version="abc")
NOW = datetime(2026, 3, 10, 10, tzinfo=UTC)


class Backend:
    """Makes one task for each idempotency key, or answers with `status`."""

    def __init__(self) -> None:
        self.made: dict[str, Any] = {}
        self.status: int | None = None

    def __call__(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Response:
        assert (method, path) == ("POST", "/tasks")
        if self.status is not None:
            return Response(self.status, b"{}")
        key = headers["Idempotency-Key"]
        status = 200 if key in self.made else 201
        self.made.setdefault(key, body)
        return Response(status, b"{}")


@pytest.fixture
def backend() -> Backend:
    return Backend()


@pytest.fixture
def dapr(backend: Backend) -> FakeDapr:
    return FakeDapr({"backend-api": backend})


@pytest.fixture
def client(dapr: FakeDapr) -> TestClient:
    return TestClient(build_app(SETTINGS, dapr, now=lambda: NOW))


def completed(kind: TaskKind = "completed", **task: Any) -> str:
    fields = {"recurrence": "daily", "due_at": "2026-03-10T09:00:00Z", "status": "completed", "version": 2}
    return CloudEvent.of_task(kind, make_task(**(fields | task)), ["status"]).to_json()


def deliver(client: TestClient, event: str) -> str:
    answer = client.post("/events/task-events", content=event)
    assert answer.status_code == 200
    return str(answer.json()["status"])


def test_a_completed_recurring_task_gets_its_next_occurrence(client: TestClient, backend: Backend) -> None:
    assert deliver(client, completed()) == "SUCCESS"
    task_id = make_task().id
    assert backend.made == {
        f"next-of-{task_id}": {
            "title": "Water the plants",
            "description": "",
            "due_at": "2026-03-11T09:00:00Z",
            "remind_at": None,
            "recurrence": "daily",
            "previous_id": task_id,
        }
    }


def test_redelivered_and_completed_again_it_still_gets_one(client: TestClient, backend: Backend) -> None:
    for event in (completed(), completed(version=4), completed()):
        assert deliver(client, event) == "SUCCESS"
    assert len(backend.made) == 1


def test_concurrent_deliveries_make_one(dapr: FakeDapr, backend: Backend) -> None:
    async def run() -> list[str]:
        transport = httpx.ASGITransport(build_app(SETTINGS, dapr, now=lambda: NOW))
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            event = completed()
            answers = await asyncio.gather(*(client.post("/events/task-events", content=event) for _ in range(5)))
        return [answer.json()["status"] for answer in answers]

    assert asyncio.run(run()) == ["SUCCESS"] * 5
    assert len(backend.made) == 1


@pytest.mark.parametrize(
    "event",
    [completed("created"), completed("updated"), completed("deleted"), completed(recurrence=None)],
    ids=["created", "updated", "deleted", "does not recur"],
)
def test_everything_else_is_none_of_its_business(client: TestClient, backend: Backend, event: str) -> None:
    assert deliver(client, event) == "SUCCESS"
    assert backend.made == {}


@pytest.mark.parametrize("status", [400, 403, 409, 422])
def test_a_refused_occurrence_is_poison(client: TestClient, backend: Backend, status: int) -> None:
    backend.status = status
    assert deliver(client, completed()) == "DROP"


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_busy_or_broken_backend_is_tried_again(client: TestClient, backend: Backend, status: int) -> None:
    backend.status = status
    assert deliver(client, completed()) == "RETRY"
    backend.status = None
    assert deliver(client, completed()) == "SUCCESS"
    assert len(backend.made) == 1


def test_a_sidecar_that_is_away_is_tried_again(client: TestClient, dapr: FakeDapr) -> None:
    dapr.away = True
    assert deliver(client, completed()) == "RETRY"


@pytest.mark.parametrize("event", ["", "{}", "[]", completed().replace('"schema_version":1', '"schema_version":2')])
def test_poison_is_dropped(client: TestClient, event: str) -> None:
    assert deliver(client, event) == "DROP"


def test_the_end_of_the_calendar_is_not_retried_for_ever(client: TestClient, backend: Backend) -> None:
    assert deliver(client, completed(due_at="9998-12-31T09:00:00Z")) == "SUCCESS"
    assert backend.made == {}
