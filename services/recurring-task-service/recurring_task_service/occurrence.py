"""What comes after a completed recurring task: calendar arithmetic in UTC, without side effects.

The anchor day: an occurrence knows only the due date of the one before it. A monthly task due on January 31 is next
due on February 28 (29 in a leap year), and from then on it is a task of the 28th. Whoever wants "always the last day"
has to move one occurrence by hand. Time of day is kept in UTC, so a local time moves by an hour when the clocks change.
"""

import calendar
from datetime import UTC, datetime, timedelta

from taskapp.events import Description, Frozen, Recurrence, Task, TaskId, Title, Utc

PERIODS: dict[Recurrence, timedelta] = {"daily": timedelta(days=1), "weekly": timedelta(weeks=1)}


class Occurrence(Frozen):
    """The body of `POST /tasks` that makes the next occurrence."""

    title: Title
    description: Description
    due_at: Utc | None
    remind_at: Utc | None
    recurrence: Recurrence
    previous_id: TaskId


def next_occurrence(task: Task, now: datetime) -> Occurrence | None:
    """The occurrence that follows `task`, or None when the task does not recur.

    Its due date is the first one by the rule that lies both after the old due date and after `now`: a task completed
    a year late has one next occurrence, not a pile of missed ones. The reminder keeps its distance to the due date;
    without a due date the reminder itself follows the rule. None as well when a date leaves the calendar of tasks,
    which ends with the year 9998.
    """
    if task.recurrence is None:
        return None
    try:
        due_at, remind_at = _dates(task.due_at, task.remind_at, task.recurrence, now)
        return Occurrence(
            title=task.title,
            description=task.description,
            due_at=due_at,
            remind_at=remind_at,
            recurrence=task.recurrence,
            previous_id=task.id,
        )
    except (OverflowError, ValueError):
        return None


def _dates(
    due_at: datetime | None, remind_at: datetime | None, recurrence: Recurrence, now: datetime
) -> tuple[datetime | None, datetime | None]:
    if due_at is None:
        return None, remind_at and first_after(remind_at, recurrence, now)
    following = first_after(due_at, recurrence, now)
    return following, remind_at and following - (due_at.astimezone(UTC) - remind_at)


def first_after(start: datetime, recurrence: Recurrence, now: datetime) -> datetime:
    """The first date of the rule after `start` and after `now`, in UTC.

    Raises OverflowError or ValueError when it lies past the year 9999.
    """
    start, now = start.astimezone(UTC), now.astimezone(UTC)
    if recurrence == "monthly":
        months = max(1, (now.year - start.year) * 12 + now.month - start.month)
        candidate = _add_months(start, months)
        return candidate if candidate > now else _add_months(start, months + 1)
    period = PERIODS[recurrence]
    return start + max(1, (now - start) // period + 1) * period


def _add_months(start: datetime, months: int) -> datetime:
    """The same day `months` later, or the last day of that month when it has no such day."""
    years, month = divmod(start.month - 1 + months, 12)
    year = start.year + years
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return start.replace(year=year, month=month + 1, day=day)
