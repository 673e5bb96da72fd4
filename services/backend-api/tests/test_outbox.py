import asyncio
import random
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from backend_api import outbox
from backend_api.database import Database
from backend_api.models import outbox as table
from backend_api.outbox import Relay
from backend_api.wake import ThreadsafeEvent
from taskapp.errors import TransientError
from taskapp.events import CloudEvent, TaskEvent, parse_event
from taskapp.testing import make_task

TOPIC = "task-events"


class Flaky:
    """A publisher that fails, or dies after it has published, as it is told."""

    def __init__(self, outcomes: Callable[[], str]) -> None:
        self.outcomes = outcomes
        self.published: list[tuple[str, int, str]] = []

    async def publish(self, topic: str, event: CloudEvent[Any] | str, *, key: str | None = None) -> None:
        await asyncio.sleep(0)
        outcome = self.outcomes()
        if outcome == "refused":
            raise TransientError("away")
        assert isinstance(event, str)
        parsed = parse_event(event.encode(), TaskEvent)
        self.published.append((parsed.subject, parsed.data.sequence, parsed.id))
        if outcome == "accepted, but the answer is lost":
            raise TransientError("no answer")


async def until(ready: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not ready():  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.001)


def task_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def fill(database: Database, tasks: int, changes: int) -> None:
    order = [n for n in range(tasks) for _ in range(changes)]
    random.Random(7).shuffle(order)  # noqa: S311
    versions: dict[int, int] = defaultdict(int)
    with database.write() as connection:
        for n in order:
            versions[n] += 1
            task = make_task(id=task_id(n), version=versions[n])
            outbox.put(connection, TOPIC, CloudEvent.of_task("updated", task))


def waiting(database: Database) -> int:
    with database.read() as connection:
        return int(connection.scalar(select(func.count()).select_from(table)) or 0)


async def relay_until_empty(database: Database, publisher: Flaky) -> None:
    stop, wake = asyncio.Event(), ThreadsafeEvent()
    relay = Relay(TOPIC, wake, database, publisher)
    running = asyncio.create_task(relay.run(stop))
    await until(lambda: waiting(database) == 0)
    stop.set()
    wake.set()
    await running


def first_deliveries(publisher: Flaky) -> dict[str, list[int]]:
    seen: set[str] = set()
    order: dict[str, list[int]] = defaultdict(list)
    for subject, sequence, identity in publisher.published:
        if identity not in seen:
            seen.add(identity)
            order[subject].append(sequence)
    return order


@settings(max_examples=15, deadline=None)
@given(
    outcomes=st.lists(
        st.sampled_from(["accepted", "refused", "accepted, but the answer is lost"]), min_size=1, max_size=4
    )
)
def test_in_order_per_task_and_none_lost(tmp_path_factory: Any, outcomes: list[str]) -> None:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('outbox')}/tasks.db")
    database.migrate()
    fill(database, tasks=4, changes=5)
    answers = iter([*outcomes, *["accepted"] * 1000])
    publisher = Flaky(lambda: next(answers))
    asyncio.run(relay_until_empty(database, publisher))
    database.close()
    assert first_deliveries(publisher) == {task_id(n): [1, 2, 3, 4, 5] for n in range(4)}
    assert len({identity for *_, identity in publisher.published}) == 20


def test_more_than_one_batch_at_a_stretch(database: Database) -> None:
    fill(database, tasks=100, changes=5)
    publisher = Flaky(lambda: "accepted")
    asyncio.run(relay_until_empty(database, publisher))
    assert len(publisher.published) == 500
    assert first_deliveries(publisher) == {task_id(n): [1, 2, 3, 4, 5] for n in range(100)}


def test_a_new_event_leaves_at_once(database: Database) -> None:
    async def main() -> float:
        stop, wake = asyncio.Event(), ThreadsafeEvent()
        publisher = Flaky(lambda: "accepted")
        running = asyncio.create_task(Relay(TOPIC, wake, database, publisher).run(stop))
        loop = asyncio.get_running_loop()
        delays = []
        for _ in range(5):
            await asyncio.sleep(0.05)
            await asyncio.to_thread(fill, database, 1, 1)
            before, begun = len(publisher.published), loop.time()
            wake.set()
            await until(lambda before=before: len(publisher.published) > before)
            delays.append(loop.time() - begun)
        stop.set()
        wake.set()
        await running
        return min(delays)

    assert asyncio.run(main()) < 0.05


def test_without_being_woken_it_looks_again(database: Database) -> None:
    async def main() -> None:
        stop, wake = asyncio.Event(), ThreadsafeEvent()
        publisher = Flaky(lambda: "accepted")
        running = asyncio.create_task(Relay(TOPIC, wake, database, publisher).run(stop))
        await asyncio.sleep(0.05)
        await asyncio.to_thread(fill, database, 1, 1)
        await until(lambda: publisher.published)
        stop.set()
        wake.set()
        await running

    asyncio.run(main())


def test_what_was_accepted_is_forgotten_also_when_cancelled(database: Database) -> None:
    async def main() -> None:
        hang = asyncio.Event()

        class Hanging(Flaky):
            async def publish(self, topic: str, event: CloudEvent[Any] | str, *, key: str | None = None) -> None:
                if self.published:
                    await hang.wait()
                await super().publish(topic, event, key=key)

        publisher = Hanging(lambda: "accepted")
        running = asyncio.create_task(Relay(TOPIC, ThreadsafeEvent(), database, publisher).run(asyncio.Event()))
        await until(lambda: publisher.published)
        running.cancel()
        await asyncio.wait([running])

    fill(database, tasks=1, changes=3)
    asyncio.run(main())
    assert waiting(database) == 2
