"""The service, put together from its settings."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from backend_api.api import task_routes
from backend_api.database import Database, database_url
from backend_api.outbox import Relay
from backend_api.scheduler import Scheduler
from backend_api.store import TaskStore
from backend_api.wake import ThreadsafeEvent, wait_for
from taskapp.app import create_app
from taskapp.dapr import Dapr, Sidecar
from taskapp.errors import TransientError
from taskapp.events import REMINDERS, TASK_EVENTS, TASK_UPDATES
from taskapp.settings import Settings, origins, variable

log = logging.getLogger(__name__)

TOPICS = (TASK_EVENTS, TASK_UPDATES, REMINDERS)
STOP_TIMEOUT_S = 1.0
"""How long the relays may take to finish the events under way at the end."""


@dataclass(frozen=True, kw_only=True)
class BackendSettings(Settings):
    """The settings of this service. `allowed_origins`: the origins of the web pages that may call it."""

    database_url: str = variable("DATABASE_URL", database_url)
    allowed_origins: tuple[str, ...] = variable("ALLOWED_ORIGINS", origins, default=())


def utc_now() -> datetime:
    """The time of this machine's clock, in UTC."""
    return datetime.now(UTC)


def build_app(
    settings: BackendSettings, *, sidecar: Sidecar | None = None, now: Callable[[], datetime] = utc_now
) -> FastAPI:
    """The app. `sidecar` (the real one by default) and `now` (the clock) can be replaced by tests."""
    dapr = sidecar or Dapr(settings.dapr_http_port, settings.dapr_grpc_port)
    database = Database(settings.database_url)
    wakes: list[ThreadsafeEvent] = []

    def wake_all() -> None:
        for wake in wakes:
            wake.set()

    store = TaskStore(database, now, wake_all)

    async def check_database() -> None:
        await asyncio.to_thread(database.check)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        stop = asyncio.Event()
        wakes[:] = [ThreadsafeEvent() for _ in (*TOPICS, "scheduler")]
        async with dapr:
            relays = [Relay(*pair, database, dapr) for pair in zip(TOPICS, wakes, strict=False)]
            scheduler = Scheduler(database, now, wakes[-1], wake_all)
            work = asyncio.create_task(_work(database, [*relays, scheduler], stop))
            try:
                yield
            finally:
                stop.set()
                wake_all()
                await asyncio.wait([work], timeout=STOP_TIMEOUT_S)
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
                await asyncio.to_thread(database.close)

    app = create_app(settings, {"database": check_database}, lifespan)
    app.include_router(task_routes(store, dapr))
    # Outside of everything else, so that a browser may read the errors too.
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.allowed_origins,
        allow_methods=["GET", "POST", "PATCH", "DELETE"],
        allow_headers=["Content-Type", "Idempotency-Key", "If-Match", "traceparent"],
        expose_headers=["ETag", "Location", "traceparent"],
        max_age=600,
    )
    return app


async def _work(database: Database, loops: Sequence[Relay | Scheduler], stop: asyncio.Event) -> None:
    """Prepare the database, however long it is away, and then run the loops until `stop`."""
    pause = 0.1
    while not stop.is_set() and not database.migrated:
        try:
            await asyncio.to_thread(database.migrate)
        except Exception as error:  # not ready until it works
            log.warning("the schema waits: %s", error, exc_info=not isinstance(error, TransientError))
            await wait_for(stop, pause)
            pause = min(2 * pause, 2.0)
    async with asyncio.TaskGroup() as group:
        for loop in loops:
            group.create_task(loop.run(stop))
