"""Why a pod does not run: what the recorded states do not show, one thing at a time."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bootstrap.cluster.pods import case as pod_case
from bootstrap.cluster.pods import crashes, rollout, why
from bootstrap.core.env import Env
from bootstrap.problems.problem import Problem
from tests.apiserver import ApiServer, Document, Refused
from tests.cluster.recorded import items, play

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
RECORDED = Path(__file__).parents[1] / "recorded"
READY = {"type": "Ready", "status": "True"}


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def ended(code: int = 1, seconds: float = 5, **more: Any) -> Document:
    return {"terminated": {"exitCode": code, "reason": "Error", "finishedAt": ago(seconds), **more}}


def running(seconds: float = 2) -> Document:
    return {"running": {"startedAt": ago(seconds)}}


def pod(state: Document, *, name: str = "shop", ready: bool = False, made: float = 600, **more: Any) -> Document:
    """A pod of one container that is in `state`; its network was made `made` seconds ago."""
    status = {"name": name, "ready": ready, "restartCount": 0, "state": state, **more}
    conditions = [
        {"type": "PodReadyToStartContainers", "status": "True", "lastTransitionTime": ago(made)},
        {"type": "Ready", "status": str(ready)},
    ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "shop-1", "namespace": "small", "uid": "u1", "labels": {"app": "shop"}},
        "spec": {"containers": [{"name": name, "image": "shop:1"}]},
        "status": {"phase": "Running", "conditions": conditions, "containerStatuses": [status]},
    }


def event(reason: str, message: str, count: int = 1, container: str = "", kind: str = "Warning") -> Document:
    of = {"kind": "Pod", "name": "shop-1", "uid": "u1"}
    of |= {"fieldPath": f"spec.containers{{{container}}}"} if container else {}
    return {"metadata": {}, "type": kind, "reason": reason, "message": message, "count": count, "involvedObject": of}


@pytest.fixture
def tell(cluster_env: Env, api: ApiServer) -> Any:
    """What is told of a pod, with these events and these last words."""

    def told(of: Document, *said: Document, log: str = "", previous: str = "") -> Problem | None:
        api.put(of)
        container = of["spec"]["containers"][0]["name"]
        api.log("small", "shop-1", container, log)
        api.log("small", "shop-1", container, previous, previous=True)
        return why.problem_of(cluster_env, of, said, now=NOW)

    return told


def test_a_pod_that_is_ready_is_not_asked_about(tell: Any, api: ApiServer) -> None:
    assert tell(pod(running(), ready=True)) is None
    assert api.requests == []


def test_a_container_that_crashed_is_told_until_it_has_run_for_a_while(tell: Any) -> None:
    for seconds, code in ((crashes.STEADY_S - 1, "pod-crashes"), (crashes.STEADY_S + 1, None)):
        found = tell(pod(running(seconds), ready=True, restartCount=1, lastState=ended(seconds=seconds + 1)))
        assert (found and found.code) == code
        assert found is None or not found.final


def test_a_restart_of_the_node_is_no_crash(tell: Any) -> None:
    assert tell(pod(running(), ready=True, made=10, restartCount=1, lastState=ended(255, seconds=60))) is None


def test_what_ended_with_the_node_is_no_crash_while_the_pods_network_is_made_anew(tell: Any) -> None:
    words = "network is not ready: container runtime network not ready: NetworkReady=false "
    words += "reason:NetworkPluginNotReady message:docker: network plugin is not ready: cni config uninitialized"
    found = pod(ended(255), restartCount=9)
    found["status"]["conditions"][0]["status"] = "False"
    told = tell(found, event("NetworkNotReady", words, 4))
    assert (told.code, told.final) == ("pod-not-started", False)
    assert words in told.evidence
    found["status"]["phase"] = "Failed"  # it ended for good, and its network went with it
    assert tell(found).code == "pod-crashes"


def test_an_init_container_that_ended_with_the_node_is_no_crash(cluster_env: Env) -> None:
    found = pod(ended(255), restartCount=9)
    found["status"] |= {"phase": "Pending", "initContainerStatuses": found["status"].pop("containerStatuses")}
    found["spec"] = {"containers": [{"name": "app", "image": "app:1"}], "initContainers": found["spec"]["containers"]}
    for made, code in (("False", "pod-starting"), ("True", "pod-crashes")):
        found["status"]["conditions"][0]["status"] = made
        told = why.problem_of(cluster_env, found, (), now=NOW)
        assert told
        assert told.code == code


def test_a_crash_of_unknown_cause_may_pass_until_it_repeats_itself(tell: Any) -> None:
    for restarts in range(5):
        found = tell(pod(ended(), restartCount=restarts), log="the database said no")
        assert found.code == "pod-crashes"
        assert found.final is (restarts >= crashes.HOPELESS_RESTARTS)
        assert "the database said no" in found.evidence
        assert "kubectl" in found.remedy
        assert "--context small" in found.remedy


@pytest.mark.parametrize(
    ("wait", "final"), [("10s", False), ("20s", False), ("40s", True), ("2m40s", True), ("5m0s", True)]
)
def test_restarts_with_the_node_are_no_crashes_in_a_row(tell: Any, wait: str, final: bool) -> None:
    message = f"back-off {wait} restarting failed container=shop pod=shop-1_small(u1)"
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
    found = pod(waiting, made=60, restartCount=9, lastState=ended())
    assert tell(found).final is final
    found["status"] |= {"startTime": ago(600)}
    for log, code in (("", "pod-crashes"), ("socket.gaierror: [Errno -3] Temporary failure", "pod-name-unknown")):
        told = tell(found, log=log, previous=log)
        assert (told.code, told.final) == (code, final)
        for state in (ended(), running(1)):  # between two tries the kubelet does not say how often it tried
            between = pod(state, made=60, restartCount=9, lastState=ended())
            between["status"]["startTime"] = ago(600)
            assert not tell(between, log=log, previous=log).final


@pytest.mark.parametrize(
    "at", sorted((RECORDED / "kubernetes").glob("*/pods*.json")), ids=lambda at: f"{at.parent.name}-{at.stem}"
)
def test_on_a_node_that_never_restarted_both_counts_are_the_same(cluster_env: Env, at: Path) -> None:
    for found in items(at.parent.name, at.stem):
        case = pod_case.PodSnapshot(cluster_env, found, [], NOW)
        for container in case.containers():
            assert crashes.in_a_row(case, container) == container.restarts


@pytest.mark.parametrize(
    ("last", "final"), [("RuntimeError: boom", True), ("httpx.ConnectError: All connection attempts failed", False)]
)
def test_an_exception_of_the_services_own_code_comes_again(tell: Any, last: str, final: bool) -> None:
    log = f'Traceback (most recent call last):\n  File "/app/shop/main.py", line 5, in <module>\n    go()\n{last}\n'
    assert tell(pod(ended(), restartCount=0), log=log).final is False
    found = tell(pod(ended(), restartCount=1), log=log)
    assert (found.code, found.final) == ("pod-crashes", final)
    assert 'File "/app/shop/main.py", line 5' in found.evidence
    assert found.where == "services/shop/shop/main.py:5"
    assert f": services/shop/shop/main.py:5 raises {last}" in found.summary


def test_the_last_words_are_those_of_the_run_that_ended(tell: Any) -> None:
    waiting = {"waiting": {"reason": "CrashLoopBackOff"}}
    found = tell(pod(waiting, restartCount=1, lastState=ended()), log="new", previous="No module named 'dapr'")
    assert (found.code, found.final) == ("pod-module-missing", True)
    assert "--previous" not in found.remedy
    assert "services/shop/requirements.txt" in found.remedy


def test_a_log_that_is_gone_leaves_what_the_state_says(tell: Any, api: ApiServer) -> None:
    api.fault(path="/log", refused=Refused(500, "the log is gone"))
    found = tell(pod(ended(3)))
    assert found.code == "pod-crashes"
    assert "exit code 3" in found.evidence


@pytest.mark.parametrize(
    ("words", "code", "final"),
    [
        ("daprd-component-unreachable", "daprd-component-unreachable", False),
        ("daprd-component-unreachable.postgresql", "daprd-component-unreachable", False),
        ("daprd-component-invalid", "daprd-component-invalid", True),
    ],
)
def test_a_sidecar_ends_for_its_own_reasons(tell: Any, words: str, code: str, final: bool) -> None:
    said = (RECORDED / "daprd-log" / f"{words}.txt").read_text()
    found = tell(pod(ended(), name="daprd"), log=said)
    assert (found.code, found.final) == (code, final)


@pytest.mark.parametrize(
    ("last", "restarts", "final"),
    [
        ("socket.gaierror: [Errno -2] Name or service not known", 0, True),
        ("socket.gaierror: [Errno -3] Temporary failure in name resolution", 0, False),
        ("socket.gaierror: [Errno -3] Temporary failure in name resolution", crashes.HOPELESS_RESTARTS, True),
    ],
)
def test_a_name_server_that_gave_no_answer_may_come_back(tell: Any, last: str, restarts: int, final: bool) -> None:
    found = tell(pod(ended(), restartCount=restarts), log=last)
    assert (found.code, found.final) == ("pod-name-unknown", final)


def test_a_sidecar_that_waits_for_its_app_says_for_which_port(tell: Any) -> None:
    said = (RECORDED / "daprd-wait" / "sidecar-waits-for-app.txt").read_text()
    probe = event("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 500", 3, "daprd")
    found = tell(pod(running(), name="daprd"), probe, log=said)
    assert (found.code, found.final) == ("sidecar-waits-for-app", False)
    assert "57407" in found.cause


def test_a_probe_that_fails_is_waited_for_with_its_words(tell: Any) -> None:
    probe = event("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", 3, "shop")
    found = tell(pod(running()), probe, log="waits for the database")
    assert (found.code, found.final) == ("pod-not-ready", False)
    assert "statuscode: 503" in found.evidence
    assert "waits for the database" in found.evidence


def test_what_cannot_be_mounted_is_final_when_it_stays_so(tell: Any) -> None:
    words = 'MountVolume.SetUp failed for volume "config" : configmap references non-existent config key: a.yaml'
    for count in (1, why.MOUNT_TRIES):
        found = tell(pod({"waiting": {"reason": "ContainerCreating"}}), event("FailedMount", words, count))
        assert (found.code, found.final) == ("pod-mount-key-missing", count >= why.MOUNT_TRIES)
    other = 'MountVolume.SetUp failed for volume "kube-api-access-x" : configmap "kube-root-ca.crt" not found'
    found = tell(pod({"waiting": {"reason": "ContainerCreating"}}), event("FailedMount", other, 9))
    assert (found.code, found.final) == ("pod-not-started", False)


def test_an_evicted_pod_says_of_what_there_was_too_little(tell: Any) -> None:
    gone = pod(ended())
    gone["status"] |= {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}
    found = tell(gone)
    assert found.code == "pod-evicted"
    assert "low on resource: memory" in found.evidence


def test_a_pod_that_does_not_go_names_its_finalizers(cluster_env: Env, api: ApiServer) -> None:
    now = play(api, "stuck-terminating")
    (gone,) = items("stuck-terminating", "pods")
    found = why.problem_of(cluster_env, gone, [], now=now)
    assert found is not None
    assert found.code == "pod-stuck-terminating"
    assert "example.com/flush-events" in found.cause
    assert """--patch '{"metadata":{"finalizers":null}}'""" in found.remedy


def unscheduled(message: str, seconds: float, *claims: str) -> Document:
    found = pod({})
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    found["status"] = {"phase": "Pending", "conditions": [condition | {"lastTransitionTime": ago(seconds)}]}
    found["spec"]["volumes"] = [{"name": c, "persistentVolumeClaim": {"claimName": c}} for c in claims]
    return found


def test_a_claim_is_followed_to_what_keeps_it(tell: Any, api: ApiServer) -> None:
    waits = unscheduled("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.", 60, "data")
    assert tell(waits).code == "pvc-missing"
    claim = {"kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "small"}}
    api.put({"apiVersion": "v1", **claim, "spec": {}, "status": {"phase": "Pending"}})
    found = tell(waits)
    assert (found.code, found.final) == ("pvc-pending", False)


def test_a_pod_without_a_node_gets_time_until_another_ends(tell: Any) -> None:
    for seconds, final in ((1, False), (60, True)):
        found = tell(unscheduled("0/1 nodes are available: 1 Insufficient memory.", seconds))
        assert (found.code, found.final) == ("pod-node-too-small", final)
    found = tell(unscheduled("0/1 nodes are available: 1 node(s) had untolerated taint {x: }.", 60))
    assert (found.code, found.final) == ("pod-unschedulable", False)


@pytest.mark.parametrize(
    ("name", "changes", "final"),
    [
        ("comes", {"spec": {"nodeName": "small"}, "status": {"phase": "Running"}}, False),
        ("goes", {"spec": {"nodeName": "small"}, "status": {"phase": "Running"}, "deletionTimestamp": ago(1)}, False),
        ("stays", {"spec": {"nodeName": "small"}, "status": {"phase": "Running", "conditions": [READY]}}, True),
        ("ended", {"spec": {"nodeName": "small"}, "status": {"phase": "Succeeded"}}, True),
        ("waits", {"spec": {}, "status": {"phase": "Pending"}}, True),
    ],
)
def test_a_pod_without_a_node_is_waited_for_while_others_come_or_go(
    tell: Any, api: ApiServer, name: str, changes: dict[str, Any], final: bool
) -> None:
    meta = {"name": name, "namespace": "other"} | {k: v for k, v in changes.items() if k == "deletionTimestamp"}
    spec = {"containers": [{"name": "x", "image": "x:1"}], **changes["spec"]}
    api.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}})
    api.put({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": changes["status"]})
    found = tell(unscheduled("0/1 nodes are available: 1 Insufficient cpu.", 60))
    assert (found.code, found.final) == ("pod-node-too-small", final)


def test_pods_that_wait_before_their_next_try_are_made_anew(cluster_env: Env, api: ApiServer) -> None:
    play(api, "image-never-pulled")
    (stuck,) = (one["metadata"] for one in items("image-never-pulled", "pods"))
    assert rollout.retry(cluster_env, "deployments", "backend-api", stuck["namespace"]) == [stuck["name"]]
    assert api.list("v1", "pods", stuck["namespace"]) == []
    play(api, "healthy-rollout")
    (workload,) = (one["metadata"] for one in items("healthy-rollout", "deployments"))
    assert rollout.retry(cluster_env, "deployments", workload["name"], workload["namespace"]) == []


@pytest.mark.parametrize(("reason", "waits"), [("InvalidImageName", True), ("ContainerCreating", False)])
def test_whatever_a_container_waits_for_but_its_start_is_tried_again(
    cluster_env: Env, api: ApiServer, reason: str, waits: bool
) -> None:
    spec = {"selector": {"matchLabels": {"app": "shop"}}}
    meta = {"name": "shop", "namespace": "small"}
    api.put({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec})
    api.put(pod({"waiting": {"reason": reason}}))
    assert rollout.retry(cluster_env, "deployments", "shop", "small") == (["shop-1"] if waits else [])


STATES = st.one_of(
    st.just({}),
    st.builds(running, st.floats(0, 100)),
    st.builds(ended, st.sampled_from([0, 1, 137, 143, 255]), st.floats(0, 100)),
    st.builds(
        lambda reason: {"waiting": {"reason": reason, "message": "?"}},
        st.sampled_from([*why.PULLS, "CrashLoopBackOff", "ContainerCreating", "CreateContainerConfigError", "New"]),
    ),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(state=STATES, last=STATES, ready=st.booleans(), restarts=st.integers(0, 9))
def test_whatever_its_state_a_pod_is_told_or_is_ready(
    cluster_env: Env, state: Document, last: Document, ready: bool, restarts: int
) -> None:
    found = why.problem_of(cluster_env, pod(state, ready=ready, restartCount=restarts, lastState=last), [], now=NOW)
    if found is None:
        assert ready
    else:
        assert "{" not in found.summary + found.cause
