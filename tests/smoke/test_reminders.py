"""Reminders become notifications."""

from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.smoke.app import App, Task, Wrong

SOON = timedelta(seconds=0.5)


def remind(app: App) -> tuple[Task, dict[str, Any]]:
    """A task whose reminder is due in a moment, and the one notification that came of it."""
    task = app.create(remind_at=(datetime.now(UTC) + SOON).isoformat())
    notification = app.exactly_one(
        "notification-service",
        "a notification for a due reminder",
        lambda: app.get("notification-service", f"/notifications?task_id={task['id']}")["notifications"],
    )
    return task, notification


@pytest.mark.story(begin=remind)
def test_a_due_reminder_becomes_exactly_one_notification(story: Future[tuple[Task, dict[str, Any]]]) -> None:
    task, notification = story.result()
    if (notification["task_id"], notification["title"]) != (task["id"], task["title"]):
        raise Wrong("notification-service", f"Expected a notification of {task['title']!r}, not {notification}.")
