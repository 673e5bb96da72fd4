"""The history of tasks in the state store.

Three kinds of document:

    task:<task id>           which pages this task has; written before the page, so that no page is ever lost
    task:<task id>:<page>    entries by sequence, PAGE_SIZE to a page, so that a long history does not get slow
    latest                   copies of the latest entries over all tasks

The place of an entry follows from its sequence, so duplicates meet themselves, and events may come in any order. A
crash between two writes leaves a prefix of them; the redelivered event writes the rest.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from itertools import count
from typing import Any

from taskapp.dapr import StateStore
from taskapp.documents import update
from taskapp.events import CloudEvent, Frozen, Status, TaskEvent, TaskId, Utc

logger = logging.getLogger(__name__)

PAGE_SIZE = 100  # entries
LATEST = 200  # entries


class Entry(Frozen):
    """One change of one task. `time` is when it happened, `recorded_at` when it was first recorded here."""

    event_id: str
    task_id: TaskId
    type: str
    sequence: int
    time: Utc
    changes: tuple[str, ...]
    task_title: str
    status: Status
    recorded_at: Utc

    @classmethod
    def of(cls, event: CloudEvent[TaskEvent], recorded_at: Utc) -> "Entry":
        """The entry that records `event`."""
        task = event.data.task
        return cls(
            event_id=event.id,
            task_id=task.id,
            type=event.type,
            sequence=event.data.sequence,
            time=event.time,
            changes=event.data.changes,
            task_title=task.title,
            status=task.status,
            recorded_at=recorded_at,
        )


class TaskHistory(Frozen):
    """All that is recorded of one task, by sequence. `complete`: from its creation on, without gaps."""

    task_id: TaskId
    entries: tuple[Entry, ...]
    complete: bool


class History:
    """Appends to the history and reads it. Entries never change and never vanish."""

    def __init__(self, store: StateStore) -> None:
        self._store = store

    async def append(self, entry: Entry) -> None:
        """Record `entry`, unless its sequence is already recorded.

        Raises TransientError when the store is away or other writers always came first.
        """
        page = (entry.sequence - 1) // PAGE_SIZE
        await update(self._store, _head(entry.task_id), lambda pages: _with_page(pages or [], page))

        recorded = entry

        def add(entries: list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
            nonlocal recorded
            recorded = entry
            for known in entries or []:
                if entry.sequence == known["sequence"] or entry.event_id == known["event_id"]:
                    recorded = Entry.model_validate(known)
                    return None
            return sorted([*(entries or []), entry.model_dump(mode="json")], key=lambda e: int(e["sequence"]))

        await update(self._store, _page(entry.task_id, page), add)
        if recorded.event_id != entry.event_id:
            logger.warning(
                "ignored event %s: sequence %d is taken by event %s",
                entry.event_id,
                entry.sequence,
                recorded.event_id,
            )
        await update(self._store, "latest", lambda entries: _with_latest(entries or [], recorded))

    async def of_task(self, task_id: str) -> TaskHistory:
        """The history of one task; of a task nobody heard of, an empty one that is not complete."""
        pages, _ = await self._store.get(_head(task_id))
        found = await asyncio.gather(*(self._store.get(_page(task_id, page)) for page in pages or []))
        entries = tuple(Entry.model_validate(entry) for page, _ in found for entry in page or [])
        complete = bool(entries) and all(e.sequence == n for e, n in zip(entries, count(1), strict=False))
        return TaskHistory(task_id=task_id, entries=entries, complete=complete)

    async def latest(self, limit: int) -> Sequence[Entry]:
        """The latest entries over all tasks, newest first; at most `limit`, which is at most LATEST."""
        entries, _ = await self._store.get("latest")
        return [Entry.model_validate(entry) for entry in (entries or [])[:limit]]


def _head(task_id: str) -> str:
    return f"task:{task_id}"


def _page(task_id: str, page: int) -> str:
    return f"task:{task_id}:{page}"


def _with_page(pages: list[int], page: int) -> list[int] | None:
    return None if page in pages else sorted([*pages, page])


def _with_latest(entries: list[dict[str, Any]], entry: Entry) -> list[dict[str, Any]] | None:
    """The newest LATEST entries of both; None when `entry` changes nothing."""
    known = {e["event_id"]: e for e in entries}
    merged = {**known, entry.event_id: entry.model_dump(mode="json")}
    newest = sorted(merged.values(), key=_age, reverse=True)[:LATEST]
    return None if newest == entries else newest


def _age(entry: dict[str, Any]) -> tuple[datetime, int, str]:
    return (datetime.fromisoformat(entry["time"]), entry["sequence"], entry["task_id"])
