"""A task, and the types of its fields."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

TITLE_LENGTH = 200
DESCRIPTION_LENGTH = 10_000


def _text_of_a_time(value: object) -> object:
    """Refuse bare numbers, which would be read as seconds since 1970."""
    if isinstance(value, (int, float)) or (isinstance(value, str) and "-" not in value[4:5]):
        raise ValueError("should be a time as in RFC 3339, such as 2030-01-31T09:00:00Z")
    return value


def _to_utc(value: datetime) -> datetime:
    # The first and last year are left out: moving them between time zones can leave the calendar.
    if not 1 < value.year < 9999:
        raise ValueError("should lie between the years 2 and 9998")
    return value.astimezone(UTC)


def _printable(value: str) -> str:
    # PostgreSQL cannot store the first, UTF-8 cannot encode the others.
    if any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value):
        raise ValueError("should not contain NUL characters or lone surrogates")
    return value


Utc = Annotated[AwareDatetime, BeforeValidator(_text_of_a_time), AfterValidator(_to_utc)]
TaskId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]
Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=TITLE_LENGTH),
    AfterValidator(_printable),
]
Description = Annotated[str, StringConstraints(max_length=DESCRIPTION_LENGTH), AfterValidator(_printable)]
Recurrence = Literal["daily", "weekly", "monthly"]
Status = Literal["open", "completed"]


class Frozen(BaseModel):
    """Immutable; unknown fields are ignored, so that newer publishers do not break older readers."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Task(Frozen):
    """A task as the REST API shows it. Times are UTC. `version` counts its changes: 1, 2, 3, … without gaps.

    `previous_id` is the occurrence of a recurring task that this one follows.
    """

    id: TaskId
    title: Title
    description: Description = ""
    status: Status = "open"
    due_at: Utc | None = None
    remind_at: Utc | None = None
    recurrence: Recurrence | None = None
    completed_at: Utc | None = None
    created_at: Utc
    updated_at: Utc
    version: int = Field(ge=1)
    previous_id: TaskId | None = None
