"""The outermost ASGI layer: a trace for each request, and an answer to what nobody else caught."""

import logging

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from taskapp.problems import problem_response
from taskapp.trace import tracing

log = logging.getLogger(__name__)


class TraceMiddleware:
    """Continues the caller's trace (`traceparent` in and out); turns an unhandled error into a plain 500."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request or WebSocket; anything else passes."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        with tracing(Headers(scope=scope).get("traceparent")) as traceparent:
            if scope["type"] == "websocket":
                await self._app(scope, receive, send)
            else:
                await self._http(scope, receive, send, traceparent)

    async def _http(self, scope: Scope, receive: Receive, send: Send, traceparent: str) -> None:
        started = False

        async def send_traced(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message)["traceparent"] = traceparent
            await send(message)

        try:
            await self._app(scope, receive, send_traced)
        except Exception:
            if started:
                raise
            log.exception("unhandled error in %s %s", scope["method"], scope["path"])
            detail = "Something went wrong here. The trace id in the traceparent header finds it in the logs."
            response = problem_response(500, detail, instance=scope["path"])
            await response(scope, receive, send_traced)
