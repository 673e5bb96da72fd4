"""Tasks in the database. Every change writes the task and its events in one transaction."""

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from backend_api import outbox
from backend_api.database import Database
from backend_api.models import fired_reminders, idempotency_keys, tasks
from backend_api.schemas import NewTask
from taskapp import trace
from taskapp.events import TASK_EVENTS, TASK_UPDATES, CloudEvent, Status, Task, TaskKind
from taskapp.problems import ProblemError

KEYS_KEPT = timedelta(days=30)
"""How long an idempotency key is known: longer than any event can wait for its redelivery."""


class UnknownTask(ProblemError):
    """There is no such task."""

    def __init__(self, task_id: str) -> None:
        super().__init__(404, f"There is no task {task_id}.")


class StaleVersion(ProblemError):
    """The task is no longer at the version that the client knows."""

    def __init__(self, task_id: str, version: int) -> None:
        detail = f"The task {task_id} has changed: it is at version {version} now. Read it again."
        super().__init__(412, detail, headers={"ETag": f'"{version}"'})


class TaskStore:
    """Reads and changes tasks. Use from worker threads.

    `now` is the clock (UTC). `on_commit` is called after each committed change, from the thread that made it. Every
    method raises TransientError when the database is away.
    """

    def __init__(self, database: Database, now: Callable[[], datetime], on_commit: Callable[[], None]) -> None:
        self._database = database
        self._now = now
        self._on_commit = on_commit

    def create(self, new: NewTask, key: str | None = None) -> tuple[Task, bool]:
        """Create a task. With a `key` that was used before: the task of that time, and False."""
        now = self._now()
        task = Task(**new.model_dump(), id=str(uuid.uuid4()), status="open", created_at=now, updated_at=now, version=1)
        try:
            with self._database.write() as connection:
                if key is not None:
                    connection.execute(
                        insert(idempotency_keys).values(
                            key=key, task_id=task.id, task=task.model_dump_json(), created_at=now
                        )
                    )
                    connection.execute(delete(idempotency_keys).where(idempotency_keys.c.created_at < now - KEYS_KEPT))
                connection.execute(insert(tasks).values(**task.model_dump(), fire_at=task.remind_at))
                _announce(connection, "created", task, sorted(new.model_fields_set))
        except IntegrityError:
            if key is None:
                raise
            return self._created_before(key), False
        self._on_commit()
        return task, True

    def _created_before(self, key: str) -> Task:
        with self._database.read() as connection:
            first = connection.execute(
                select(idempotency_keys.c.task_id, idempotency_keys.c.task).where(idempotency_keys.c.key == key)
            ).one()
            row = connection.execute(select(tasks).where(tasks.c.id == first.task_id)).one_or_none()
        return task_of(row) if row is not None else Task.model_validate_json(first.task)

    def get(self, task_id: str) -> Task:
        """The task. Raises UnknownTask."""
        with self._database.read() as connection:
            row = connection.execute(select(tasks).where(tasks.c.id == task_id)).one_or_none()
        if row is None:
            raise UnknownTask(task_id)
        return task_of(row)

    def newest(
        self, status: Status | None, limit: int, before: tuple[datetime, str] | None = None
    ) -> tuple[list[Task], bool]:
        """Up to `limit` tasks, newest first, older than the (creation time, id) `before`; and whether more follow."""
        query = select(tasks).order_by(tasks.c.created_at.desc(), tasks.c.id.desc()).limit(limit + 1)
        if status is not None:
            query = query.where(tasks.c.status == status)
        if before is not None:
            at, task_id = before
            same_time = and_(tasks.c.created_at == at, tasks.c.id < task_id)
            query = query.where(or_(tasks.c.created_at < at, same_time))
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [task_of(row) for row in rows[:limit]], len(rows) > limit

    def update(self, task_id: str, fields: Mapping[str, Any], versions: frozenset[int] | None = None) -> Task:
        """Set `fields`; nothing happens when they have these values already.

        Raises UnknownTask, and StaleVersion when the task is at none of `versions`.
        """
        return self._change("updated", task_id, fields, versions)

    def complete(self, task_id: str) -> Task:
        """Complete the task; nothing happens when it is completed already. Raises UnknownTask."""
        return self._change("completed", task_id, {"status": "completed", "completed_at": self._now()})

    def reopen(self, task_id: str) -> Task:
        """Open the task again; nothing happens when it is open. Raises UnknownTask."""
        return self._change("updated", task_id, {"status": "open", "completed_at": None})

    def delete(self, task_id: str, versions: frozenset[int] | None = None) -> None:
        """Delete the task. Raises UnknownTask, and StaleVersion when the task is at none of `versions`."""
        with self._database.write() as connection:
            task = _locked(connection, task_id, versions)
            last = task.model_copy(update={"version": task.version + 1, "updated_at": self._now()})
            connection.execute(delete(tasks).where(tasks.c.id == task_id))
            _announce(connection, "deleted", last, [])
        self._on_commit()

    def _change(
        self,
        kind: TaskKind,
        task_id: str,
        fields: Mapping[str, Any],
        versions: frozenset[int] | None = None,
    ) -> Task:
        with self._database.write() as connection:
            task = _locked(connection, task_id, versions)
            changed = {name: value for name, value in fields.items() if getattr(task, name) != value}
            if not changed or changed.keys() == {"completed_at"}:
                return task
            task = task.model_copy(update={**changed, "version": task.version + 1, "updated_at": self._now()})
            values = {name: getattr(task, name) for name in (*changed, "version", "updated_at")}
            if "remind_at" in changed:
                values["fire_at"] = _unless_fired(connection, task_id, task.remind_at)
            connection.execute(update(tasks).where(tasks.c.id == task_id).values(values))
            _announce(connection, kind, task, sorted(changed))
        self._on_commit()
        return task


def _locked(connection: Connection, task_id: str, versions: frozenset[int] | None) -> Task:
    row = connection.execute(select(tasks).where(tasks.c.id == task_id).with_for_update()).one_or_none()
    if row is None:
        raise UnknownTask(task_id)
    if versions is not None and row.version not in versions:
        raise StaleVersion(task_id, row.version)
    return task_of(row)


def _unless_fired(connection: Connection, task_id: str, at: datetime | None) -> datetime | None:
    fired = and_(fired_reminders.c.task_id == task_id, fired_reminders.c.remind_at == at)
    return None if at is None or connection.execute(select(1).where(fired)).first() else at


def _announce(connection: Connection, kind: TaskKind, task: Task, changes: list[str]) -> None:
    event = CloudEvent.of_task(kind, task, changes, traceparent=trace.current())
    outbox.put(connection, TASK_EVENTS, event)
    outbox.put(connection, TASK_UPDATES, event.with_new_id())


def task_of(row: Row[Any]) -> Task:
    """The task in a row of the table."""
    return Task.model_construct(**{name: row._mapping[name] for name in Task.model_fields})
