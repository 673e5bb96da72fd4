"""The app factory: what every service answers in the same way."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse

from taskapp import problems
from taskapp.connection import sidecar_check
from taskapp.errors import PoisonEvent, TransientError
from taskapp.events import CloudEvent, EventData, parse_event
from taskapp.middleware import TraceMiddleware
from taskapp.settings import Settings
from taskapp.trace import tracing

log = logging.getLogger(__name__)

CHECK_TIMEOUT_S = 2.0
"""How long one readiness check may take."""

Check = Callable[[], Awaitable[None]]
"""Returns when the dependency can be used now; raises, with a message for people, when it cannot."""

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
D = TypeVar("D", bound=EventData)


def create_app(
    settings: Settings, checks: Mapping[str, Check] | None = None, lifespan: Lifespan | None = None
) -> FastAPI:
    """An app with health, readiness, problem details and tracing.

    `checks` name the service's own dependencies; the sidecar's is added when the settings have one. Checks
    run at the same time, each for at most two seconds.
    """
    # The pages of the API's documentation would load scripts from other hosts; /openapi.json stays.
    app = FastAPI(title=settings.app_id, version=settings.version, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.router.redirect_slashes = False
    problems.install(app)
    every = dict(checks or {})
    if settings.dapr_http_port is not None:
        every.setdefault("sidecar", sidecar_check(settings.dapr_http_port))

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        return {"status": "ok", "service": settings.app_id, "version": settings.version}

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> JSONResponse:
        results = dict(zip(every, await asyncio.gather(*map(_outcome, every.values())), strict=True))
        ready = all(result == "ok" for result in results.values())
        body = {"status": "ready" if ready else "not ready", "checks": results}
        return JSONResponse(body, 200 if ready else 503)

    @app.get("/dapr/subscribe", include_in_schema=False)
    async def subscribe() -> list[str]:
        # Subscriptions are declared outside of the services.
        return []

    app.add_middleware(TraceMiddleware)
    return app


async def _outcome(check: Check) -> str:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            await check()
    except TimeoutError:
        return f"no answer within {CHECK_TIMEOUT_S:g} s"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the reason for not being ready
        first_line = str(error).strip().partition("\n")[0]
        return (first_line or type(error).__name__)[:300]
    return "ok"


def event_route(
    app: FastAPI, topic: str, data_type: type[D], handler: Callable[[CloudEvent[D]], Awaitable[None]]
) -> None:
    """Receive the events of `topic` at POST /events/<topic>.

    What `handler` raises decides: nothing is SUCCESS, PoisonEvent is DROP (the sidecar puts the event on
    the topic's dead-letter topic), and anything else is RETRY. Delivery is at least once and in no certain
    order, so `handler` must be idempotent.
    """

    @app.post(f"/events/{topic}", include_in_schema=False, name=f"events:{topic}")
    async def receive(request: Request) -> dict[str, str]:
        return {"status": await _deliver(await request.body())}

    async def _deliver(body: bytes) -> str:
        extra: dict[str, Any] = {"topic": topic}
        try:
            event = parse_event(body, data_type)
        except PoisonEvent as poison:
            log.error("dropped a poison event: %s", poison, extra=extra)
            return "DROP"
        extra |= {"event_id": event.id, "event_type": event.type, "task_id": event.subject}
        with tracing(event.traceparent):
            try:
                await handler(event)
            except PoisonEvent as poison:
                log.error("dropped a poison event: %s", poison, extra=extra)
                return "DROP"
            except TransientError as error:
                log.warning("will retry: %s", error, extra=extra)
                return "RETRY"
            except Exception:
                log.exception("will retry after an unexpected error", extra=extra)
                return "RETRY"
            log.info("handled %s", event.type, extra=extra)
            return "SUCCESS"
