import asyncio
import itertools
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_service.history import LATEST, PAGE_SIZE
from audit_service.main import build_app
from taskapp.dapr import Dapr, StateStore
from taskapp.events import CloudEvent
from taskapp.settings import Settings
from taskapp.testing import FakeDapr, make_task
from taskapp.testing_faults import FaultyStore

SETTINGS = Settings(port=1, app_id="audit-service", version="abc")
START = datetime(2030, 1, 1, 9, tzinfo=UTC)
TASK = make_task().id
KINDS = {1: "created", 4: "completed", 5: "deleted"}


def ticking() -> Callable[[], datetime]:
    """A clock that moves half a second with each look."""
    ticks = itertools.count()
    return lambda: START + next(ticks) * timedelta(seconds=0.5)


def event(sequence: int, task_id: str = TASK) -> str:
    """The change number `sequence` of a task: always the same event."""
    at = START + timedelta(seconds=sequence)
    task = make_task(id=task_id, title=f"Title {sequence}", version=sequence, updated_at=at)
    kind: Any = KINDS.get(sequence, "updated")
    made = CloudEvent.of_task(kind, task, ["title"])
    return made.model_copy(update={"id": f"{task_id}/{sequence}"}).to_json()


def deliver(client: TestClient, body: str) -> str:
    answer = client.post("/events/task-events", content=body)
    assert answer.status_code == 200
    return str(answer.json()["status"])


def deliver_together(store: StateStore, events: Iterable[str]) -> list[str]:
    async def run() -> list[str]:
        transport = httpx.ASGITransport(build_app(SETTINGS, store, now=ticking()))
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            answers = await asyncio.gather(*(client.post("/events/task-events", content=e) for e in events))
        return [answer.json()["status"] for answer in answers]

    return asyncio.run(run())


def history(store: StateStore, task_id: str = TASK) -> tuple[list[int], bool]:
    """The sequences that are recorded of a task, in the order shown, and whether they are all."""
    answer = TestClient(build_app(SETTINGS, store)).get(f"/history/{task_id}").json()
    assert answer["task_id"] == task_id
    return [entry["sequence"] for entry in answer["entries"]], answer["complete"]


def latest(store: StateStore, **query: int) -> list[dict[str, Any]]:
    answer = TestClient(build_app(SETTINGS, store)).get("/history", params=query)
    entries: list[dict[str, Any]] = answer.json()["entries"]
    return entries


@pytest.fixture
def dapr() -> FakeDapr:
    return FakeDapr()


@pytest.fixture
def client(dapr: FakeDapr) -> TestClient:
    return TestClient(build_app(SETTINGS, dapr, now=ticking()))


def test_a_change_is_recorded(client: TestClient, dapr: FakeDapr) -> None:
    assert deliver(client, event(1)) == "SUCCESS"
    answer = client.get(f"/history/{TASK}").json()
    assert answer == {
        "task_id": TASK,
        "complete": True,
        "entries": [
            {
                "event_id": f"{TASK}/1",
                "task_id": TASK,
                "type": "taskapp.task.created.v1",
                "sequence": 1,
                "time": "2030-01-01T09:00:01Z",
                "changes": ["title"],
                "task_title": "Title 1",
                "status": "open",
                "recorded_at": "2030-01-01T09:00:00Z",
            }
        ],
    }
    assert latest(dapr) == answer["entries"]


def test_of_an_unknown_task_nothing_is_complete(client: TestClient) -> None:
    assert client.get(f"/history/{TASK}").json() == {"task_id": TASK, "entries": [], "complete": False}
    assert client.get("/history").json() == {"entries": []}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 8), min_size=1, max_size=20))
def test_any_order_and_any_redelivery_give_the_same_history(sequences: list[int]) -> None:
    dapr = FakeDapr()
    client = TestClient(build_app(SETTINGS, dapr, now=ticking()))
    expected: set[int] = set()
    before: list[Any] = []
    for sequence in sequences:
        assert deliver(client, event(sequence)) == "SUCCESS"
        expected.add(sequence)
        entries = client.get(f"/history/{TASK}").json()["entries"]
        # What was there stays as it was.
        assert [entry for entry in entries if entry in before] == before
        before = entries
    ordered = sorted(expected)
    assert history(dapr) == (ordered, ordered == list(range(1, len(ordered) + 1)))
    assert [entry["sequence"] for entry in latest(dapr)] == ordered[::-1]


def test_the_first_event_of_a_sequence_stays(client: TestClient, dapr: FakeDapr) -> None:
    deliver(client, event(1))
    assert deliver(client, event(1).replace(f"{TASK}/1", "another").replace("Title 1", "Forged")) == "SUCCESS"
    (entry,) = latest(dapr)
    assert entry["task_title"] == "Title 1"
    assert history(dapr) == ([1], True)


def test_concurrent_changes_are_all_recorded(dapr: FakeDapr) -> None:
    pending = [event(sequence) for sequence in range(1, 7)]
    while pending:
        answers = deliver_together(FaultyStore(dapr), pending)
        assert set(answers) <= {"SUCCESS", "RETRY"}
        assert "SUCCESS" in answers
        pending = [e for e, answer in zip(pending, answers, strict=True) if answer == "RETRY"]
    assert history(dapr) == ([1, 2, 3, 4, 5, 6], True)
    assert len(latest(dapr)) == 6


@pytest.mark.parametrize("after", [False, True], ids=["before it took effect", "after it took effect"])
@pytest.mark.parametrize("sequence", [2, PAGE_SIZE + 1], ids=["the page is there", "the page is new"])
def test_nothing_is_lost_or_doubled_wherever_the_store_fails(sequence: int, after: bool) -> None:
    for call in itertools.count():
        dapr = FakeDapr()
        deliver_together(dapr, [event(1)])
        store = FaultyStore(dapr, call, after=after)
        answers = deliver_together(store, [event(sequence)])
        if store.calls == call:
            break
        assert answers == ["RETRY"]
        assert deliver_together(dapr, [event(sequence)]) == ["SUCCESS"]
        assert history(dapr) == ([1, sequence], sequence == 2), f"after a failure at call {call}"
        assert [entry["sequence"] for entry in latest(dapr)] == [sequence, 1]
    assert answers == ["SUCCESS"]
    assert call >= 5


def test_a_long_history_is_paged_and_whole(client: TestClient, dapr: FakeDapr) -> None:
    many = 2 * PAGE_SIZE + 3
    for sequence in range(many, 0, -1):
        assert deliver(client, event(sequence)) == "SUCCESS"
    assert history(dapr) == (list(range(1, many + 1)), True)
    assert max(len(value) for key, (value, _) in dapr.state.items() if key.startswith("task:")) == PAGE_SIZE
    assert [entry["sequence"] for entry in latest(dapr, limit=LATEST)] == list(range(many, many - LATEST, -1))


@settings(max_examples=20, deadline=None)
@given(st.permutations([(task, sequence) for task in (1, 2, 3) for sequence in (1, 2)]))
def test_the_latest_over_all_tasks(order: list[tuple[int, int]]) -> None:
    dapr = FakeDapr()
    client = TestClient(build_app(SETTINGS, dapr))
    for task, sequence in order:
        deliver(client, event(sequence, f"00000000-0000-4000-8000-00000000000{task}"))
    assert [entry["sequence"] for entry in latest(dapr)] == [2, 2, 2, 1, 1, 1]
    assert [entry["sequence"] for entry in latest(dapr, limit=4)] == [2, 2, 2, 1]


def test_a_store_that_is_away_is_tried_again(client: TestClient, dapr: FakeDapr) -> None:
    dapr.away = True
    assert deliver(client, event(1)) == "RETRY"
    assert client.get(f"/history/{TASK}").status_code == 503


@pytest.mark.parametrize("body", ["", "null", "{}", event(1).replace('"schema_version":1', '"schema_version":2')])
def test_poison_is_dropped(client: TestClient, dapr: FakeDapr, body: str) -> None:
    assert deliver(client, body) == "DROP"
    assert dapr.state == {}


@pytest.mark.parametrize("path", ["/history/nonsense", "/history?limit=0", f"/history?limit={LATEST + 1}"])
def test_a_wrong_question_is_a_problem(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_without_a_sidecar_it_is_ready_and_says_what_does_not_work() -> None:
    with TestClient(build_app(SETTINGS, Dapr(None, None))) as client:
        assert client.get("/readyz").status_code == 200
        answer = client.get("/history")
    assert answer.status_code == 503
