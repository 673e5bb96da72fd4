from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from taskapp.testing import FakeDapr

Eventually = Callable[[Callable[[], object]], None]
MISSING = "00000000-0000-4000-8000-000000000001"


def create(client: TestClient, title: str = "Tea", **fields: Any) -> dict[str, Any]:
    answer = client.post("/tasks", json={"title": title, **fields})
    assert answer.status_code == 201, answer.text
    task: dict[str, Any] = answer.json()
    return task


def events(dapr: FakeDapr, topic: str = "task-events") -> list[tuple[str, int, list[str]]]:
    return [
        (event["type"], event["data"]["sequence"], event["data"]["changes"])
        for found, event in dapr.published
        if found == topic
    ]


def test_a_new_task(client: TestClient) -> None:
    answer = client.post("/tasks", json={"title": " Tea ", "due_at": "2030-02-01T10:00:00+02:00"})
    assert answer.status_code == 201
    task = answer.json()
    assert task == {
        "id": task["id"],
        "title": "Tea",
        "description": "",
        "status": "open",
        "due_at": "2030-02-01T08:00:00Z",
        "remind_at": None,
        "recurrence": None,
        "completed_at": None,
        "created_at": "2030-01-01T09:00:00Z",
        "updated_at": "2030-01-01T09:00:00Z",
        "version": 1,
        "previous_id": None,
    }
    assert answer.headers["location"] == f"/tasks/{task['id']}"
    again = client.get(answer.headers["location"])
    assert (again.json(), again.headers["etag"]) == (task, '"1"')


def test_a_life_in_events(client: TestClient, dapr: FakeDapr, eventually: Eventually) -> None:
    task = create(client, recurrence="daily")
    path = f"/tasks/{task['id']}"
    assert client.patch(path, json={"title": "Coffee", "recurrence": None}).json()["version"] == 2
    assert client.patch(path, json={"title": "Coffee"}).json()["version"] == 2, "nothing changed"
    assert client.patch(path, json={}).json()["version"] == 2
    done = client.post(f"{path}/complete").json()
    assert (done["status"], done["completed_at"], done["version"]) == ("completed", "2030-01-01T09:00:00Z", 3)
    assert client.post(f"{path}/complete").json() == done, "the second time changes nothing"
    assert client.post(f"{path}/reopen").json()["completed_at"] is None
    assert client.post(f"{path}/reopen").json()["version"] == 4
    assert client.delete(path).status_code == 204
    assert client.delete(path).status_code == 404
    eventually(lambda: len(dapr.published) == 10)
    assert events(dapr) == [
        ("taskapp.task.created.v1", 1, ["recurrence", "title"]),
        ("taskapp.task.updated.v1", 2, ["recurrence", "title"]),
        ("taskapp.task.completed.v1", 3, ["completed_at", "status"]),
        ("taskapp.task.updated.v1", 4, ["completed_at", "status"]),
        ("taskapp.task.deleted.v1", 5, []),
    ]
    assert events(dapr, "task-updates") == events(dapr)
    assert len({event["id"] for _, event in dapr.published}) == 10
    assert set(dapr.keys) == {task["id"]}


def test_the_same_idempotency_key_is_the_same_task(client: TestClient, clock: Any) -> None:
    def post(_: int) -> tuple[int, str]:
        answer = client.post("/tasks", json={"title": "Tea"}, headers={"Idempotency-Key": "next-of-7"})
        return answer.status_code, answer.json()["id"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(8)))
    assert sorted(status for status, _ in answers) == [200] * 7 + [201]
    assert len({task_id for _, task_id in answers}) == 1
    assert len(client.get("/tasks").json()["items"]) == 1
    task_id = answers[0][1]
    client.delete(f"/tasks/{task_id}")
    assert post(0) == (200, task_id), "a late repetition does not bring a deleted task back"
    assert client.get("/tasks").json()["items"] == []
    clock.at += timedelta(days=31)
    client.post("/tasks", json={"title": "x"}, headers={"Idempotency-Key": "other"})
    assert post(0)[0] == 201, "keys are forgotten in the end"


@pytest.mark.parametrize("key", ["", "two words", "é", "x" * 201])
def test_bad_idempotency_keys(client: TestClient, key: str) -> None:
    answer = client.post("/tasks", json={"title": "Tea"}, headers={"Idempotency-Key": key.encode()})  # type: ignore[dict-item]
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "idempotency-key")


def test_pages_newest_first_without_gaps(client: TestClient, clock: Any) -> None:
    made = []
    for n in range(7):
        made.append(create(client, f"Task {n}")["id"])
        if n % 2:  # every second pair is of the same moment
            clock.at += timedelta(seconds=1)
    client.post(f"/tasks/{made[3]}/complete")
    seen, link = [], "/tasks?limit=2"
    while link:
        page = client.get(link).json()
        seen += page["items"]
        link = page["next"]
    assert {task["id"] for task in seen} == set(made)
    assert len(seen) == 7
    times = [task["created_at"] for task in seen]
    assert times == sorted(times, reverse=True)
    first = client.get("/tasks?status=open&limit=3").json()
    rest = client.get(first["next"]).json()
    assert len(first["items"]) + len(rest["items"]) == 6
    assert rest["next"] is None
    assert [t["id"] for t in client.get("/tasks?status=completed").json()["items"]] == [made[3]]


@pytest.mark.parametrize(
    "query", ["status=done", "limit=0", "limit=201", "after=x", "after=2030-99-01T00:00:00Z_" + MISSING]
)
def test_bad_queries(client: TestClient, query: str) -> None:
    answer = client.get(f"/tasks?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert query.partition("=")[0] in answer.json()["detail"]


@pytest.mark.parametrize(
    ("if_match", "status"),
    [(None, 200), ("*", 200), ('"1"', 200), ('"7", "1"', 200), ('"2"', 412), ('W/"1"', 412), ("1", 412), ("", 412)],
)
def test_optimistic_concurrency(client: TestClient, if_match: str | None, status: int) -> None:
    task = create(client)
    headers = {} if if_match is None else {"If-Match": if_match}
    answer = client.patch(f"/tasks/{task['id']}", json={"title": "Other"}, headers=headers)
    assert answer.status_code == status
    if status == 412:
        assert answer.headers["etag"] == '"1"'
        assert "is at version 1 now" in answer.json()["detail"]
        assert client.delete(f"/tasks/{task['id']}", headers=headers).status_code == 412
    assert client.get(f"/tasks/{task['id']}").json()["version"] == (2 if status == 200 else 1)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/complete"), ("POST", "/reopen")],
)
def test_unknown_tasks(client: TestClient, method: str, path: str) -> None:
    body = {"json": {"title": "x"}} if method == "PATCH" else {}
    answer = client.request(method, f"/tasks/{MISSING}{path}", **body)  # type: ignore[arg-type]
    assert answer.status_code == 404
    assert answer.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": f"There is no task {MISSING}.",
        "instance": f"/tasks/{MISSING}{path}",
    }
    assert client.request(method, f"/tasks/not-an-id{path}", **body).status_code == 422  # type: ignore[arg-type]


def test_every_wrong_field_is_named(client: TestClient) -> None:
    body = {"title": " ", "due_at": 5, "remind_at": "2030-01-01T00:00:00", "recurrence": "hourly", "colour": "red"}
    answer = client.post("/tasks", json=body)
    assert answer.status_code == 422
    assert [e["field"] for e in answer.json()["errors"]] == ["title", "due_at", "remind_at", "recurrence", "colour"]
    task = create(client)
    answer = client.patch(f"/tasks/{task['id']}", json={"title": None})
    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (422, "title should be text, not null")
