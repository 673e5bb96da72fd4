"""The tables."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

from taskapp.events import TITLE_LENGTH


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC, also where the database keeps no time zone (SQLite)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database."""
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """From the database."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if dialect.name == "sqlite" else moment.astimezone(UTC)


metadata = MetaData()

tasks = Table(
    "tasks",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("title", String(TITLE_LENGTH), nullable=False),
    Column("description", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("due_at", UtcDateTime),
    Column("remind_at", UtcDateTime),
    Column("recurrence", String(16)),
    Column("completed_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("version", Integer, nullable=False),
    Column("previous_id", String(36)),
    # When the next reminder has to go out; empty when there is none or it has gone out.
    Column("fire_at", UtcDateTime),
    Index("tasks_by_age", "created_at", "id"),
    Index("tasks_by_fire_at", "fire_at"),
)

# Reminders that have gone out: one for each task and time, also when the time is changed and changed back.
fired_reminders = Table(
    "fired_reminders",
    metadata,
    Column("task_id", ForeignKey(tasks.c.id, ondelete="CASCADE"), primary_key=True),
    Column("remind_at", UtcDateTime, primary_key=True),
)

# Outlives the task, so that a late repetition of the request does not bring a deleted task back.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("task_id", String(36), nullable=False),
    Column("task", Text, nullable=False),  # as it was created, JSON
    Column("created_at", UtcDateTime, nullable=False, index=True),
)

# Events that wait to be published. Rows of a task are written under the lock of its row: `position` is their order.
outbox = Table(
    "outbox",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("topic", String(200), nullable=False),
    Column("task_id", String(36), nullable=False),
    Column("event", Text, nullable=False),  # a CloudEvent, JSON
    Index("outbox_by_topic", "topic", "position"),
)
