"""minikube's storage provisioner: missing, starting, crashing, another's; what the gate says, and what `up` mends."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bootstrap.cluster import provisioner
from bootstrap.cluster.pods import diagnosis, rollout
from bootstrap.problems.problem import Problem
from bootstrap.stages import cluster
from tests.apiserver import Document
from tests.doubles import told
from tests.minikube import conftest
from tests.minikube.conftest import World

LOG = "F1122 main.go:37] error getting server version: dial tcp 10.96.0.1:443: connect: connection refused"


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def crash(world: World, since_s: float, restarts: int = 5, **state: Any) -> None:
    """The pod started `since_s` seconds ago and has crashed since; its container waits before its next try."""
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}}
    ended = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": ago(1)}}
    pod = conftest.provisioner(state or waiting, restarts, lastState=ended)
    made = {"type": "PodReadyToStartContainers", "status": "True", "lastTransitionTime": ago(since_s)}
    pod["status"]["conditions"].append(made)
    world.api.put(pod)
    world.api.log("kube-system", "storage-provisioner", "storage-provisioner", LOG, previous=True)


def remove(world: World) -> None:
    world.api.remove("v1", "pods", "kube-system", "storage-provisioner")


def claim(world: World, phase: str) -> None:
    meta = {"name": "data", "namespace": "small", "annotations": {provisioner.OF_CLAIM[0]: provisioner.PROVISIONER}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta}
    world.api.put({**claim, "spec": {}, "status": {"phase": phase}})


def look(world: World) -> Problem:
    found = told(cluster.check, world.env)
    assert found is not None
    return found


@pytest.mark.closes("cluster", "what makes its volumes runs", "storage-provisioner-missing")
def test_one_that_is_gone_is_made_anew(running: World) -> None:
    remove(running)
    found = look(running)
    assert (found.code, found.final) == ("storage-provisioner-missing", True)
    assert "minikube addons enable storage-provisioner -p small" in found.remedy
    assert found.code in cluster.stage(()).retry_apply_on
    cluster.apply(running.env)
    assert running.minikube.did == ["addons"]
    assert running.said == ["The pod kube-system/storage-provisioner is gone: minikube makes it anew."]
    assert cluster.check(running.env) is None


@pytest.mark.closes("cluster", "what makes its volumes runs", "storage-provisioner-down")
@pytest.mark.parametrize(("since_s", "final"), [(20, False), (provisioner.SETTLE_S + 5, True)])
def test_one_that_crashes_is_told_with_its_log_and_waited_for_while_it_starts(
    running: World, since_s: float, final: bool
) -> None:
    crash(running, since_s)
    found = look(running)
    assert (found.code, found.final) == ("storage-provisioner-down", final)
    assert "kube-system/storage-provisioner" in found.summary
    assert LOG in found.evidence
    assert "CrashLoopBackOff" in found.evidence or "exit code 1" in found.evidence
    assert "--context small --namespace kube-system logs storage-provisioner\n" in found.remedy


def test_one_that_runs_again_after_a_crash_is_not_given_up(running: World) -> None:
    crash(running, 600, running={"startedAt": ago(2)})
    found = look(running)
    assert (found.code, found.final) == ("storage-provisioner-down", False)


@pytest.mark.parametrize(
    ("waiting", "final", "says"),
    [
        ({"reason": "ContainerCreating"}, False, "is starting"),
        ({"reason": "ImagePullBackOff", "message": "dial tcp: i/o timeout"}, False, "i/o timeout"),
        ({"reason": "ErrImagePull", "message": "manifest unknown"}, True, "storage-provisioner:v5"),
    ],
)
def test_one_that_has_not_started_yet(running: World, waiting: Document, final: bool, says: str) -> None:
    running.api.put(conftest.provisioner({"waiting": waiting}))
    found = look(running)
    assert (found.code, found.final) == ("storage-provisioner-down", final)
    assert says in found.summary + found.evidence
    assert "describe pod storage-provisioner" in found.remedy, "there is no log yet"


@pytest.mark.parametrize("happen", [remove, lambda world: crash(world, 600)])
def test_a_class_of_another_provisioner_is_not_refused(running: World, happen: Any) -> None:
    found = running.api.get("storage.k8s.io/v1", "storageclasses", "", "standard")
    assert found is not None
    newer = {"name": "local-path", "creationTimestamp": "2999-01-01T00:00:00Z"}
    meta = {**newer, "annotations": found["metadata"]["annotations"]}
    running.api.put({**found, "metadata": meta, "provisioner": "rancher.io/local-path"})
    happen(running)
    cluster.apply(running.env)
    assert cluster.check(running.env) is None
    assert running.minikube.did == []


@pytest.mark.parametrize(("phase", "closes"), [("Bound", False), ("Pending", True)])
def test_where_every_claim_has_its_volume_nothing_is_refused(running: World, phase: str, closes: bool) -> None:
    claim(running, phase)
    crash(running, 600)
    assert (told(cluster.check, running.env) is not None) is closes


@pytest.mark.parametrize("state", ["waits", "ended"])
def test_one_that_waits_before_its_next_try_or_has_ended_is_made_anew(running: World, state: str) -> None:
    crash(running, 600)
    if state == "ended":
        pod = conftest.provisioner()
        pod["status"] = {"phase": "Failed", "reason": "Evicted"}
        running.api.put(pod)
    cluster.apply(running.env)
    assert running.minikube.did == ["addons"]
    assert running.said == ["The pod kube-system/storage-provisioner does not run: minikube makes it anew."]
    assert cluster.check(running.env) is None


def test_one_that_runs_costs_one_request_and_is_left_alone(running: World) -> None:
    running.api.requests.clear()
    cluster.apply(running.env)
    paths = [one.path for one in running.api.requests]
    assert len([one for one in paths if one.endswith("/pods/storage-provisioner")]) == 1
    assert not [one for one in paths if "storageclasses" in one or "events" in one]
    assert running.minikube.did == []


def test_what_minikube_says_when_it_cannot_make_it_is_passed_on(running: World) -> None:
    remove(running)
    running.minikube.addons = (10, "X Exiting due to MK_ADDON_ENABLE: run callbacks")
    cluster.apply(running.env)
    assert "MK_ADDON_ENABLE" in running.said[-1]
    assert look(running).code == "storage-provisioner-missing"


@pytest.mark.parametrize(
    ("happen", "code", "says"),
    [
        (lambda world: crash(world, 600), "storage-provisioner-down", "error getting server version"),
        (remove, "storage-provisioner-missing", "has unbound"),
        (bool, "pvc-pending", "has unbound"),
    ],
)
def test_a_claim_that_pends_names_it(running: World, happen: Any, code: str, says: str) -> None:
    claim(running, "Pending")
    happen(running)
    message = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    labels = {"app": "postgres"}
    for document in (
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": "postgres", "namespace": "small", "uid": "s1", "generation": 1},
            "spec": {"replicas": 1, "selector": {"matchLabels": labels}},
            "status": {"observedGeneration": 1},
        },
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": "postgres-0",
                "namespace": "small",
                "labels": labels,
                "ownerReferences": [{"uid": "s1"}],
            },
            "spec": {
                "containers": [{"name": "postgres", "image": "postgres:17"}],
                "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
            },
            "status": {"phase": "Pending", "conditions": [condition]},
        },
    ):
        running.api.put(document)
    found = rollout.check(running.env, "statefulsets", "postgres", "small")
    assert found is not None
    assert found.code == code
    assert found.summary.startswith("The claim small/data has no volume")
    assert says in found.evidence


def test_diagnose_sees_the_pods_of_kube_system(running: World) -> None:
    crash(running, 600)
    dns = conftest.provisioner({"waiting": {"reason": "CrashLoopBackOff"}}, 7)
    dns["metadata"]["name"] = "coredns-1"
    dns["spec"]["containers"][0]["name"] = dns["status"]["containerStatuses"][0]["name"] = "coredns"
    ended = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": ago(1)}}
    dns["status"]["containerStatuses"][0]["lastState"] = ended
    running.api.put(dns)
    running.api.log("kube-system", "coredns-1", "coredns", "plugin/loop: Loop detected", previous=True)
    found = diagnosis.pods(running.env)
    stage, down = found["kube-system/storage-provisioner"]
    assert down is not None
    assert (stage, down.code) == ("cluster", "storage-provisioner-down")
    stage, crashing = found["kube-system/coredns-1"]
    assert crashing is not None
    assert (stage, crashing.code) == ("cluster", "pod-crashes")
    assert "Loop detected" in crashing.evidence
