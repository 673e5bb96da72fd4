"""Recurring tasks come again."""

from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.smoke.app import App, Task, Wrong


def recur(app: App) -> tuple[Task, Task]:
    """A daily task that was completed, and the one that follows it."""
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    task = app.create(recurrence="daily", due_at=due.isoformat())
    app.complete(task)

    def following() -> list[Any]:
        newest = app.get("backend-api", "/tasks?status=open&limit=200")["items"]
        return [other for other in newest if other["previous_id"] == task["id"]]

    expected = "a next occurrence of a completed daily task"
    return task, app.exactly_one("recurring-task-service", expected, following)


@pytest.mark.story(begin=recur)
def test_completing_a_recurring_task_makes_the_next_one(story: Future[tuple[Task, Task]]) -> None:
    task, following = story.result()
    due = datetime.fromisoformat(task["due_at"]) + timedelta(days=1)
    expected = (task["title"], "daily", due)
    seen = (following["title"], following["recurrence"], datetime.fromisoformat(following["due_at"]))
    if seen != expected:
        raise Wrong("recurring-task-service", f"Expected the same task a day later, {expected}, not {seen}.")
