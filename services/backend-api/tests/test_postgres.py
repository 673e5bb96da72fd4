"""What PostgreSQL does otherwise: many writers, and several replicas of the service."""

import asyncio
import json
import subprocess
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from backend_api.database import Database
from backend_api.scheduler import Scheduler
from backend_api.schemas import NewTask
from backend_api.store import StaleVersion, TaskStore
from backend_api.wake import ThreadsafeEvent
from taskapp.errors import TransientError
from taskapp.standin import FakeSidecar

pytestmark = pytest.mark.real("postgresql")


@pytest.fixture
def url(postgres_server: str) -> str:
    """The URL of an empty database."""
    engine = create_engine(postgres_server)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return postgres_server


@pytest.fixture
def databases(url: str) -> Iterator[list[Database]]:
    """Two replicas that have started at the same time."""
    both = [Database(url), Database(url)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(Database.migrate, both))
    yield both
    for database in both:
        database.close()


def now() -> datetime:
    return datetime.now(UTC)


def test_one_replica_publishes_at_a_time(databases: list[Database]) -> None:
    release = databases[0].try_lock("task-events")
    assert release is not None
    assert databases[1].try_lock("task-events") is None
    other = databases[1].try_lock("reminders")
    assert other is not None
    other()
    release()
    again = databases[1].try_lock("task-events")
    assert again is not None
    again()


def test_the_same_key_in_two_replicas(databases: list[Database]) -> None:
    stores = [TaskStore(database, now, lambda: None) for database in databases]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda n: stores[n % 2].create(NewTask(title="Tea"), "key"), range(16)))
    assert len({task.id for task, _ in results}) == 1
    assert sum(new for _, new in results) == 1


def test_changes_of_one_task_wait_for_each_other(databases: list[Database]) -> None:
    stores = [TaskStore(database, now, lambda: None) for database in databases]
    task, _ = stores[0].create(NewTask(title="0"))
    with ThreadPoolExecutor(8) as pool:
        versions = sorted(
            t.version for t in pool.map(lambda n: stores[n % 2].update(task.id, {"title": str(n + 1)}), range(20))
        )
        assert versions == list(range(2, 22))

        def guarded(n: int) -> bool:
            try:
                stores[n % 2].update(task.id, {"title": f"guarded {n}"}, frozenset({21}))
            except StaleVersion:
                return False
            return True

        assert sum(pool.map(guarded, range(8))) == 1


def test_two_schedulers_share_the_reminders(databases: list[Database]) -> None:
    async def claim_all() -> list[int]:
        schedulers = [Scheduler(database, now, ThreadsafeEvent(), lambda: None) for database in databases]
        rounds = [asyncio.to_thread(scheduler.claim) for scheduler in schedulers for _ in range(6)]
        return [claimed.fired for claimed in await asyncio.gather(*rounds)]

    store = TaskStore(databases[0], now, lambda: None)
    for _ in range(150):
        store.create(NewTask(title="Tea", remind_at=now() - timedelta(hours=1)))
    assert sum(asyncio.run(claim_all())) == 150
    with databases[0].read() as connection:
        query = "SELECT count(*), count(DISTINCT task_id) FROM outbox WHERE topic = 'reminders'"
        assert tuple(connection.execute(text(query)).one()) == (150, 150)


def test_a_server_that_is_away_is_a_transient_error(free_ports: Callable[[int], tuple[int, ...]]) -> None:
    (port,) = free_ports(1)
    database = Database(f"postgresql+psycopg://tasks:geheim@127.0.0.1:{port}/postgres")
    with pytest.raises(TransientError) as away:
        database.migrate()
    assert "geheim" not in str(away.value)


def test_two_replicas_of_the_service_lose_nothing_and_keep_the_order(
    url: str, free_ports: Callable[[int], tuple[int, ...]], start_service: Callable[..., subprocess.Popen[bytes]]
) -> None:
    *ports, http_port, grpc_port = free_ports(4)

    def post(port: int, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.loads(answer.read())

    def life_of_a_task(n: int) -> str:
        task_id = str(post(ports[n % 2], "/tasks", {"title": f"Task {n}"})["id"])
        for step, action in enumerate(["complete", "reopen", "complete"]):
            post(ports[(n + step) % 2], f"/tasks/{task_id}/{action}", {})
        return task_id

    with FakeSidecar((http_port, grpc_port)).running() as standin:
        for port in ports:
            start_service(port, http_port, grpc_port, url)
        with ThreadPoolExecutor(6) as pool:
            created = list(pool.map(life_of_a_task, range(40)))
        assert standin.wait_until(lambda published: len(published) >= 40 * 4 * 2)
        order: dict[tuple[str, str], list[int]] = defaultdict(list)
        for topic, event in standin.published:
            order[topic, event["subject"]].append(event["data"]["sequence"])
    assert order == {(t, task): [1, 2, 3, 4] for t in ("task-events", "task-updates") for task in created}
