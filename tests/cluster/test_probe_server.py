"""What the probe sees, asked over real HTTP as the API's proxy asks it."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode

import pytest

from bootstrap.clients.http import Answer, request
from bootstrap.cluster import probe_server
from bootstrap.cluster.probe_server import Handler


class Teapot(BaseHTTPRequestHandler):
    """A server that a pod asks: it answers, and not with 200."""

    def do_GET(self) -> None:
        self.send_response(418)
        self.end_headers()
        self.wfile.write(b"short and stout")

    def log_message(self, *_: object) -> None:
        pass


def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def probe() -> Iterator[str]:
    yield from serving(Handler)


@pytest.fixture
def teapot() -> Iterator[str]:
    yield from serving(Teapot)


def ask(probe: str, what: str, **query: object) -> Answer:
    return request("GET", f"{probe}/{what}?{urlencode(query)}", timeout=10)


def test_a_name_is_resolved(probe: str) -> None:
    assert ask(probe, "dns", name="localhost").table() == {"address": "127.0.0.1"}


def test_a_name_that_is_not_there_has_no_address_and_the_resolvers_words(probe: str) -> None:
    answer = ask(probe, "dns", name="no such name").table()
    assert answer["address"] == ""
    assert answer["error"]


def test_a_port_that_listens_connects(probe: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert ask(probe, "tcp", host="127.0.0.1", port=server.getsockname()[1]).table() == {"error": ""}


def test_a_port_that_does_not_listen_says_so(probe: str) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert "refused" in ask(probe, "tcp", host="127.0.0.1", port=bound.getsockname()[1]).table()["error"]
    assert ask(probe, "tcp", host="127.0.0.1", port="many").table()["error"]


def test_a_url_is_asked_whatever_it_answers(probe: str, teapot: str) -> None:
    assert ask(probe, "http", url=teapot).table() == {"status": 418, "body": "short and stout"}
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        away = ask(probe, "http", url=f"http://127.0.0.1:{bound.getsockname()[1]}").table()
    assert away["status"] == 0
    assert "refused" in str(away["body"])
    assert ask(probe, "http", url="nothing").table()["status"] == 0


def test_a_connection_that_nobody_takes_is_given_up(probe: str) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        stack.enter_context(socket.create_connection(server.getsockname()))  # the queue is full
        away = ask(probe, "http", url=f"http://127.0.0.1:{server.getsockname()[1]}/healthz").table()
    assert away == {"status": 0, "body": "timed out"}


def test_an_answer_may_take_longer_than_the_connection(probe: str) -> None:
    class Slow(Teapot):
        def do_GET(self) -> None:
            time.sleep(2 * probe_server.CONNECT_TIMEOUT_S)
            super().do_GET()

    for url in serving(Slow):
        assert ask(probe, "http", url=url).table()["status"] == 418


@pytest.mark.parametrize("asked", ["nothing", "tcp?host=x", "dns?other=x"])
def test_a_question_that_it_does_not_know_is_refused(probe: str, asked: str) -> None:
    assert request("GET", f"{probe}/{asked}").status == 400
