import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from backend_api.database import Database
from backend_api.scheduler import Scheduler
from backend_api.schemas import NewTask
from backend_api.store import TaskStore
from backend_api.wake import ThreadsafeEvent
from taskapp.events import reminder_id
from taskapp.testing import FakeDapr

Eventually = Callable[[Callable[[], object]], None]
PAST = datetime(2029, 12, 31, tzinfo=UTC)
FUTURE = datetime(2030, 1, 2, tzinfo=UTC)


@pytest.fixture
def store(database: Database, clock: Any) -> TaskStore:
    return TaskStore(database, clock, lambda: None)


@pytest.fixture
def claim(database: Database, clock: Any) -> Callable[[], tuple[int, datetime | None]]:
    async def once() -> tuple[int, datetime | None]:
        return await asyncio.to_thread(Scheduler(database, clock, ThreadsafeEvent(), lambda: None).claim)

    return lambda: asyncio.run(once())


def make(store: TaskStore, remind_at: datetime | None) -> str:
    return store.create(NewTask(title="Tea", remind_at=remind_at))[0].id


def test_each_reminder_goes_out_once_also_for_a_new_scheduler(store: TaskStore, claim: Any, clock: Any) -> None:
    make(store, PAST)
    make(store, FUTURE)
    make(store, None)
    assert claim() == (1, FUTURE)
    assert claim() == (0, FUTURE)
    clock.at = FUTURE
    assert claim() == (1, None)
    assert claim() == (0, None)


def test_a_deleted_or_completed_task_is_not_reminded_of(store: TaskStore, claim: Any, clock: Any) -> None:
    store.delete(make(store, FUTURE))
    done = make(store, FUTURE)
    store.complete(done)
    clock.at = FUTURE
    assert claim() == (0, None)
    store.reopen(done)
    assert claim() == (1, None)


def test_another_time_arms_it_again_the_same_time_does_not(store: TaskStore, claim: Any) -> None:
    task = make(store, PAST)
    assert claim() == (1, None)
    earlier = PAST - timedelta(hours=1)
    store.update(task, {"remind_at": PAST})
    assert claim() == (0, None)
    store.update(task, {"remind_at": earlier})
    assert claim() == (1, None)
    store.update(task, {"remind_at": None})
    store.update(task, {"remind_at": PAST})
    assert claim() == (0, None), "this one went out before"
    store.update(task, {"remind_at": FUTURE})
    assert claim() == (0, FUTURE)
    store.delete(task)


def test_more_than_one_batch(store: TaskStore, claim: Any) -> None:
    for _ in range(130):
        make(store, PAST)
    assert claim() == (100, PAST)
    assert claim() == (30, None)


def test_the_whole_way_to_the_topic(client: TestClient, dapr: FakeDapr, clock: Any, eventually: Eventually) -> None:
    def reminders() -> list[dict[str, Any]]:
        return [event for topic, event in dapr.published if topic == "reminders"]

    task = client.post("/tasks", json={"title": "Tea", "remind_at": FUTURE.isoformat()}).json()
    clock.at = FUTURE + timedelta(seconds=1)
    client.post("/tasks", json={"title": "Any change wakes it"})
    eventually(reminders)
    (event,) = reminders()
    assert event["type"] == "taskapp.reminder.due.v1"
    assert event["subject"] == task["id"]
    assert event["data"] == {
        "schema_version": 1,
        "reminder_id": reminder_id(task["id"], FUTURE),
        "task_id": task["id"],
        "title": "Tea",
        "due_at": None,
        "remind_at": "2030-01-02T00:00:00Z",
    }


def test_it_sleeps_until_the_next_one_is_due(database: Database) -> None:
    def now() -> datetime:
        return datetime.now(UTC)

    async def main() -> float:
        fired, stop = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()
        scheduler = Scheduler(database, now, ThreadsafeEvent(), lambda: loop.call_soon_threadsafe(fired.set))
        running = asyncio.create_task(scheduler.run(stop))
        async with asyncio.timeout(60):
            await fired.wait()
        late = (now() - due).total_seconds()
        running.cancel()
        await asyncio.wait([running])
        return late

    due = now() + timedelta(seconds=0.6)
    TaskStore(database, now, lambda: None).create(NewTask(title="Soon", remind_at=due))
    assert 0 <= asyncio.run(main()) < 2
