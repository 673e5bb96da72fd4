"""No input gives a 500."""

import json
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

calm = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
texts = st.text() | st.sampled_from(["", "\0", "\ud800", "2030-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "daily"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
FIELDS = ["title", "description", "due_at", "remind_at", "recurrence", "previous_id", "id", "version"]
bodies = st.dictionaries(st.sampled_from(FIELDS), values) | st.fixed_dictionaries(
    {"title": texts}, optional=dict.fromkeys(FIELDS[1:], values)
)


@pytest.fixture
def path(client: TestClient) -> str:
    return str(client.post("/tasks", json={"title": "Tea"}).headers["location"])


@calm
@given(body=bodies | values)
def test_any_json(client: TestClient, path: str, body: object) -> None:
    for method, url in (("POST", "/tasks"), ("PATCH", path)):
        answer = client.request(method, url, content=json.dumps(body), headers={"content-type": "application/json"})
        assert answer.status_code in (200, 201, 422), answer.text
        if answer.status_code == 422:
            assert answer.json()["errors"]
            assert answer.headers["content-type"] == "application/problem+json"


@calm
@given(
    body=st.binary(), kind=st.sampled_from(["application/json", "text/plain", "application/x-www-form-urlencoded", ""])
)
def test_any_bytes(client: TestClient, path: str, body: bytes, kind: str) -> None:
    for method, url in (("POST", "/tasks"), ("PATCH", path)):
        answer = client.request(method, url, content=body, headers={"content-type": kind})
        assert answer.status_code in (200, 400, 422), answer.text


@calm
@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1), number=st.integers())
def test_any_path_and_query(client: TestClient, text: str, number: int) -> None:
    escaped = quote(text, safe="")
    for url in (f"/tasks/{escaped}", f"/tasks?after={escaped}", f"/tasks?limit={number}&status={escaped}"):
        assert client.get(url).status_code in (200, 404, 422)


def test_deeply_nested_json(client: TestClient) -> None:
    body = "[" * 100_000 + "]" * 100_000
    answer = client.post("/tasks", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)
    huge = '{"title": ' + "9" * 5000 + "}"
    assert client.post("/tasks", content=huge, headers={"content-type": "application/json"}).status_code in (400, 422)
