"""The parts of Kubernetes that run as pods of the node: the API server is ready while one of them is not."""

from typing import Any

import pytest

from bootstrap.cluster import control_plane
from bootstrap.cluster.pods import diagnosis
from bootstrap.stages import cluster
from tests.apiserver import Document
from tests.doubles import told
from tests.minikube.conftest import World

PARTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
LOG = "error loading config file /etc/kubernetes/scheduler.conf: yaml: line 3: could not find expected ':'"


def part(name: str, *, ready: bool = True, **more: Any) -> Document:
    """A pod that the kubelet makes from a file in the node."""
    state = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
    status = {"name": name, "ready": ready, "restartCount": 0, "state": state, **more}
    meta = {"name": f"{name}-small", "namespace": "kube-system", "labels": {"component": name, "tier": "control-plane"}}
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {"containers": [{"name": name, "image": f"{name}:1"}]},
        "status": {"phase": "Running", "conditions": conditions, "containerStatuses": [status]},
    }


@pytest.fixture(autouse=True)
def whole(running: World) -> None:
    for name in PARTS:
        running.api.put(part(name))
    assert cluster.check(running.env) is None


@pytest.mark.closes("cluster", "every part of Kubernetes that is a pod runs", "control-plane-down")
@pytest.mark.parametrize("name", PARTS)
def test_one_that_crashes_closes_the_gate_with_its_words(running: World, name: str) -> None:
    waiting = {
        "waiting": {"reason": "CrashLoopBackOff", "message": f"back-off 5m0s restarting failed container={name}"}
    }
    ended = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2026-01-01T00:00:00Z"}}
    running.api.put(part(name, ready=False, state=waiting, lastState=ended, restartCount=9))
    running.api.log("kube-system", f"{name}-small", name, LOG, previous=True)
    found = told(cluster.check, running.env)
    assert found is not None
    assert (found.code, found.final) == ("control-plane-down", False)
    assert f"kube-system/{name}-small" in found.summary
    assert LOG in found.evidence
    assert f"describe pod {name}-small" in found.remedy
    assert "{" not in found.cause + found.remedy
    stage, diagnosed = diagnosis.pods(running.env)[f"kube-system/{name}-small"]
    assert (stage, diagnosed) == ("cluster", found), "diagnose tells it once"


def test_other_pods_of_kube_system_are_not_asked_about(running: World) -> None:
    other = part("dashboard", ready=False)
    del other["metadata"]["labels"]
    running.api.put(other)
    assert not control_plane.is_part(other)
    assert cluster.check(running.env) is None
