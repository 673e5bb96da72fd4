"""The app: task events in, requests for next occurrences out."""

from collections.abc import Callable
from datetime import UTC, datetime

from fastapi import FastAPI

from recurring_task_service.handler import Recurrences
from taskapp.app import Lifespan, create_app, event_route
from taskapp.dapr import Invoker
from taskapp.events import TASK_EVENTS, TaskEvent
from taskapp.settings import Settings


def _utc_now() -> datetime:
    return datetime.now(UTC)


def build_app(
    settings: Settings,
    backend: Invoker,
    lifespan: Lifespan | None = None,
    now: Callable[[], datetime] = _utc_now,
) -> FastAPI:
    """The service on something that calls the backend; `now` gives the current time in UTC."""
    app = create_app(settings, lifespan=lifespan)
    event_route(app, TASK_EVENTS, TaskEvent, Recurrences(backend, now).handle)
    return app
