"""No event is lost when the service dies between its commit and its publish."""

import json
import signal
import subprocess
import threading
import urllib.request
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from taskapp.errors import TransientError
from taskapp.standin import FakeSidecar

Ports = Callable[[int], tuple[int, ...]]
Start = Callable[..., subprocess.Popen[bytes]]


def call(port: int, method: str, path: str, body: object = None) -> tuple[int, Any]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        None if body is None else json.dumps(body).encode(),
        {"content-type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - the scheme is fixed
        return answer.status, json.loads(answer.read() or b"null")


def test_killed_after_the_commit_and_before_the_publish(free_ports: Ports, start_service: Start) -> None:
    port, *sidecar = free_ports(3)
    ports = (sidecar[0], sidecar[1])
    arrived: list[tuple[str, dict[str, Any]]] = []
    both, release = threading.Event(), threading.Event()

    def stall(topic: str, event: dict[str, Any]) -> None:
        arrived.append((topic, event))
        if len(arrived) == 2:
            both.set()
        release.wait(30)
        raise TransientError("never accepted")

    with FakeSidecar(ports, stall).running() as stalling:
        service = start_service(port, *ports)
        status, task = call(port, "POST", "/tasks", {"title": "Survive"})
        assert status == 201
        assert both.wait(30), "the event of each topic is on its way"
        service.kill()
        assert service.wait() == -signal.SIGKILL
        assert stalling.published == []
        release.set()

    with FakeSidecar(ports).running() as working:
        start_service(port, *ports)
        assert working.wait_until(lambda published: len(published) >= 2)
        assert sorted((topic, event["id"]) for topic, event in working.published) == sorted(
            (topic, event["id"]) for topic, event in arrived
        ), "the same ids, each once"
        assert {event["data"]["task"]["id"] for _, event in working.published} == {task["id"]}
        assert call(port, "GET", f"/tasks/{task['id']}") == (200, task)


def test_many_tasks_under_several_kills(free_ports: Ports, start_service: Start) -> None:
    port, *sidecar = free_ports(3)
    ports = (sidecar[0], sidecar[1])
    created: list[str] = []

    with FakeSidecar(ports).running() as standin:
        for life in range(4):
            service = start_service(port, *ports)
            for n in range(30):
                status, task = call(port, "POST", "/tasks", {"title": f"Task {life}-{n}"})
                assert status == 201
                created.append(task["id"])
                if n % 3 == 0:
                    assert call(port, "POST", f"/tasks/{task['id']}/complete")[0] == 200
            service.kill()
            service.wait()
        start_service(port, *ports)

        def complete(published: list[tuple[str, dict[str, Any]]]) -> bool:
            return len({(topic, event["id"]) for topic, event in published}) == 2 * (120 + 40)

        assert standin.wait_until(complete)
        sequences: dict[tuple[str, str], list[int]] = defaultdict(list)
        seen: set[str] = set()
        for topic, event in standin.published:
            if event["id"] not in seen:
                seen.add(event["id"])
                sequences[topic, event["subject"]].append(event["data"]["sequence"])
    assert {task for _, task in sequences} == set(created)
    for position, task_id in enumerate(created):
        for topic in ("task-events", "task-updates"):
            assert sequences[topic, task_id] == ([1, 2] if position % 30 % 3 == 0 else [1])


def test_sigterm_ends_it_with_0_and_leaves_the_rest_for_later(free_ports: Ports, start_service: Start) -> None:
    port, *sidecar = free_ports(3)
    service = start_service(port, *sidecar)  # there is no sidecar
    assert call(port, "POST", "/tasks", {"title": "Later"})[0] == 201
    service.terminate()
    assert service.wait(5) == 0
    with FakeSidecar((sidecar[0], sidecar[1])).running() as standin:
        start_service(port, *sidecar)
        assert standin.wait_until(lambda published: len(published) == 2)
