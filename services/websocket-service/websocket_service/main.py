"""The app: task updates in, messages to browsers out."""

from dataclasses import dataclass

from fastapi import FastAPI, WebSocket

from taskapp.app import create_app, event_route
from taskapp.events import TASK_UPDATES, CloudEvent, TaskEvent
from taskapp.settings import Settings, origins, variable
from websocket_service.hub import Hub


@dataclass(frozen=True, kw_only=True)
class WebSocketSettings(Settings):
    """`allowed_origins`: the pages that may connect, as browsers name them in the Origin header."""

    allowed_origins: tuple[str, ...] = variable("ALLOWED_ORIGINS", origins, default=())


def build_app(settings: WebSocketSettings, hub: Hub) -> FastAPI:
    """The service around a hub."""
    app = create_app(settings)

    async def update(event: CloudEvent[TaskEvent]) -> None:
        message = {
            "type": f"task.{event.kind}",
            "task": event.data.task.model_dump(mode="json"),
            "sequence": event.data.sequence,
            "event_id": event.id,
        }
        hub.broadcast(event.id, message)

    event_route(app, TASK_UPDATES, TaskEvent, update)

    @app.websocket("/ws")
    async def connect(socket: WebSocket) -> None:
        origin = socket.headers.get("origin")
        if origin is not None and origin not in settings.allowed_origins:
            # Browsers send cross-site WebSocket requests without asking first: this check is what stops them.
            await socket.close()
            return
        await socket.accept()
        await hub.serve(socket, {"type": "hello", "version": settings.version})

    return app
