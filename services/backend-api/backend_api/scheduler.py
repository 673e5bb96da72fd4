"""Due reminders: claimed and put into the outbox in one transaction, so that each goes out exactly once."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, insert, select, update

from backend_api import outbox
from backend_api.database import Database
from backend_api.models import fired_reminders, tasks
from backend_api.store import task_of
from backend_api.wake import ThreadsafeEvent, wait_for
from taskapp.errors import TransientError
from taskapp.events import REMINDERS, CloudEvent
from taskapp.trace import tracing

log = logging.getLogger(__name__)

BATCH = 100
SHORTEST_PAUSE = 0.25
"""Seconds between two looks, at least."""
LONGEST_PAUSE = 30.0
"""Seconds between two looks, at most: the clock may be set, another replica may have taken a new reminder."""


class Claimed(NamedTuple):
    """What one look found: how many reminders went out, and when the next one is due."""

    fired: int
    next_at: datetime | None


class Scheduler:
    """Sends out reminders of open tasks when their time has come; those of completed tasks wait for a reopening.

    `now` is the clock (UTC). `on_commit` is called when reminders were put into the outbox.
    """

    def __init__(
        self, database: Database, now: Callable[[], datetime], wake: ThreadsafeEvent, on_commit: Callable[[], None]
    ) -> None:
        self._database = database
        self._now = now
        self._wake = wake
        self._on_commit = on_commit

    async def run(self, stop: asyncio.Event) -> None:
        """Look at once, then whenever a reminder is due or a task has changed, until `stop` is set."""
        while not stop.is_set():
            self._wake.clear()
            pause = LONGEST_PAUSE
            try:
                claimed = await asyncio.to_thread(self.claim)
                if claimed.next_at is not None:
                    pause = min(pause, (claimed.next_at - self._now()).total_seconds())
            except Exception as error:  # they wait in the database: try again, whatever it was
                log.warning("reminders wait: %s", error, exc_info=not isinstance(error, TransientError))
                pause = 1.0
            await wait_for(stop, SHORTEST_PAUSE)
            if not stop.is_set():
                await self._wake.wait(max(0.0, pause - SHORTEST_PAUSE))

    def claim(self) -> Claimed:
        """Put the reminders that are due now into the outbox. Raises TransientError when the database is away."""
        now = self._now()
        waiting = (tasks.c.status == "open", tasks.c.fire_at.is_not(None))
        due = select(tasks).where(*waiting, tasks.c.fire_at <= now).order_by(tasks.c.fire_at).limit(BATCH)
        with self._database.read() as connection:
            next_at = connection.scalar(select(func.min(tasks.c.fire_at)).where(*waiting))
        if next_at is None or next_at > now:
            return Claimed(0, next_at)
        with self._database.write() as connection:
            # Another replica that looks at the same time takes other tasks.
            rows = connection.execute(due.with_for_update(skip_locked=True)).all()
            for row in rows:
                with tracing(None) as traceparent:
                    task = task_of(row)
                    event = CloudEvent.of_reminder(task, row.fire_at, now=now, traceparent=traceparent)
                    outbox.put(connection, REMINDERS, event)
                    connection.execute(insert(fired_reminders).values(task_id=task.id, remind_at=row.fire_at))
                    connection.execute(update(tasks).where(tasks.c.id == task.id).values(fire_at=None))
                    log.info("a reminder is due", extra={"task_id": task.id, "reminder_id": event.id})
            next_at = connection.scalar(select(func.min(tasks.c.fire_at)).where(*waiting))
        if rows:
            self._on_commit()
        return Claimed(len(rows), next_at)
