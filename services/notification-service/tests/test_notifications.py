import asyncio
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from notification_service.main import build_app
from taskapp.dapr import StateStore
from taskapp.events import CloudEvent
from taskapp.settings import Settings
from taskapp.testing import FakeDapr, make_task
from taskapp.testing_faults import FaultyStore

SETTINGS = Settings(port=1, app_id="notification-service", version="abc")
START = datetime(2030, 1, 1, 9, tzinfo=UTC)
TASK = make_task(due_at=START + timedelta(days=1))
OTHER = make_task(id="00000000-0000-4000-8000-000000000002")


def ticking() -> Callable[[], datetime]:
    """A clock that moves half a second with each look."""
    ticks = itertools.count()
    return lambda: START + next(ticks) * timedelta(seconds=0.5)


def reminder(number: int = 0) -> str:
    remind_at = START + timedelta(minutes=number)
    return CloudEvent.of_reminder(TASK, remind_at, now=remind_at).to_json()


def deliver(client: TestClient, event: str) -> str:
    answer = client.post("/events/reminders", content=event)
    assert answer.status_code == 200
    return str(answer.json()["status"])


def deliver_together(store: StateStore, events: list[str]) -> list[str]:
    async def run() -> list[str]:
        transport = httpx.ASGITransport(build_app(SETTINGS, store, now=ticking()))
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            answers = await asyncio.gather(*(client.post("/events/reminders", content=event) for event in events))
        return [answer.json()["status"] for answer in answers]

    return asyncio.run(run())


def listed(store: StateStore, task_id: str = TASK.id, **query: int) -> list[dict[str, str]]:
    answer = TestClient(build_app(SETTINGS, store)).get("/notifications", params={"task_id": task_id, **query})
    assert answer.status_code == 200
    notifications: list[dict[str, str]] = answer.json()["notifications"]
    return notifications


@pytest.fixture
def dapr() -> FakeDapr:
    return FakeDapr()


@pytest.fixture
def client(dapr: FakeDapr) -> TestClient:
    return TestClient(build_app(SETTINGS, dapr, now=ticking()))


def test_a_due_reminder_becomes_a_notification(client: TestClient, dapr: FakeDapr) -> None:
    assert deliver(client, reminder()) == "SUCCESS"
    (found,) = listed(dapr)
    assert found.pop("id")
    assert found.pop("reminder_id")
    assert found == {
        "task_id": TASK.id,
        "title": "Water the plants",
        "due_at": "2030-01-02T09:00:00Z",
        "sent_at": "2030-01-01T09:00:00Z",
    }
    assert listed(dapr, OTHER.id) == []


def test_a_redelivery_changes_nothing(client: TestClient, dapr: FakeDapr) -> None:
    deliver(client, reminder())
    first = listed(dapr)
    assert [deliver(client, reminder()) for _ in range(3)] == ["SUCCESS"] * 3
    assert listed(dapr) == first


def test_newest_first_and_no_more_than_asked_for(client: TestClient, dapr: FakeDapr) -> None:
    for number in range(4):
        deliver(client, reminder(number))
    times = [
        "2030-01-01T09:00:01.500000Z",
        "2030-01-01T09:00:01Z",
        "2030-01-01T09:00:00.500000Z",
        "2030-01-01T09:00:00Z",
    ]
    assert [n["sent_at"] for n in listed(dapr)] == times
    assert [n["sent_at"] for n in listed(dapr, limit=2)] == times[:2]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=8))
def test_one_notification_each_in_whatever_order_and_number(numbers: list[int]) -> None:
    dapr = FakeDapr()
    client = TestClient(build_app(SETTINGS, dapr, now=ticking()))
    for number in numbers:
        assert deliver(client, reminder(number)) == "SUCCESS"
    assert len(listed(dapr)) == len({n["reminder_id"] for n in listed(dapr)}) == len(set(numbers))


def test_one_notification_each_when_delivered_at_the_same_time(dapr: FakeDapr) -> None:
    events = [reminder(number % 3) for number in range(9)]
    assert deliver_together(FaultyStore(dapr), events) == ["SUCCESS"] * 9
    assert len(listed(dapr)) == 3


@pytest.mark.parametrize("after", [False, True], ids=["before it took effect", "after it took effect"])
@pytest.mark.parametrize("copies", [1, 2])
def test_nothing_is_lost_or_doubled_wherever_the_store_fails(copies: int, after: bool) -> None:
    untroubled = FaultyStore(FakeDapr())
    deliver_together(untroubled, [reminder()] * copies)
    for call in range(untroubled.calls):
        dapr = FakeDapr()
        deliver_together(dapr, [reminder(7)])
        answers = deliver_together(FaultyStore(dapr, call, after=after), [reminder()] * copies)
        assert set(answers) <= {"SUCCESS", "RETRY"}
        # What was answered with RETRY comes again.
        again = [reminder()] * answers.count("RETRY")
        assert deliver_together(dapr, again) == ["SUCCESS"] * len(again)
        assert len(listed(dapr)) == 2, f"after a failure at call {call}"


def test_a_store_that_is_away_is_tried_again(client: TestClient, dapr: FakeDapr) -> None:
    dapr.away = True
    assert deliver(client, reminder()) == "RETRY"
    assert client.get("/notifications", params={"task_id": TASK.id}).status_code == 503


@pytest.mark.parametrize("event", ["", "null", "{}", reminder().replace('"schema_version":1', '"schema_version":2')])
def test_poison_is_dropped(client: TestClient, event: str) -> None:
    assert deliver(client, event) == "DROP"


@pytest.mark.parametrize("query", ["", "?task_id=x", f"?task_id={TASK.id}&limit=0", f"?task_id={TASK.id}&limit=x"])
def test_a_wrong_question_is_a_problem(client: TestClient, query: str) -> None:
    answer = client.get(f"/notifications{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"]
