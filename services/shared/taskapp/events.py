"""The events of the app: CloudEvents 1.0 in JSON, with a versioned schema.

Within one major version fields and kinds of event may be added, never removed or changed: readers ignore what
they do not know. A change that old readers cannot survive gets a new major version, and readers refuse majors
they do not know.
"""

import json
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar

from pydantic import Field, ValidationError

from taskapp.errors import PoisonEvent
from taskapp.task import (
    DESCRIPTION_LENGTH,
    TITLE_LENGTH,
    Description,
    Frozen,
    Recurrence,
    Status,
    Task,
    TaskId,
    Title,
    Utc,
)

__all__ = [
    "DESCRIPTION_LENGTH",
    "REMINDERS",
    "SOURCE",
    "TASK_EVENTS",
    "TASK_UPDATES",
    "TITLE_LENGTH",
    "CloudEvent",
    "Description",
    "EventData",
    "Frozen",
    "Recurrence",
    "ReminderDue",
    "Status",
    "Task",
    "TaskEvent",
    "TaskId",
    "TaskKind",
    "Title",
    "Utc",
    "parse_event",
    "reminder_id",
]

SOURCE = "backend-api"
TASK_EVENTS = "task-events"
TASK_UPDATES = "task-updates"
REMINDERS = "reminders"

_REMINDER_NAMESPACE = uuid.UUID("9f4d1d3c-5f0e-4d0a-9a3e-6a1f3f1f7c55")
TaskKind = Literal["created", "updated", "completed", "deleted"]


class EventData(Frozen):
    """What an event carries. Subclasses name their schema and the prefix of the event types that carry it."""

    SCHEMA: ClassVar[str]
    MAJOR: ClassVar[int] = 1
    TYPE_PREFIX: ClassVar[str]

    schema_version: Literal[1] = 1


class TaskEvent(EventData):
    """The data of `task-events` and `task-updates`: the task after a change, and the changed fields' names."""

    SCHEMA: ClassVar[str] = "taskapp:task-event"
    TYPE_PREFIX: ClassVar[str] = "taskapp.task."

    sequence: int = Field(ge=1)
    task: Task
    changes: tuple[str, ...] = ()


class ReminderDue(EventData):
    """The data of `reminders`: the time to remind of a task has come."""

    SCHEMA: ClassVar[str] = "taskapp:reminder"
    TYPE_PREFIX: ClassVar[str] = "taskapp.reminder."

    reminder_id: str = Field(min_length=1)
    task_id: TaskId
    title: Title
    due_at: Utc | None = None
    remind_at: Utc


T = TypeVar("T", bound=EventData)


class CloudEvent(Frozen, Generic[T]):
    """A CloudEvent in structured JSON. `id` is the same in every delivery of the event."""

    specversion: Literal["1.0"] = "1.0"
    id: str = Field(min_length=1)
    source: str = Field(min_length=1)
    type: str
    time: Utc
    subject: TaskId
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: str
    traceparent: str | None = None
    data: T

    @classmethod
    def of_task(
        cls, kind: TaskKind, task: Task, changes: Iterable[str] = (), *, traceparent: str | None = None
    ) -> "CloudEvent[TaskEvent]":
        """A new event of what happened to a task, at the time of its last change."""
        data = TaskEvent(sequence=task.version, task=task, changes=tuple(changes))
        return CloudEvent[TaskEvent](
            id=str(uuid.uuid4()),
            source=SOURCE,
            type=f"{TaskEvent.TYPE_PREFIX}{kind}.v{TaskEvent.MAJOR}",
            time=task.updated_at,
            subject=task.id,
            dataschema=f"{TaskEvent.SCHEMA}:{TaskEvent.MAJOR}",
            traceparent=traceparent,
            data=data,
        )

    @classmethod
    def of_reminder(
        cls, task: Task, remind_at: datetime, *, now: datetime, traceparent: str | None = None
    ) -> "CloudEvent[ReminderDue]":
        """The event of a due reminder. The same task and time give the same id."""
        identity = reminder_id(task.id, remind_at)
        return CloudEvent[ReminderDue](
            id=identity,
            source=SOURCE,
            type=f"{ReminderDue.TYPE_PREFIX}due.v{ReminderDue.MAJOR}",
            time=now,
            subject=task.id,
            dataschema=f"{ReminderDue.SCHEMA}:{ReminderDue.MAJOR}",
            traceparent=traceparent,
            data=ReminderDue(
                reminder_id=identity,
                task_id=task.id,
                title=task.title,
                due_at=task.due_at,
                remind_at=remind_at,
            ),
        )

    @property
    def kind(self) -> str:
        """The middle of the type: `created` of `taskapp.task.created.v1`."""
        return self.type.split(".")[-2]

    def with_new_id(self) -> Self:
        """The same event as a second, independent one, for another topic."""
        return self.model_copy(update={"id": str(uuid.uuid4())})

    def to_json(self) -> str:
        """The structured JSON form. Has `traceid` too: without it Dapr would replace `traceparent`."""
        fields = self.model_dump(mode="json", exclude_none=False)
        if self.traceparent is None:
            del fields["traceparent"]
        else:
            fields["traceid"] = self.traceparent
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def reminder_id(task_id: str, remind_at: datetime) -> str:
    """The identity of one reminder: a stable function of the task and the time (UUID version 5)."""
    return str(uuid.uuid5(_REMINDER_NAMESPACE, f"{task_id}/{remind_at.astimezone(UTC).isoformat()}"))


def parse_event(body: bytes, data_type: type[T]) -> CloudEvent[T]:
    """Read a delivered CloudEvent whose data is a `data_type`.

    Raises PoisonEvent for anything malformed, of another type, or of a major version that is not known.
    """
    try:
        envelope: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise PoisonEvent(f"the body is not JSON: {error}") from error
    if not isinstance(envelope, dict):
        raise PoisonEvent("the body is not a JSON object")
    event_type, data = envelope.get("type"), envelope.get("data")
    if not (isinstance(event_type, str) and event_type.startswith(data_type.TYPE_PREFIX)):
        raise PoisonEvent(f"the type is {event_type!r:.100}, expected one that starts with {data_type.TYPE_PREFIX!r}")
    major = data.get("schema_version") if isinstance(data, dict) else None
    if isinstance(major, int) and major != data_type.MAJOR:
        raise PoisonEvent(f"the schema version is {major!r:.20}, only {data_type.MAJOR} is known here")
    wanted = (f"{data_type.SCHEMA}:{data_type.MAJOR}", f".v{data_type.MAJOR}")
    if envelope.get("dataschema") != wanted[0] or not event_type.endswith(wanted[1]):
        raise PoisonEvent(f"the data schema is {envelope.get('dataschema')!r:.100}, expected {wanted[0]!r}")
    try:
        return CloudEvent[data_type].model_validate(envelope)  # type: ignore[valid-type]
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise PoisonEvent(f"{where}: {first['msg']} ({error.error_count()} errors)") from error
