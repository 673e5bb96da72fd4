"""What clients send and get, beside the task itself."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

from taskapp.events import Description, Recurrence, Task, TaskId, Title, Utc

IdempotencyKey = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,200}$")]
"""Printable ASCII without spaces."""


class _Body(BaseModel):
    # A misspelt field is an error, not a wish that comes to nothing.
    model_config = ConfigDict(frozen=True, extra="forbid")


class NewTask(_Body):
    """A task to create. `previous_id`: the occurrence that it follows."""

    title: Title
    description: Description = ""
    due_at: Utc | None = None
    remind_at: Utc | None = None
    recurrence: Recurrence | None = None
    previous_id: TaskId | None = None


class TaskPatch(_Body):
    """Fields to change (JSON merge patch): absent ones stay, null clears the dates and the recurrence."""

    title: Title | None = None
    description: Description | None = None
    due_at: Utc | None = None
    remind_at: Utc | None = None
    recurrence: Recurrence | None = None

    @model_validator(mode="after")
    def _texts_are_not_cleared(self) -> Self:
        for name in ("title", "description"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise ValueError(f"{name} should be text, not null")
        return self

    def changes(self) -> dict[str, Any]:
        """The fields that the client sent."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Page(BaseModel):
    """Tasks, newest first. `next` is the path of the next page, null on the last one."""

    items: list[Task]
    next: str | None
