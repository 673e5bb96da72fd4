"""The app: reminders in, a list of notifications out."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import FastAPI, Query

from notification_service.notifications import Notification, Notifications
from taskapp.app import Lifespan, create_app, event_route
from taskapp.dapr import StateStore
from taskapp.events import REMINDERS, CloudEvent, Frozen, ReminderDue, TaskId
from taskapp.settings import Settings


class Page(Frozen):
    """The answer of GET /notifications."""

    notifications: tuple[Notification, ...]


def _utc_now() -> datetime:
    return datetime.now(UTC)


def build_app(
    settings: Settings,
    store: StateStore,
    lifespan: Lifespan | None = None,
    now: Callable[[], datetime] = _utc_now,
) -> FastAPI:
    """The service on a state store; `now` gives the current time in UTC."""
    app = create_app(settings, lifespan=lifespan)
    notifications = Notifications(store)

    async def remind(event: CloudEvent[ReminderDue]) -> None:
        await notifications.send(event.data, now())

    event_route(app, REMINDERS, ReminderDue, remind)

    @app.get("/notifications")
    async def list_notifications(task_id: TaskId, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> Page:
        """The notifications of one task, newest first."""
        return Page(notifications=tuple(await notifications.of_task(task_id, limit)))

    return app
