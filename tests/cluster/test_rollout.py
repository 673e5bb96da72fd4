"""The gate of a workload, on recorded states of a real cluster and on rollouts driven through their states."""

import re
from datetime import timedelta

import pytest

from bootstrap.cluster.pods import rollout
from bootstrap.cluster.pods.scheduling import PATIENCE_S
from bootstrap.core.env import Env
from bootstrap.problems.problem import Problem, ProblemsFound
from tests.apiserver import ApiServer, Document
from tests.cluster.recorded import CASES, items, play, snapshots

STARTING = {"pod-starting", "pod-not-ready", "pod-not-started", "rollout-waiting"}

# What each case is told as; where waiting cannot help, with `True`. None: nothing is wrong with the rollout.
EXPECTED: dict[str, tuple[str | None, bool]] = {
    "configmap-mount-missing-key": ("pod-mount-key-missing", True),
    "dns-failure-in-app": (None, False),
    "executable-not-found": ("pod-program-missing", True),
    "executable-permission-denied": ("pod-file-denied", True),
    "healthy-rollout": (None, False),
    "image-never-pulled": ("pod-image-absent", True),
    "image-pull-backoff": ("pod-image-unknown", True),
    "image-runs-as-root": ("container-image-user-root", True),
    "init-container-failing": ("pod-crashes", True),
    "liveness-killed": ("pod-liveness", True),
    "missing-configmap": ("pod-configmap-missing", True),
    "missing-secret": ("pod-secret-missing", True),
    "module-not-found-crashloop": ("pod-module-missing", True),
    "nodeport-already-allocated": (None, False),
    "non-numeric-user": ("container-image-user-not-numeric", True),
    "oom-killed": ("pod-out-of-memory", True),
    "progress-deadline-exceeded": ("pod-not-ready", False),
    "psa-restricted-rejection": ("pod-refused-security", True),
    "pvc-pending": ("pvc-no-storage-class", True),
    "quota-exceeded": ("pod-refused-quota", True),
    "read-only-filesystem-crash": ("pod-writes-root", True),
    "readiness-failing": ("pod-not-ready", False),
    "rollout-in-progress": ("pod-not-ready", False),
    "runasuser-breaks-non-root": ("container-inherits-root", True),
    "service-no-endpoints": (None, False),
    "stuck-terminating": ("workload-scaled-down", True),
    "traceback-crashloop": ("pod-setting-wrong", True),
    "unknown-field-pod-capabilities": (None, False),
    "unschedulable-hostport": ("pod-host-port-taken", True),
    "unschedulable-resources": ("pod-node-too-small", True),
    "webhook-unreachable-fail": ("pod-refused-webhook", False),
    "webhook-unreachable-ignore": (None, False),
}


def look(env: Env, api: ApiServer, case: str, snapshot: str = "pods") -> Problem | None:
    # A pod that no node takes gets the time in which another one may end.
    now = play(api, case, snapshot) + timedelta(seconds=PATIENCE_S if case.startswith("unschedulable") else 0)
    for workload in items(case, "deployments"):
        meta = workload["metadata"]
        if found := rollout.check(env, "deployments", meta["name"], meta["namespace"], now=now):
            return found
    return None


def test_every_recorded_case_is_expected() -> None:
    assert set(CASES) == set(EXPECTED)


@pytest.mark.parametrize("case", CASES)
def test_a_recorded_case_is_told(cluster_env: Env, api: ApiServer, case: str) -> None:
    found = look(cluster_env, api, case)
    code, final = EXPECTED[case]
    assert (found and found.code) == code, found
    if found:
        assert found.final is final
        assert not re.search(r"\{\w+\}", found.summary + found.cause + found.remedy), "a placeholder stays open"
        assert found.evidence


@pytest.mark.parametrize(("case", "snapshot"), [(case, one) for case in CASES for one in snapshots(case)])
def test_every_look_at_a_case_tells_the_same(cluster_env: Env, api: ApiServer, case: str, snapshot: str) -> None:
    found = look(cluster_env, api, case, snapshot)
    code, _ = EXPECTED[case]
    if snapshot == "pods.early":
        # Seconds after it was made a pod may still be starting, or not have failed yet: nobody knows better by then.
        assert found is None or found.code in STARTING | {code}, found
        assert found is None or not found.final or found.code == code
    else:
        assert (found and found.code) == code, found


def workload(kind: str, running_fingerprint: int = 1, **status: object) -> Document:
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "shop"}}}
    meta = {"name": "shop", "namespace": "small", "generation": running_fingerprint}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": meta, "spec": spec, "status": status}


ALL = {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}
EVERY_NODE = {"desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "currentNumberScheduled": 1, "numberReady": 1}
ROLLOUTS: list[tuple[str, dict[str, object], str]] = [
    ("Deployment", {}, "has not seen the newest generation"),
    ("Deployment", {"observedGeneration": 2, **ALL, "updatedReplicas": 1}, "1 of 2 pods are of the newest"),
    ("Deployment", {"observedGeneration": 2, **ALL, "replicas": 3}, "1 pods of a former generation"),
    ("Deployment", {"observedGeneration": 2, **ALL, "availableReplicas": 1}, "1 of 2 pods are ready"),
    ("Deployment", {"observedGeneration": 2, **ALL}, ""),
    (
        "StatefulSet",
        {"observedGeneration": 2, **ALL, "updatedReplicas": 1, "updateRevision": "b"},
        "1 of 2 pods are of",
    ),
    ("StatefulSet", {"observedGeneration": 2, **ALL}, ""),
    ("DaemonSet", {"observedGeneration": 2, "desiredNumberScheduled": 1}, "0 of 1 pods are of the newest"),
    ("DaemonSet", {"observedGeneration": 2, **EVERY_NODE}, ""),
]


@pytest.mark.parametrize(("kind", "status", "words"), ROLLOUTS)
def test_a_rollout_is_over_when_every_pod_is_new_and_ready(
    cluster_env: Env, api: ApiServer, kind: str, status: dict[str, object], words: str
) -> None:
    api.put(workload(kind, 2, **status))
    found = rollout.check(cluster_env, f"{kind.lower()}s", "shop", "small")
    assert (found.code if found else "") == ("rollout-waiting" if words else "")
    assert words in (found.summary if found else "")


def test_a_look_at_what_is_rolled_out_takes_two_requests(cluster_env: Env, api: ApiServer) -> None:
    play(api, "healthy-rollout")
    (meta,) = (one["metadata"] for one in items("healthy-rollout", "deployments"))
    assert rollout.check(cluster_env, "deployments", meta["name"], meta["namespace"]) is None
    assert len(api.requests) == 2


def test_what_is_not_there_is_not_waited_for(cluster_env: Env) -> None:
    found = rollout.check(cluster_env, "deployments", "shop", "small")
    assert found is not None
    assert (found.code, found.final) == ("workload-missing", True)


def test_a_workload_of_which_nothing_is_to_run_is_not_rolled_out(cluster_env: Env, api: ApiServer) -> None:
    meta = {"name": "shop", "namespace": "small", "generation": 2}
    spec = {"replicas": 0, "selector": {"matchLabels": {"app": "shop"}}}
    status = {"observedGeneration": 2, "replicas": 0}
    api.put({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec, "status": status})
    found = rollout.check(cluster_env, "deployments", "shop", "small")
    assert found is not None
    assert (found.code, found.final) == ("workload-scaled-down", True)


def test_a_pod_of_a_former_generation_is_not_what_is_wrong(cluster_env: Env, api: ApiServer) -> None:
    now = play(api, "module-not-found-crashloop")
    (deployment,), (maker,) = (items("module-not-found-crashloop", kind) for kind in ("deployments", "replicasets"))
    deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "2"
    newer = {**maker["metadata"], "name": "newer", "uid": "newer"}
    newer["annotations"] = {"deployment.kubernetes.io/revision": "2"}
    api.put(deployment)
    api.put({**maker, "metadata": newer})
    found = rollout.check(cluster_env, "deployments", deployment["metadata"]["name"], newer["namespace"], now=now)
    assert found is not None
    assert found.code == "rollout-waiting"


@pytest.mark.parametrize("case", ["module-not-found-crashloop", "psa-restricted-rejection"])
def test_what_was_wrong_is_not_told_before_the_change_that_mends_it_is_seen(
    cluster_env: Env, api: ApiServer, case: str
) -> None:
    now = play(api, case)
    (deployment,) = items(case, "deployments")
    deployment["metadata"]["generation"] += 1
    api.put(deployment)
    meta = deployment["metadata"]
    found = rollout.check(cluster_env, "deployments", meta["name"], meta["namespace"], now=now)
    assert found is not None
    assert (found.code, found.final) == ("rollout-waiting", False)


def test_the_refusal_of_a_former_generation_is_not_what_is_wrong(cluster_env: Env, api: ApiServer) -> None:
    case = "psa-restricted-rejection"
    now = play(api, case)
    (deployment,), (maker,) = (items(case, kind) for kind in ("deployments", "replicasets"))
    deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "2"
    newer = {**maker["metadata"], "name": "newer", "uid": "newer"}
    newer["annotations"] = {"deployment.kubernetes.io/revision": "2"}
    api.put(deployment)
    api.put({**maker, "metadata": newer, "status": {}})
    found = rollout.check(cluster_env, "deployments", deployment["metadata"]["name"], newer["namespace"], now=now)
    assert found is not None
    assert (found.code, found.final) == ("rollout-waiting", False)


def test_a_statefulset_whose_pods_are_refused_says_why(cluster_env: Env, api: ApiServer) -> None:
    kept = api.put(workload("StatefulSet", 1, observedGeneration=1))
    (words,) = {e["message"] for e in items("quota-exceeded", "events") if e["reason"] == "FailedCreate"} & {
        'Error creating: pods "backend-api-84f8797486-8p2nh" is forbidden: exceeded quota: todo-quota, '
        "requested: pods=1, used: pods=1, limited: pods=1"
    }
    of = {"kind": "StatefulSet", "name": "shop", "uid": kept["metadata"]["uid"]}
    event = {"type": "Warning", "reason": "FailedCreate", "message": words, "involvedObject": of}
    api.put({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": "small"}, **event})
    found = rollout.check(cluster_env, "statefulsets", "shop", "small")
    assert found is not None
    assert (found.code, found.final) == ("pod-refused-quota", True)


@pytest.mark.parametrize(
    ("revision", "ready", "blocks"), [("a", "False", True), ("a", "True", False), ("b", "False", False)]
)
def test_a_pod_that_keeps_a_statefulset_from_its_newest_generation(
    cluster_env: Env, api: ApiServer, revision: str, ready: str, blocks: bool
) -> None:
    status = {"observedGeneration": 2, "replicas": 1, "currentRevision": "a", "updateRevision": "b"}
    of = api.put(workload("StatefulSet", 2, **status))
    labels, owners = {"app": "shop", "controller-revision-hash": revision}, [{"uid": of["metadata"]["uid"]}]
    meta = {"name": "shop-0", "namespace": "small", "labels": labels, "ownerReferences": owners}
    told = {"phase": "Pending", "conditions": [{"type": "Ready", "status": ready}]}
    spec = {"containers": [{"name": "shop", "image": "shop:1"}]}
    api.put({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": told})
    found = rollout.check(cluster_env, "statefulsets", "shop", "small")
    assert found is not None
    assert (found.code == "rollout-blocked", found.final) == (blocks, False)
    assert rollout.retry(cluster_env, "statefulsets", "shop", "small") == (["shop-0"] if blocks else [])


def test_an_api_server_that_is_away_is_said(cluster_env: Env, api: ApiServer) -> None:
    api.refuse_connections()
    with pytest.raises(ProblemsFound) as failed:
        rollout.check(cluster_env, "deployments", "shop", "small")
    assert failed.value.problems[0].code == "cluster-unreachable"
