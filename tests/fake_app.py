"""The whole app in one small server, for tests of the smoke suite: right, or wrong in one way."""

import asyncio
import contextlib
import json
import socket
import threading
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

SERVICES = ("backend-api", "notification-service", "recurring-task-service", "websocket-service", "frontend")
PAGE = b"""<!doctype html><title>Tasks</title><link rel="icon" href="/icon.svg">
<script type="module" src="/app.js"></script>
<span data-testid="connection" data-state="connecting">Live</span>
<input data-testid="new-title"><button data-testid="add-task">Add</button><ul></ul>"""
SCRIPT = b"""import { show } from "./list.js";
const config = await (await fetch("/config.json")).json();
const send = (path, body) => fetch(config.backend_url + path, { method: "POST", body: JSON.stringify(body) });
const socket = new WebSocket(config.websocket_url);
socket.onmessage = ({ data }) => {
  const { type, task } = JSON.parse(data);
  if (type === "hello") document.querySelector("span").dataset.state = "live";
  else show(task, () => send(`/tasks/${task.id}/complete`));
};
document.querySelector("button").onclick = () => send("/tasks", { title: document.querySelector("input").value });
"""
LIST = b"""export const show = (task, complete) => {
  document.querySelector(`[data-task-id="${task.id}"]`)?.remove();
  const row = document.createElement("li");
  Object.assign(row.dataset, { testid: "task", taskId: task.id, status: task.status });
  const box = document.createElement("button");
  box.dataset.testid = "complete";
  box.onclick = complete;
  row.append(task.title, box);
  document.querySelector("ul").append(row);
};
"""


class FakeApp:
    """Tasks, history, notifications and live updates in memory. `wrong` names the one way in which it is wrong."""

    def __init__(self, port: int, wrong: str = "") -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.wrong = wrong
        self.tasks: dict[str, dict[str, Any]] = {}
        self.history: dict[str, list[str]] = {}
        self._sockets: set[asyncio.Queue[str]] = set()

    @property
    def urls(self) -> dict[str, str]:
        """Every service is at the same address."""
        return dict.fromkeys(SERVICES, self.base)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/tasks", self._create, methods=["POST"]),
                Route("/tasks", self._list),
                Route("/tasks/{id}", self._delete, methods=["DELETE"]),
                Route("/tasks/{id}", self._read),
                Route("/tasks/{id}/complete", self._complete, methods=["POST"]),
                Route("/tasks/{id}/history", self._history),
                Route("/notifications", self._notifications),
                WebSocketRoute("/ws", self._live),
                Route("/{file:path}", self._file),
            ]
        )

    def add(self, fields: Mapping[str, Any], previous_id: str | None = None) -> dict[str, Any]:
        wanted = ("title", "remind_at", "due_at", "recurrence")
        task = {name: fields.get(name) for name in wanted}
        task |= {
            "created_at": datetime.now(UTC).isoformat(),
            "id": str(uuid.uuid4()),
            "status": "open",
            "previous_id": previous_id,
        }
        self.tasks[str(task["id"])] = task
        self._tell("created", task)
        return task

    def _tell(self, kind: str, task: dict[str, Any]) -> None:
        self.history.setdefault(task["id"], []).append(kind)
        for queue in self._sockets if self.wrong != "silent socket" else ():
            message = json.dumps({"type": f"task.{kind}", "task": task})
            late = 2.2 if self.wrong == "slow socket" else 0
            asyncio.get_running_loop().call_later(late, queue.put_nowait, message)

    async def _create(self, request: Request) -> Response:
        fields = await request.json()
        if self.wrong == "no answer":
            return Response("the database is away", 503)
        if fields.get("due_at") == "tomorrow" and self.wrong != "no problem details":
            problem = {
                "type": "about:blank",
                "title": "Unprocessable",
                "status": 422,
                "detail": "",
                "instance": "/tasks",
            }
            problem["errors"] = [{"field": "due_at", "message": "should be a time"}]
            return JSONResponse(problem, 422, media_type="application/problem+json")
        return JSONResponse(self.add(fields), 201)

    async def _list(self, request: Request) -> Response:
        headers = {"access-control-allow-origin": self.base}
        status = request.query_params.get("status")
        items = [task for task in self.tasks.values() if status in (None, task["status"])]
        return JSONResponse({"items": items, "next": None}, headers=headers)

    async def _read(self, request: Request) -> Response:
        task = self.tasks.get(request.path_params["id"])
        return JSONResponse(task, 200 if task else 404)

    async def _delete(self, request: Request) -> Response:
        task = self.tasks.pop(request.path_params["id"])
        self._tell("deleted", task)
        return Response(status_code=204)

    async def _complete(self, request: Request) -> Response:
        task = self.tasks[request.path_params["id"]]
        task["status"] = "completed"
        self._tell("completed", task)
        if task["recurrence"] and self.wrong != "no next occurrence":
            due = datetime.fromisoformat(task["due_at"]) + timedelta(days=1)
            self.add({**task, "due_at": due.isoformat()}, previous_id=task["id"])
        return JSONResponse(task)

    async def _history(self, request: Request) -> Response:
        kinds = self.history[request.path_params["id"]] if self.wrong != "no history" else []
        return JSONResponse({"entries": [{"type": f"taskapp.task.{kind}.v1"} for kind in kinds]})

    async def _notifications(self, request: Request) -> Response:
        task = self.tasks[request.query_params["task_id"]]
        due = datetime.fromisoformat(task["remind_at"])
        # A second one comes a moment after the first.
        seconds = (0.0, 0.3) if self.wrong == "two notifications" else (0.0,)
        sent = [s for s in seconds if datetime.now(UTC) >= due + timedelta(seconds=s)]
        notification = {"task_id": task["id"], "title": task["title"]}
        return JSONResponse({"notifications": [notification for _ in sent]})

    async def _live(self, browser: WebSocket) -> None:
        await browser.accept()
        queue: asyncio.Queue[str] = asyncio.Queue()
        queue.put_nowait(json.dumps({"type": "hello"}))
        self._sockets.add(queue)
        with contextlib.suppress(RuntimeError, OSError):
            while True:
                await browser.send_text(await queue.get())

    async def _file(self, request: Request) -> Response:
        config = {"backend_url": self.base, "websocket_url": self.base.replace("http", "ws", 1) + "/ws"}
        noise = b"console.error('Oh no');" if self.wrong == "noisy page" else b""
        files = {
            "": (PAGE, "text/html"),
            "app.js": (SCRIPT + noise, "text/javascript"),
            "icon.svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "image/svg+xml"),
            "list.js": (LIST, "text/javascript"),
            "config.json": (json.dumps(config).encode(), "application/json"),
        }
        if self.wrong == "script missing":
            del files["list.js"]
        body, kind = files.get(request.path_params["file"], (b"", ""))
        policy = f"default-src 'self'; connect-src 'self' {self.base} {self.base.replace('http', 'ws', 1)}"
        return Response(body, 200 if kind else 404, {"content-security-policy": policy}, kind)


@contextlib.contextmanager
def serving(wrong: str = "") -> Iterator[FakeApp]:
    """The fake app on a free port, in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        fake = FakeApp(listener.getsockname()[1], wrong)
        config = uvicorn.Config(fake.app(), log_level="critical", ws="websockets-sansio", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield fake
        finally:
            server.should_exit = True
            thread.join()
