"""What lies around the tasks: history, origins, readiness."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from backend_api.main import BackendSettings, build_app
from taskapp.dapr import Response
from taskapp.testing import FakeDapr

Eventually = Callable[[Callable[[], object]], None]
MISSING = "00000000-0000-4000-8000-000000000001"


def test_history_comes_from_the_audit_service(client: TestClient, dapr: FakeDapr) -> None:
    path = f"/tasks/{MISSING}/history"
    answer = client.get(path)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["detail"] == "The audit service is away at the moment. Try again soon."
    asked = []

    def audit(method: str, path: str, *_: Any) -> Response:
        asked.append((method, path))
        return Response(200, b'{"entries":[]}')

    dapr.services["audit-service"] = audit
    assert client.get(path).json() == {"entries": []}
    assert asked == [("GET", f"/history/{MISSING}")]
    for status, shown in [(404, 404), (400, 502), (500, 503)]:
        dapr.services["audit-service"] = lambda *_, status=status: Response(status, b"")  # type: ignore[misc]
        assert client.get(path).status_code == shown


def test_only_known_origins_may_read(client: TestClient) -> None:
    asked = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "if-match,content-type"}
    allowed = client.options("/tasks", headers={"Origin": "http://page:1", **asked})
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, "http://page:1")
    refused = client.options("/tasks", headers={"Origin": "http://page:2", **asked})
    assert (refused.status_code, refused.headers.get("access-control-allow-origin")) == (400, None)
    error = client.get("/nowhere", headers={"Origin": "http://page:1"})
    assert (error.status_code, error.headers["access-control-allow-origin"]) == (404, "http://page:1")


def test_alive_and_not_ready_until_the_database_is_there(
    tmp_path: Path, dapr: FakeDapr, eventually: Eventually
) -> None:
    settings = BackendSettings(
        port=1,
        app_id="backend-api",
        version="v",
        dapr_http_port=1,
        dapr_grpc_port=1,
        database_url=f"sqlite:///{tmp_path}/later/tasks.db",
    )
    with TestClient(build_app(settings, sidecar=dapr)) as client:
        assert client.get("/healthz").status_code == 200
        assert "schema" in client.get("/readyz").json()["checks"]["database"]
        assert client.post("/tasks", json={"title": "Tea"}).status_code == 503
        (tmp_path / "later").mkdir()
        eventually(lambda: client.get("/readyz").json()["checks"]["database"] == "ok")
        assert client.post("/tasks", json={"title": "Tea"}).status_code == 201
        eventually(lambda: len(dapr.published) == 2)


def test_not_ready_when_the_tables_are_gone(tmp_path: Path, client: TestClient) -> None:
    assert client.get("/readyz").json()["checks"]["database"] == "ok"
    with closing(sqlite3.connect(tmp_path / "app.db")) as emptied, emptied:
        emptied.executescript("DROP TABLE schema_version")
    assert "schema_version" in client.get("/readyz").json()["checks"]["database"]
