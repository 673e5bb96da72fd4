"""The app: task events in, histories out."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import FastAPI, Query

from audit_service.history import LATEST, Entry, History, TaskHistory
from taskapp.app import Lifespan, create_app, event_route
from taskapp.dapr import StateStore
from taskapp.events import TASK_EVENTS, CloudEvent, Frozen, TaskEvent, TaskId
from taskapp.settings import Settings


class LatestEntries(Frozen):
    """The answer of GET /history."""

    entries: tuple[Entry, ...]


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
    history = History(store)

    async def record(event: CloudEvent[TaskEvent]) -> None:
        await history.append(Entry.of(event, recorded_at=now()))

    event_route(app, TASK_EVENTS, TaskEvent, record)

    @app.get("/history")
    async def latest(limit: Annotated[int, Query(ge=1, le=LATEST)] = 50) -> LatestEntries:
        """The latest changes of all tasks, newest first."""
        return LatestEntries(entries=tuple(await history.latest(limit)))

    @app.get("/history/{task_id}")
    async def of_task(task_id: TaskId) -> TaskHistory:
        """Every change of one task, in their order; deleted tasks keep theirs."""
        return await history.of_task(task_id)

    return app
