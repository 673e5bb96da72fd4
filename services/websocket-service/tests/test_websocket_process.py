"""The service as it runs: a process, real sockets, real signals."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from taskapp.events import CloudEvent
from taskapp.testing import make_task

PAGE = "http://127.0.0.1:8080"
SERVICES = Path(__file__).parents[2]


class Service:
    """A running service."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.address = f"127.0.0.1:{port}"

    def wait_until_alive(self) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            assert self.process.poll() is None, "the service ended"
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"http://{self.address}/healthz").raise_for_status()
                return
            time.sleep(0.05)
        raise AssertionError("the service did not start")

    def browser(self, **options: str) -> ClientConnection:
        return connect(f"ws://{self.address}/ws", additional_headers=options)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(str(SERVICES / part) for part in ("shared", "websocket-service")),
        "PORT": str(port),
        "APP_ID": "websocket-service",
        "VERSION": "abc",
        "ALLOWED_ORIGINS": PAGE,
    }
    with (tmp_path / "log").open("wb") as log:
        command = [sys.executable, "-m", "websocket_service"]
        process = subprocess.Popen(command, env=environ, stdout=log, stderr=log, cwd=tmp_path)
        try:
            running = Service(process, port)
            running.wait_until_alive()
            yield running
        finally:
            process.kill()
            process.wait()
    print((tmp_path / "log").read_text())  # noqa: T201 - shown when a test fails


def close_code(browser: ClientConnection) -> int | None:
    """The code with which the service closes the connection, once it does."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            browser.recv(timeout=60)
    return browser.close_code


def test_live_updates_until_sigterm_says_goodbye(service: Service) -> None:
    event = CloudEvent.of_task("created", make_task()).to_json()
    with service.browser(origin=PAGE) as first, service.browser() as second:
        for browser in (first, second):
            assert json.loads(browser.recv(timeout=60)) == {"type": "hello", "version": "abc"}
        answer = httpx.post(f"http://{service.address}/events/task-updates", content=event)
        assert answer.json() == {"status": "SUCCESS"}
        for browser in (first, second):
            assert json.loads(browser.recv(timeout=60))["type"] == "task.created"
        service.process.send_signal(signal.SIGTERM)
        assert [close_code(browser) for browser in (first, second)] == [1001, 1001]
    assert service.process.wait(timeout=60) == 0


def test_a_browser_that_reads_nothing_does_not_keep_it_from_ending(service: Service) -> None:
    host, port = service.address.split(":")
    with socket.create_connection((host, int(port))) as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        raw.sendall(
            f"GET /ws HTTP/1.1\r\nHost: {service.address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        assert raw.recv(12) == b"HTTP/1.1 101"
        with service.browser() as browser, httpx.Client() as sidecar:
            task = make_task(description="x" * 10_000)
            for _ in range(600):
                event = CloudEvent.of_task("updated", task).to_json()
                sidecar.post(f"http://{service.address}/events/task-updates", content=event).raise_for_status()
                browser.recv(timeout=60)
            service.process.send_signal(signal.SIGTERM)
            assert close_code(browser) == 1001
        assert service.process.wait(timeout=60) == 0


def test_a_large_message_ends_the_connection(service: Service) -> None:
    with service.browser() as browser:
        browser.send("x" * 100)
        browser.send("x" * 100_000)
        assert close_code(browser) == 1009


def test_other_pages_cannot_connect(service: Service) -> None:
    with pytest.raises(InvalidStatus) as refused, service.browser(origin="http://evil.example"):
        pass
    assert refused.value.response.status_code == 403
