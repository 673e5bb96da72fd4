"""A real frontend server, a small stand-in for the backend and its live updates, and a browser."""

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket, WebSocketDisconnect

from frontend.main import FrontendSettings, build

CHROMIUM = Path("/usr/bin/chromium")
LIMIT_MS = 60_000  # after which it never comes, on a busy machine too
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def now() -> str:
    """The time as the backend writes it."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


class Backend:
    """The REST API and the WebSocket in one server, in memory, with doors for tests.

    `fail` maps (method, path) to a response to give instead, HTML where it is a text; `socket_open` False refuses
    WebSockets; `echo` False keeps own changes from the socket.
    """

    def __init__(self) -> None:
        self.tasks: dict[str, dict[str, Any]] = {}
        self.entries: dict[str, list[dict[str, Any]]] = {}
        self.keys: dict[str, str] = {}
        self.requests: list[tuple[str, str, Any]] = []
        self.fail: dict[tuple[str, str], tuple[int, dict[str, Any] | str]] = {}
        self.sockets: set[WebSocket] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.socket_open = True
        self.socket_attempts = 0
        self.echo = True
        self.page_size = 50
        routes = [
            Route("/tasks", self._list, methods=["GET"]),
            Route("/tasks", self._create, methods=["POST"]),
            Route("/tasks/{id}", self._one, methods=["GET", "PATCH", "DELETE"]),
            Route("/tasks/{id}/history", self._history, methods=["GET"]),
            Route("/tasks/{id}/{verb}", self._verb, methods=["POST"]),
            WebSocketRoute("/ws", self._ws),
        ]
        cors = Middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])
        self.app = Starlette(routes=routes, middleware=[cors])

    def add(self, title: str, **fields: Any) -> dict[str, Any]:
        """Put a task there without telling anyone."""
        task = {"id": str(uuid4()), "title": title, "description": "", "status": "open", "due_at": None}
        task |= {"remind_at": None, "recurrence": None, "completed_at": None, "previous_id": None}
        task |= {"created_at": now(), "updated_at": now(), "version": 1} | fields
        self.tasks[task["id"]] = task
        self._record("created", task, [])
        return task

    def change(self, task: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """Change a task without telling anyone."""
        changed = task | fields | {"version": task["version"] + 1, "updated_at": now()}
        self.tasks[task["id"]] = changed
        self._record("completed" if fields.get("status") == "completed" else "updated", changed, list(fields))
        return changed

    def broadcast(self, kind: str, task: dict[str, Any]) -> None:
        """Send a live update to every browser, from outside of the server."""
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(self._tell(kind, task), self._loop).result(5)

    def cut(self, *, reopen: bool) -> None:
        """End every WebSocket; with `reopen` False, refuse new ones."""
        self.socket_open = reopen
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(5)

    async def _cut(self) -> None:
        for ws in list(self.sockets):
            await ws.close(1012)

    async def _tell(self, kind: str, task: dict[str, Any]) -> None:
        """Send a live update to every browser."""
        message = {"type": f"task.{kind}", "task": task, "sequence": task["version"], "event_id": str(uuid4())}
        for ws in list(self.sockets):
            await ws.send_json(message)

    def _record(self, kind: str, task: dict[str, Any], changes: list[str]) -> None:
        entry = {"event_id": str(uuid4()), "type": f"taskapp.task.{kind}.v1", "sequence": task["version"]}
        entry |= {"time": now(), "changes": changes, "task_title": task["title"], "status": task["status"]}
        self.entries.setdefault(task["id"], []).append(entry)

    async def _refusal(self, request: Request) -> Response | None:
        body = await request.json() if await request.body() else None
        self.requests.append((request.method, request.url.path, body))
        if (found := self.fail.get((request.method, request.url.path))) is None:
            return None
        status, problem = found
        if isinstance(problem, str):
            return HTMLResponse(problem, status)
        return JSONResponse({"status": status, **problem}, status, media_type="application/problem+json")

    async def _list(self, request: Request) -> Response:
        if refusal := await self._refusal(request):
            return refusal
        found = [t for t in self.tasks.values() if t["status"] == request.query_params["status"]]
        found.sort(key=lambda t: t["created_at"], reverse=True)
        start = int(request.query_params.get("after", 0))
        end = start + self.page_size
        more = f"/tasks?status={request.query_params['status']}&after={end}" if end < len(found) else None
        return JSONResponse({"items": found[start:end], "next": more})

    async def _create(self, request: Request) -> Response:
        if refusal := await self._refusal(request):
            return refusal
        key = request.headers["Idempotency-Key"]
        if key in self.keys:
            return JSONResponse(self.tasks[self.keys[key]], 200)
        task = self.add(**await request.json())
        self.keys[key] = task["id"]
        return await self._answer("created", task, 201)

    async def _one(self, request: Request) -> Response:
        if refusal := await self._refusal(request):
            return refusal
        task = self.tasks[request.path_params["id"]]
        if request.method == "GET":
            return JSONResponse(task)
        if request.method == "DELETE":
            gone = self.change(task)
            del self.tasks[task["id"]]
            await self._tell("deleted", gone)
            return Response(status_code=204)
        if request.headers["If-Match"] != f'"{task["version"]}"':
            return JSONResponse({"title": "Precondition Failed", "status": 412}, 412)
        return await self._answer("updated", self.change(task, **await request.json()))

    async def _verb(self, request: Request) -> Response:
        if refusal := await self._refusal(request):
            return refusal
        task = self.tasks[request.path_params["id"]]
        if request.path_params["verb"] == "complete":
            return await self._answer("completed", self.change(task, status="completed", completed_at=now()))
        return await self._answer("updated", self.change(task, status="open", completed_at=None))

    async def _history(self, request: Request) -> Response:
        if refusal := await self._refusal(request):
            return refusal
        task_id = request.path_params["id"]
        return JSONResponse({"task_id": task_id, "entries": self.entries[task_id], "complete": True})

    async def _answer(self, kind: str, task: dict[str, Any], status: int = 200) -> Response:
        if self.echo:
            await self._tell(kind, task)
        return JSONResponse(task, status)

    async def _ws(self, ws: WebSocket) -> None:
        self.socket_attempts += 1
        if not self.socket_open:
            await ws.close()
            return
        self._loop = asyncio.get_running_loop()
        await ws.accept()
        await ws.send_json({"type": "hello", "version": "test"})
        self.sockets.add(ws)
        try:
            while True:
                await ws.receive_text()
        except WebSocketDisconnect:
            pass
        finally:
            self.sockets.discard(ws)


@contextmanager
def running(app: ASGIApp) -> Iterator[str]:
    """The base URL of a server that runs in a thread for as long as the block lasts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1, ws="websockets-sansio")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=10)


@dataclass
class Site:
    """A frontend with a backend of its own, and browsers on it. `noise` collects what a console should not say."""

    backend: Backend
    url: str
    browser: Browser
    contexts: list[BrowserContext] = field(default_factory=list)
    noise: list[str] = field(default_factory=list)

    def open(self, *, still: bool = False, **options: Any) -> Page:
        """A browser of its own on the page; `options` are those of a Playwright context.

        With `still` the page's clock stands, so that nothing is tried again by itself.
        """
        context = self.browser.new_context(**options)
        context.set_default_timeout(LIMIT_MS)
        self.contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: self.noise.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.noise.append(str(error)))
        if still:
            page.clock.install(time=0)
            page.clock.pause_at(1)
        page.goto(self.url)
        return page


# Not longer than a module: while Playwright's sync API is open, no other test of this thread can run an event loop.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    if not CHROMIUM.exists():
        message = f"{CHROMIUM} is missing; install it: apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    expect.set_options(timeout=LIMIT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        yield browser
        browser.close()


@pytest.fixture
def backend() -> Backend:
    """An empty stand-in backend."""
    return Backend()


@pytest.fixture
def settings() -> FrontendSettings:
    """Settings with addresses that differ in every part."""
    return FrontendSettings(
        port=1,
        app_id="frontend",
        version="v1",
        backend_api_url="http://api.example:8081",
        websocket_service_url="http://live.example:8085",
    )


@pytest.fixture
def site(backend: Backend, browser: Browser, settings: FrontendSettings) -> Iterator[Site]:
    """The page and its backend. The test fails when a browser's console had errors, CSP violations included."""
    with running(backend.app) as api_url:
        own = replace(settings, backend_api_url=api_url, websocket_service_url=api_url)
        with running(build(own)) as url:
            site = Site(backend, url, browser)
            yield site
            for context in site.contexts:
                context.close()
            assert site.noise == []
