"""The door for HTTP, against a tiny server of its own."""

import http.server
import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from bootstrap.clients.http import Answer, request, rows


class Handler(http.server.BaseHTTPRequestHandler):
    """Says what it was asked."""

    def do_GET(self) -> None:
        body = f"{self.command} {self.path} {self.rfile.read(int(self.headers.get('content-length') or 0)).decode()}"
        self.send_response(503 if self.path == "/busy" else 200)
        self.end_headers()
        self.wfile.write(body.encode() + (b"\xff" if self.path == "/odd" else b""))

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_status_and_body_whatever_the_status(base: str) -> None:
    assert request("GET", f"{base}/a?b=c") == Answer(200, "GET /a?b=c ")
    assert request("GET", base) == Answer(200, "GET / ")
    assert request("GET", f"{base}/busy").status == 503
    assert request("GET", f"{base}/odd").text == "GET /odd \ufffd"


def test_a_body_goes_as_json(base: str) -> None:
    assert request("POST", f"{base}/x", {"a": "é"}).text == 'POST /x {"a": "\\u00e9"}'


def test_nobody_there_is_no_exception() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    answer = request("GET", f"http://127.0.0.1:{port}/")
    assert answer.status == 0
    assert "refused" in answer.text


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"])
def test_no_good_http_is_no_exception(said: bytes) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            connection, _ = server.accept()
            connection.recv(1000)
            connection.sendall(said)
            connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        answer = request("GET", f"http://127.0.0.1:{server.getsockname()[1]}/")
        thread.join()
    assert answer.status == 0
    assert answer.text


def test_no_answer_in_time_is_no_exception() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        answer = request("GET", f"http://127.0.0.1:{server.getsockname()[1]}/", timeout=0.1)
    assert answer == Answer(0, "timed out")


@pytest.mark.parametrize(
    ("text", "json", "table"),
    [('{"a": 1}', {"a": 1}, {"a": 1}), ("[1]", [1], {}), ('"x"', "x", {}), ("", None, {}), ("<html>", None, {})],
)
def test_json_and_tables(text: str, json: object, table: object) -> None:
    assert Answer(200, text).json() == json
    assert Answer(200, text).table() == table


def test_rows_are_the_objects_of_an_array() -> None:
    assert rows([{"a": 1}, 2, None, {"b": 3}]) == [{"a": 1}, {"b": 3}]
    assert rows({"a": 1}) == rows(None) == rows("x") == []
