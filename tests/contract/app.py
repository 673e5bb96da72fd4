"""A scripted app: it answers each event as told, remembers what it was sent, and echoes what is invoked."""

import asyncio
import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.waits import until

HANG = "hang"  # an answer that does not come in time
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True)
class Delivery:
    """One event as the app got it; `at` is a time of the monotonic clock, in seconds."""

    topic: str
    event: dict[str, Any]
    content_type: str
    at: float


@dataclass
class App:
    """Serves on loopback from a thread of its own; may be stopped and started again."""

    port: int
    deliveries: list[Delivery] = field(default_factory=list)
    invocations: int = 0
    _script: dict[str, list[Any]] = field(default_factory=dict)
    _server: uvicorn.Server | None = None
    _thread: threading.Thread | None = None

    def script(self, event_id: str, *answers: Any) -> None:
        """Answer the event with these, in turn; the last one stays. A number is a status, a text the `status`."""
        self._script[event_id] = list(answers)

    def got(self, event_id: str) -> list[Delivery]:
        """Every delivery of that event."""
        return [d for d in self.deliveries if d.event.get("id") == event_id]

    def start(self) -> None:
        routes = [
            Route("/healthz", self._healthz),
            Route("/dapr/subscribe", self._nothing),
            Route("/events/{topic}", self._event, methods=["POST"]),
            Route("/echo/{path:path}", self._echo, methods=METHODS),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes), host="127.0.0.1", port=self.port, log_config=None, lifespan="off"
        )
        config.timeout_graceful_shutdown = 1
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        until(lambda: bool(self._server and self._server.started), "the app has started")

    def stop(self) -> None:
        if self._server and self._thread:
            self._server.should_exit = True
            self._thread.join(5)

    async def _healthz(self, _: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _nothing(self, _: Request) -> Response:
        return JSONResponse([])

    async def _event(self, request: Request) -> Response:
        event = await request.json()
        topic, content_type = request.path_params["topic"], request.headers.get("content-type", "")
        self.deliveries.append(Delivery(topic, event, content_type, time.monotonic()))
        answers = self._script.get(str(event.get("id")), ["SUCCESS"])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if answer == HANG:
            await asyncio.sleep(30)
        if isinstance(answer, int):
            return Response(status_code=answer)
        if isinstance(answer, bytes):
            return Response(answer)
        return JSONResponse({"status": answer})

    async def _echo(self, request: Request) -> Response:
        self.invocations += 1
        seen = {
            "method": request.method,
            "path": request.path_params["path"],
            "query": request.url.query,
            "headers": dict(request.headers),
            "body": (await request.body()).decode(),
        }
        status = int(request.headers.get("x-status", "200"))
        return Response(
            b"" if status == 204 else json.dumps(seen),
            status,
            headers={"x-answer": "yes", "location": "/somewhere"},
            media_type="application/x",
        )
