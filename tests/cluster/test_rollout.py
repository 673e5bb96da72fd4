"""The gate of a workload, on recorded states of a real cluster and on rollouts driven through their states."""

from datetime import timedelta

import pytest

from bootstrap.cluster import rollout
from bootstrap.cluster.scheduling import PATIENCE
from bootstrap.env import Env
from bootstrap.problem import Problem
from tests.apiserver import ApiServer
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
    "stuck-terminating": (None, False),
    "traceback-crashloop": ("pod-setting-wrong", True),
    "unknown-field-pod-capabilities": (None, False),
    "unschedulable-hostport": ("pod-host-port-taken", True),
    "unschedulable-resources": ("pod-node-too-small", True),
    "webhook-unreachable-fail": ("pod-refused-webhook", False),
    "webhook-unreachable-ignore": (None, False),
}


def look(env: Env, api: ApiServer, case: str, snapshot: str = "pods") -> Problem | None:
    # A pod that no node takes gets the time in which another one may end.
    now = play(api, case, snapshot) + timedelta(seconds=PATIENCE if case.startswith("unschedulable") else 0)
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
        assert "{" not in found.cause + found.summary, "a placeholder stays open"
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
