import json

import pytest
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from taskapp.events import CloudEvent, TaskKind
from taskapp.testing import make_task
from websocket_service.hub import Hub
from websocket_service.main import WebSocketSettings, build_app

PAGE = "http://127.0.0.1:8080"
SETTINGS = WebSocketSettings(port=1, app_id="websocket-service", version="abc", allowed_origins=(PAGE,))


@pytest.fixture
def client() -> TestClient:
    return TestClient(build_app(SETTINGS, Hub()))


def update(kind: TaskKind = "updated", version: int = 2) -> str:
    return CloudEvent.of_task(kind, make_task(version=version), ["title"]).to_json()


def deliver(client: TestClient, event: str) -> str:
    answer = client.post("/events/task-updates", content=event)
    assert answer.status_code == 200
    return str(answer.json()["status"])


@pytest.mark.parametrize("kind", ["created", "updated", "completed", "deleted"])
def test_a_browser_hears_of_a_change(client: TestClient, kind: TaskKind) -> None:
    event = update(kind)
    with client, client.websocket_connect("/ws", headers={"origin": PAGE}) as socket:
        assert socket.receive_json() == {"type": "hello", "version": "abc"}
        assert deliver(client, event) == "SUCCESS"
        assert socket.receive_json() == {
            "type": f"task.{kind}",
            "task": make_task(version=2).model_dump(mode="json"),
            "sequence": 2,
            "event_id": json.loads(event)["id"],
        }


def test_a_redelivered_change_is_heard_once(client: TestClient) -> None:
    first, second = update(version=2), update(version=3)
    with client, client.websocket_connect("/ws") as socket:
        socket.receive_json()
        assert [deliver(client, event) for event in (first, first, second)] == ["SUCCESS"] * 3
        assert [socket.receive_json()["sequence"] for _ in range(2)] == [2, 3]


def test_changes_without_anyone_listening_are_done_with(client: TestClient) -> None:
    assert deliver(client, update()) == "SUCCESS"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:8081", PAGE.upper(), ""])
def test_other_pages_are_refused(client: TestClient, origin: str) -> None:
    with (
        pytest.raises((WebSocketDisconnect, WebSocketDenialResponse)),
        client.websocket_connect("/ws", headers={"origin": origin}),
    ):
        pass


@pytest.mark.parametrize("event", ["", "null", "{}", update().replace('"schema_version":1', '"schema_version":2')])
def test_poison_is_dropped(client: TestClient, event: str) -> None:
    assert deliver(client, event) == "DROP"


def test_settings_read_the_origins() -> None:
    environ = {
        "PORT": "1",
        "APP_ID": "websocket-service",
        "VERSION": "abc",
        "ALLOWED_ORIGINS": f"{PAGE}, https://a.example",
    }
    assert WebSocketSettings.from_env(environ).allowed_origins == (PAGE, "https://a.example")
