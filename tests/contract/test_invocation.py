"""Invocation: one app calls another by its id."""

import signal
import sqlite3
import time
from contextlib import closing
from typing import Any

import pytest

from bootstrap.dapr import daprd, resources
from tests.contract.app import METHODS
from tests.contract.world import World
from tests.waits import until

BASE = "/v1.0/invoke/second/method/echo"


@pytest.mark.parametrize("method", METHODS)
def test_method_path_query_headers_and_body_are_passed(world: World, method: str) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = {"content-type": "text/plain", "x-mine": "1", "traceparent": parent, "if-match": '"3"'}
    body = b"\xc3\xbc" if method in ("POST", "PUT", "PATCH") else None
    reply = world.first.call(method, f"{BASE}/a/b?x=1&x=2&y=%20", body, headers)
    seen = reply.json()
    assert reply.status == 200
    assert (seen["method"], seen["path"], seen["body"]) == (method, "a/b", "ü" if body else "")
    assert seen["query"] == "x=1&x=2&y=%20"
    assert (seen["headers"]["x-mine"], seen["headers"]["if-match"]) == ("1", '"3"')
    assert seen["headers"]["traceparent"].split("-")[1] == parent.split("-")[1]
    if body:
        assert seen["headers"]["content-type"] == "text/plain"


@pytest.mark.parametrize("status", [200, 201, 204, 302, 400, 404, 409, 422, 500])
def test_status_headers_and_body_come_back(world: World, status: int) -> None:
    before = world.app.invocations
    reply = world.first.call("POST", f"{BASE}/x", b"1", {"x-status": str(status)})
    assert reply.status == status
    names = {name.lower(): value for name, value in reply.headers.items()}
    assert names["x-answer"] == "yes"
    if status not in (204,):
        assert names["content-type"] == "application/x"
        assert reply.json()["path"] == "x"
    assert world.app.invocations == before + 1


def test_an_answer_of_an_app_that_is_overloaded_is_asked_for_again(world: World) -> None:
    before = world.app.invocations
    reply = world.first.call("GET", f"{BASE}/x", None, {"x-status": "503"})
    assert reply.status == 503
    assert world.app.invocations == before + 4


def test_the_sdk_invokes(world: World) -> None:
    async def work(client: Any) -> Any:
        return await client.invoke_method("second", "echo/sdk", data=b'{"a":1}', http_verb="POST")

    assert world.first.sdk(work).json()["body"] == '{"a":1}'


def test_an_unknown_app(world: World) -> None:
    reply = world.first.call("GET", "/v1.0/invoke/nobody/method/echo/x")
    assert (reply.status, reply.json()["errorCode"]) == (500, "ERR_DIRECT_INVOKE")
    assert "nobody" in reply.json()["message"]


@pytest.mark.parametrize("world", [pytest.param("daprd", marks=pytest.mark.real("daprd"))], indirect=True)
def test_no_name_is_lost_while_it_cannot_be_renewed(world: World) -> None:
    with closing(sqlite3.connect(resources.names(world.folder / "dapr"), isolation_level=None)) as held:
        held.execute("BEGIN IMMEDIATE")  # as a disk that takes no write for a while
        until = time.monotonic() + 8
        while time.monotonic() < until:
            assert world.first.call("GET", f"{BASE}/a").status == 200
            time.sleep(0.5)


@pytest.mark.parametrize("world", [pytest.param("daprd", marks=pytest.mark.real("daprd"))], indirect=True)
def test_a_name_of_one_that_was_killed_is_forgotten_and_entered_anew(world: World) -> None:
    names, port = resources.names(world.folder / "dapr"), daprd.internal_port(world.second.argv)
    world.second.end(signal.SIGKILL)
    assert daprd.is_named(names, port)
    daprd.forget(names, port)
    assert not daprd.is_named(names, port)
    assert daprd.is_named(names, daprd.internal_port(world.first.argv)), "others are still found"
    world.second.start()
    until(lambda: daprd.is_named(names, port), "it has entered its name")
    until(lambda: world.first.call("GET", f"{BASE}/a").status == 200, "it is found")
