import asyncio
import json
import time
from collections.abc import Callable

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.testclient import TestClient
from pydantic import BaseModel

from taskapp.app import create_app, event_route
from taskapp.errors import PoisonEvent, TransientError
from taskapp.events import CloudEvent, TaskEvent
from taskapp.problems import ProblemError
from taskapp.settings import Settings
from taskapp.testing import make_task
from taskapp.trace import trace_id

SETTINGS = Settings(port=1, app_id="shop", version="abc")
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


class Order(BaseModel):
    amount: int


@pytest.fixture
def app() -> FastAPI:
    app = create_app(SETTINGS)

    @app.post("/orders")
    def order(order: Order) -> str:
        if order.amount == 13:
            raise RuntimeError("secret inner workings")
        if order.amount == 12:
            raise TransientError("the till is away")
        if order.amount == 11:
            raise ProblemError(409, "No elevens.", headers={"X-Why": "eleven"})
        if order.amount == 10:
            raise HTTPException(418, "I am a teapot")
        return trace_id() or ""

    return app


def test_alive_whatever_the_dependencies_do() -> None:
    async def broken() -> None:
        raise TransientError("away")

    client = TestClient(create_app(SETTINGS, {"database": broken}))
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "service": "shop", "version": "abc"})
    assert client.get("/dapr/subscribe").json() == []


def test_ready_only_with_every_dependency() -> None:
    async def fine() -> None: ...

    async def broken() -> None:
        raise TransientError("the disk is full\nand more")

    async def hangs() -> None:
        await asyncio.sleep(60)

    assert TestClient(create_app(SETTINGS, {"a": fine})).get("/readyz").json() == {
        "status": "ready",
        "checks": {"a": "ok"},
    }
    started = time.monotonic()
    answer = TestClient(create_app(SETTINGS, {"a": fine, "b": broken, "c": hangs, "d": hangs, "e": hangs})).get(
        "/readyz"
    )
    assert time.monotonic() - started < 5
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "not ready",
        "checks": {
            "a": "ok",
            "b": "the disk is full",
            "c": "no answer within 2 s",
            "d": "no answer within 2 s",
            "e": "no answer within 2 s",
        },
    }


def test_a_sidecar_that_is_away_is_named(free_ports: Callable[[int], tuple[int, ...]]) -> None:
    http_port, grpc_port = free_ports(2)
    settings = Settings(port=1, app_id="shop", version="abc", dapr_http_port=http_port, dapr_grpc_port=grpc_port)
    answer = TestClient(create_app(settings)).get("/readyz")
    assert answer.status_code == 503
    assert f"the sidecar on port {http_port} does not answer" in answer.json()["checks"]["sidecar"]


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ({"amount": 10}, 418, "I am a teapot"),
        ({"amount": 11}, 409, "No elevens."),
        ({"amount": 12}, 503, "A part that this needs is away at the moment. Try again soon."),
        ({"amount": "x"}, 422, "The request is not valid: see amount."),
        ({}, 422, "The request is not valid: see amount."),
    ],
)
def test_errors_are_problems(app: FastAPI, body: object, status: int, detail: str) -> None:
    answer = TestClient(app).post("/orders", json=body)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert answer.status_code == problem["status"] == status
    assert (problem["type"], problem["detail"], problem["instance"]) == ("about:blank", detail, "/orders")
    if status == 422:
        assert [e["field"] for e in problem["errors"]] == ["amount"]


def test_unknown_paths_and_methods_are_problems(app: FastAPI) -> None:
    client = TestClient(app)
    assert client.get("/nowhere").json()["title"] == "Not Found"
    wrong_method = client.get("/orders")
    assert (wrong_method.status_code, wrong_method.headers["allow"]) == (405, "POST")


def test_an_unhandled_error_tells_the_log_and_not_the_client(app: FastAPI, caplog: pytest.LogCaptureFixture) -> None:
    answer = TestClient(app).post("/orders", json={"amount": 13}, headers={"traceparent": TRACE})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text
    assert answer.headers["traceparent"].split("-")[1] == "a" * 32
    assert "unhandled error in POST /orders" in caplog.text
    assert "secret inner workings" in caplog.text


@pytest.mark.parametrize("sent", [None, "nonsense", "00-" + "0" * 32 + "-" + "b" * 16 + "-01", "ff" + TRACE[2:]])
def test_without_a_good_trace_a_new_one_begins(app: FastAPI, sent: str | None) -> None:
    headers = {"traceparent": sent} if sent else {}
    answer = TestClient(app).post("/orders", json={"amount": 1}, headers=headers)
    assert answer.headers["traceparent"].split("-")[1] == answer.json()
    assert answer.json() not in ("", "0" * 32, "a" * 32)


def deliver(app: FastAPI, body: bytes) -> str:
    answer = TestClient(app).post(
        "/events/task-events", content=body, headers={"content-type": "application/cloudevents+json"}
    )
    assert answer.status_code == 200
    return str(answer.json()["status"])


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (None, "SUCCESS"),
        (PoisonEvent("no"), "DROP"),
        (TransientError("later"), "RETRY"),
        (RuntimeError("bug"), "RETRY"),
    ],
)
def test_what_the_handler_raises_decides(error: Exception | None, status: str) -> None:
    seen: list[tuple[str, str | None]] = []

    async def handle(event: CloudEvent[TaskEvent]) -> None:
        seen.append((event.data.task.title, trace_id()))
        if error is not None:
            raise error

    app = create_app(SETTINGS)
    event_route(app, "task-events", TaskEvent, handle)
    event = CloudEvent.of_task("created", make_task(), traceparent=TRACE)
    assert deliver(app, event.to_json().encode()) == status
    assert seen == [("Water the plants", "a" * 32)]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", json.dumps({"type": "other"}).encode()])
def test_poison_never_reaches_the_handler(body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async def handle(event: CloudEvent[TaskEvent]) -> None:
        pytest.fail("reached")

    app = create_app(SETTINGS)
    event_route(app, "task-events", TaskEvent, handle)
    assert deliver(app, body) == "DROP"
    assert "dropped a poison event" in caplog.text
