"""The transactional outbox: events are stored with the change that they tell of, and published from there.

A row is deleted only after its publish was accepted: an event may be published twice, with the same id, and is
never lost. The events of one task leave in the order of its changes.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, insert, select

from backend_api.database import Database
from backend_api.models import outbox
from backend_api.wake import ThreadsafeEvent, wait_for
from taskapp.dapr import Publisher
from taskapp.errors import TransientError
from taskapp.events import CloudEvent

log = logging.getLogger(__name__)

BATCH = 200
"""How many events one turn takes, at most."""
POLL = 1.0
"""Seconds after which to look again without having been woken: another replica may have died before it published."""
BUSY = 0.05
"""Seconds after which to look again when another replica publishes just now."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
"""Seconds to wait after a failed publish; doubled with each further failure."""
CONCURRENCY = 16
"""How many tasks' events are published at the same time."""


def put(connection: Connection, topic: str, event: CloudEvent[Any]) -> None:
    """Store an event, in the transaction of the change that it tells of."""
    connection.execute(insert(outbox).values(topic=topic, task_id=event.subject, event=event.to_json()))


class Waiting(NamedTuple):
    """An event in the outbox."""

    position: int
    task_id: str
    event: str


class Relay:
    """Publishes the events of one topic, so that trouble with one topic holds up no other."""

    def __init__(self, topic: str, wake: ThreadsafeEvent, database: Database, publisher: Publisher) -> None:
        self._topic = topic
        self._database = database
        self._publisher = publisher
        self._wake = wake
        self._slots = asyncio.Semaphore(CONCURRENCY)

    async def run(self, stop: asyncio.Event) -> None:
        """Publish until `stop` is set."""
        pause = FIRST_PAUSE
        while not stop.is_set():
            self._wake.clear()
            try:
                wait = await self._turn()
            except Exception as error:  # the events wait in the database: try again, whatever it was
                known = isinstance(error, TransientError)
                log.warning("publishing waits: %s", error, exc_info=not known, extra={"topic": self._topic})
                # Being woken does not shorten this: new events do not bring the sidecar back.
                await wait_for(stop, pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            pause = FIRST_PAUSE
            await self._wake.wait(wait)

    async def _turn(self) -> float:
        """Publish one batch; the seconds to wait before the next. Raises what a failed publish raised."""
        release = await asyncio.to_thread(self._database.try_lock, self._topic)
        if release is None:
            return BUSY
        accepted: list[int] = []
        try:
            batch = await asyncio.to_thread(self._oldest)
            by_task: dict[str, list[Waiting]] = defaultdict(list)
            for row in batch:
                by_task[row.task_id].append(row)
            results = await asyncio.gather(
                *(self._publish(rows, accepted) for rows in by_task.values()), return_exceptions=True
            )
        finally:
            # Also when cancelled: what was accepted need not be published again.
            await asyncio.to_thread(self._forget, accepted, release)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return 0 if len(batch) == BATCH else POLL

    async def _publish(self, rows: Sequence[Waiting], accepted: list[int]) -> None:
        """Publish the events of one task in order, up to the first that fails."""
        async with self._slots:
            for row in rows:
                await self._publisher.publish(self._topic, row.event, key=row.task_id)
                accepted.append(row.position)

    def _oldest(self) -> list[Waiting]:
        columns = (outbox.c.position, outbox.c.task_id, outbox.c.event)
        query = select(*columns).where(outbox.c.topic == self._topic).order_by(outbox.c.position).limit(BATCH)
        with self._database.read() as connection:
            return [Waiting(*row) for row in connection.execute(query)]

    def _forget(self, positions: Sequence[int], release: Callable[[], None]) -> None:
        try:
            if positions:
                with self._database.write() as connection:
                    connection.execute(delete(outbox).where(outbox.c.position.in_(positions)))
        finally:
            release()
