"""Notifications in the state store: one for each reminder, however often the reminder is delivered.

Two kinds of document:

    reminder:<reminder id>    the notification itself: it is sent when, and only when, this document is there
    task:<task id>            which reminders of this task were sent, and when

There is no moment between "marked as sent" and "sent": one write, which only the first of several writers wins, is
both. A crash before the second write leaves a notification that its task does not list yet; the redelivered
reminder finds the notification and lists it.
"""

import asyncio
import logging
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from taskapp.dapr import StateStore
from taskapp.documents import update
from taskapp.errors import Conflict
from taskapp.events import Frozen, ReminderDue, TaskId, Title, Utc

logger = logging.getLogger(__name__)


class Notification(Frozen):
    """A reminder that was sent."""

    id: str
    reminder_id: str
    task_id: TaskId
    title: Title
    due_at: Utc | None
    sent_at: Utc


class Notifications:
    """Sends notifications and lists those sent."""

    def __init__(self, store: StateStore) -> None:
        self._store = store

    async def send(self, reminder: ReminderDue, now: datetime) -> None:
        """Notify of `reminder` unless that was done before.

        Raises TransientError when the store is away; sending again is then safe, and needed.
        """
        notification = Notification(
            id=str(uuid.uuid4()),
            reminder_id=reminder.reminder_id,
            task_id=reminder.task_id,
            title=reminder.title,
            due_at=reminder.due_at,
            sent_at=now,
        )
        try:
            await self._store.save(_key(reminder.reminder_id), notification.model_dump(mode="json"))
            logger.info("notified", extra={"reminder_id": reminder.reminder_id, "task_id": reminder.task_id})
        except Conflict:
            sent, _ = await self._store.get(_key(reminder.reminder_id))
            notification = Notification.model_validate(sent)
        await update(self._store, _index(notification.task_id), lambda index: _with(index or [], notification))

    async def of_task(self, task_id: str, limit: int) -> Sequence[Notification]:
        """The notifications of one task, newest first; at most `limit`."""
        index, _ = await self._store.get(_index(task_id))
        newest = sorted(index or [], key=_sent_at, reverse=True)[:limit]
        found = await asyncio.gather(*(self._store.get(_key(line["reminder_id"])) for line in newest))
        return [Notification.model_validate(value) for value, _ in found]


def _key(reminder_id: str) -> str:
    return f"reminder:{reminder_id}"


def _index(task_id: str) -> str:
    return f"task:{task_id}"


def _sent_at(line: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(line["sent_at"])


def _with(index: list[dict[str, Any]], notification: Notification) -> list[dict[str, Any]] | None:
    if any(line["reminder_id"] == notification.reminder_id for line in index):
        return None
    line = notification.model_dump(mode="json", include={"reminder_id", "sent_at"})
    return [*index, line]
