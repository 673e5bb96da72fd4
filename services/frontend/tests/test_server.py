"""What the server answers: files, configuration, headers."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from frontend.main import STATIC, FrontendSettings, browser_url, build


@pytest.fixture
def client(settings: FrontendSettings) -> TestClient:
    return TestClient(build(settings))


def test_the_configuration_has_the_addresses_for_the_browser(client: TestClient) -> None:
    assert client.get("/config.json").json() == {
        "backend_url": "http://api.example:8081",
        "websocket_url": "ws://live.example:8085/ws",
    }


@pytest.mark.parametrize("path", ["/", "/js/app.js", "/config.json", "/healthz", "/missing", "/%2e%2e/main.py"])
def test_every_answer_is_guarded(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self' http://api.example:8081 ws://live.example:8085; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cache-control"] == "no-cache"
    assert "camera=()" in headers["permissions-policy"]


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/", "text/html"), ("/style.css", "text/css"), ("/js/app.js", "text/javascript"), ("/icon.svg", "image/svg+xml")],
)
def test_a_file_is_sent_once_and_then_only_confirmed(client: TestClient, path: str, kind: str) -> None:
    first = client.get(path)
    assert first.status_code == 200
    assert first.headers["content-type"].startswith(kind)
    second = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert second.status_code == 304
    assert second.content == b""


@pytest.mark.parametrize(
    "path", ["/missing", "/js", "/js/", "/%2e%2e/main.py", "/..%2fmain.py", "//etc/passwd", "/js/..%2f..%2fmain.py"]
)
def test_what_is_not_there_is_a_problem(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 404


def test_nothing_can_be_written(client: TestClient) -> None:
    assert client.post("/", json={}).status_code == 405


@given(
    st.lists(st.sampled_from(["..", ".", "", "%2e%2e", "..%2f", "frontend", "main.py", "%00", "js", "é"]), max_size=6)
)
def test_no_path_leaves_the_folder(parts: list[str]) -> None:
    settings = FrontendSettings(
        port=1, app_id="f", version="v", backend_api_url="http://a", websocket_service_url="http://b"
    )
    answer = TestClient(build(settings)).get("http://testserver/" + "/".join(parts))
    assert answer.status_code in (200, 404)
    assert "StaticFiles" not in answer.text


def test_no_file_names_another_host() -> None:
    for file in STATIC.rglob("*"):
        if file.is_file():
            text = file.read_text("utf-8").replace("http://www.w3.org/2000/svg", "").replace("http://backend", "")
            assert "http://" not in text, file
            assert "https://" not in text, file


def test_health_and_readiness(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok", "service": "frontend", "version": "v1"}
    assert client.get("/readyz").json() == {"status": "ready", "checks": {}}


@pytest.mark.parametrize(
    "value",
    [
        "",
        "api:8081",
        "ftp://api",
        "http://",
        "http://a b",
        "http://a;script-src *",
        "http://a/?q",
        "http://u:p@a",
        "http://a/#f",
    ],
)
def test_a_bad_address_is_refused(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    environ = {"PORT": "1", "APP_ID": "frontend", "VERSION": "v1", "WEBSOCKET_SERVICE_URL": "http://a:1/"}
    with pytest.raises(SystemExit) as stop:
        FrontendSettings.from_env(environ | {"BACKEND_API_URL": value})
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith("frontend: BACKEND_API_URL must be")


@pytest.mark.parametrize("value", ["http://127.0.0.1:8081", "https://api.example/base", "http://[::1]:8081"])
def test_an_address_keeps_all_but_its_last_slash(value: str) -> None:
    assert browser_url(value + "/") == value


def test_it_runs_as_a_module_and_stops_when_asked() -> None:
    services = Path(__file__).parents[2]
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{services / 'shared'}{os.pathsep}{services / 'frontend'}",
        "PORT": str(port),
        "APP_ID": "frontend",
        "VERSION": "v1",
        "BACKEND_API_URL": "http://127.0.0.1:1",
        "WEBSOCKET_SERVICE_URL": "http://127.0.0.1:2",
    }
    process = subprocess.Popen([sys.executable, "-m", "frontend"], env=environ, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process:
        try:
            lines: list[dict[str, Any]] = []
            while not any("running on" in line["message"] for line in lines):
                lines.append(json.loads(process.stdout.readline()))
            assert httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == 0
        finally:
            process.kill()
