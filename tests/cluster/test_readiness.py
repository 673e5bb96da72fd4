"""What a service answers to its readiness probe: shown at once, and given up when it stays the same for too long."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bootstrap.clients.http import Answer
from bootstrap.clients.kubernetes_api import Cluster
from bootstrap.cluster import readiness
from bootstrap.cluster.pods import why
from bootstrap.core.env import Env
from bootstrap.core.runner import Event, Runner
from bootstrap.core.stage import Stage
from bootstrap.problems.problem import Problem
from tests.apiserver import Document
from tests.doubles import Simulated

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LONG_AGO, JUST_NOW = "2026-01-01T11:00:00Z", "2026-01-01T11:59:59Z"
AWAY = '{"status": "not ready", "checks": {"sidecar": "ok", "database": "connection refused"}}'


class Answering(Cluster):
    """Its pods answer as `told` has it; `asked` is what they were asked."""

    told: Answer
    asked: list[tuple[Any, ...]]

    def ask_pod(self, namespace: str, pod: str, port: int, path: str, seconds: float = 5.0) -> Answer:
        self.asked.append((namespace, pod, port, path))
        return self.told


class Scene:
    """A pod of the service `shop` with its sidecar, looked at again and again on a clock of its own."""

    def __init__(self, env: Env, cluster: Answering) -> None:
        self.env, self.cluster, self.now_s = env, cluster, 1000.0
        self.service: Document = {"started": True}
        self.sidecar: Document = {"ready": True}
        self.probe: Document = {"httpGet": {"path": "/readyz", "port": "http"}, "timeoutSeconds": 3}
        env.now = lambda: self.now_s

    def look(self, after_s: float = 0, status: int = 503, text: str = AWAY) -> Problem:
        self.now_s += after_s
        self.cluster.told = Answer(status, text)
        running = {"running": {"startedAt": LONG_AGO}}
        statuses = [
            {"name": "shop", "ready": False, "restartCount": 0, "state": running, **self.service},
            {"name": "daprd", "restartCount": 0, "state": running, **self.sidecar},
        ]
        service = {
            "name": "shop",
            "image": "shop:1",
            "ports": [{"name": "http", "containerPort": 8080}],
            "startupProbe": {"httpGet": {"path": "/healthz", "port": "http"}},
            "readinessProbe": self.probe,
        }
        pod = {
            "metadata": {"name": "shop-1", "namespace": "small", "uid": "u1"},
            "spec": {"containers": [service, {"name": "daprd", "image": "daprd:1"}]},
            "status": {
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": "False"}],
                "containerStatuses": statuses,
            },
        }
        found = why.problem_of(self.env, pod, [], now=NOW)
        assert found is not None
        return found


@pytest.fixture
def scene(cluster_env: Env) -> Scene:
    cluster = Answering.connect(cluster_env.kubeconfig, cluster_env.context)
    assert isinstance(cluster, Answering)
    cluster.asked = []
    cluster_env.cluster_at = lambda *_: cluster
    return Scene(cluster_env, cluster)


def test_what_it_answers_is_told_at_once(scene: Scene) -> None:
    found = scene.look()
    assert (found.code, found.final) == ("service-not-ready", False)
    assert "GET /readyz answers 503, database: connection refused." in found.summary
    assert f"GET /readyz: 503 {AWAY}" in found.evidence
    assert "./inv logs shop" in found.remedy
    assert scene.cluster.asked == [("small", "shop-1", 8080, "/readyz")]


def test_the_same_answer_for_too_long_is_final(scene: Scene) -> None:
    assert not scene.look().final
    assert not scene.look(after_s=readiness.STEADY_S - 1).final
    found = scene.look(after_s=1)
    assert (found.code, found.final) == ("service-not-ready", True)
    assert "database: connection refused. It has said the same for 45 s." in found.summary


@pytest.mark.parametrize(
    ("status", "text"), [(503, AWAY.replace("refused", "reset")), (500, AWAY), (0, "timed out"), (200, "{}")]
)
def test_another_answer_begins_anew(scene: Scene, status: int, text: str) -> None:
    scene.look()
    scene.look(20, status, text)
    assert not scene.look(20).final
    assert not scene.look(20).final
    assert scene.look(30).final


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("service", {"started": False}),
        ("service", {"started": True, "state": {"running": {"startedAt": JUST_NOW}}}),
        ("sidecar", {"ready": False, "state": {"waiting": {"reason": "ContainerCreating"}}}),
        ("probe", {"httpGet": {"path": "/readyz", "port": "http"}, "initialDelaySeconds": 3600}),
    ],
    ids=["its startup probe is not over", "it was started again", "its sidecar starts", "it may take an hour"],
)
def test_one_that_may_still_be_starting_is_waited_for(scene: Scene, part: str, change: Document) -> None:
    setattr(scene, part, change)
    scene.look()
    assert not scene.look(after_s=readiness.STEADY_S + 60).final


def test_a_run_shows_it_at_once_and_ends_before_the_time_of_its_gate(scene: Scene) -> None:
    workers, events = Simulated(), list[Event]()
    scene.env.now = workers.now
    stage = Stage("shop", (), lambda _: None, lambda _: scene.look(), "shop to be ready", timeout=180)
    (found,) = Runner((stage,), scene.env, events.append, workers).run()
    assert found.code == "service-not-ready"
    waiting = [event for event in events if event.phase == "waiting"]
    assert len(waiting) == 1
    assert waiting[0].at < 1
    assert "503, database: connection refused" in waiting[0].text
    assert readiness.STEADY_S <= events[-1].at < readiness.STEADY_S + 2


def test_a_restart_begins_anew(scene: Scene) -> None:
    scene.look()
    scene.service = {"started": True, "restartCount": 1}
    assert not scene.look(after_s=readiness.STEADY_S + 1).final


@pytest.mark.parametrize("probe", [{"exec": {}}, {"httpGet": {"path": "/", "port": "gone"}}, {}])
def test_one_without_a_port_to_ask_is_told_as_before(scene: Scene, probe: Document) -> None:
    scene.probe = probe
    assert scene.look().code == "pod-starting"
    assert scene.cluster.asked == []


def test_a_body_that_is_no_json_is_shortened(scene: Scene) -> None:
    found = scene.look(text="<html>\n  " + "warming up " * 400)
    assert "answers 503, <html> warming up" in found.summary
    assert len(found.summary) < 400
    assert len(found.evidence) < 3000


def test_a_pod_of_somebody_else_is_never_given_up(scene: Scene) -> None:
    scene.env.manifest = scene.env.manifest.model_copy(update={"services": {}})
    scene.look()
    found = scene.look(after_s=readiness.STEADY_S + 60)
    assert (found.code, found.final) == ("pod-not-ready", False)
    assert "connection refused" in found.summary


def test_secrets_are_taken_out(scene: Scene) -> None:
    scene.env.secrets.add("hunter2hunter2")
    body = '{"checks": {"database": "postgres://app:tiger@db refused hunter2hunter2"}}'
    found = scene.look(text=body)
    for word in ("tiger", "hunter2"):
        assert word not in found.summary + found.evidence
    assert "database: postgres://<removed>@db refused <removed>" in found.summary
