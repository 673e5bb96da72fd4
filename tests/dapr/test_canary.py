"""The canary: the injector is reached, a pod comes up with its sidecar, and that is proven for what is there."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap.cluster import namespaces
from bootstrap.cluster.pods.summary import SIDECAR, has
from bootstrap.core.env import Env
from bootstrap.dapr import canary
from bootstrap.lint import pod_security
from bootstrap.problems.problem import ProblemsFound
from bootstrap.stages.canary import injection, stage
from tests.apiserver import ApiServer, Refused

NAMESPACE = "small"
REFUSED = (Path(__file__).parents[1] / "recorded" / "dapr" / "sidecar-refused.txt").read_text().strip()


def canaries(api: ApiServer) -> list[dict[str, Any]]:
    return [pod for pod in api.list("v1", "pods", NAMESPACE) if pod["metadata"]["name"].startswith(canary.APP)]


def become(api: ApiServer, ready: set[str], phase: str = "Running") -> None:
    """The kubelet's word on the only canary."""
    [pod] = canaries(api)
    statuses = [
        {"name": c["name"], "ready": c["name"] in ready, "restartCount": 0, "state": {"running": {}}}
        for c in pod["spec"]["containers"]
    ]
    api.put({**pod, "status": {"phase": phase, "containerStatuses": statuses}})


def test_it_meets_restricted(env: Env) -> None:
    assert not pod_security.violations(canary.pod(env), "restricted")


def test_a_rehearsal_leaves_no_pod(env: Env, api: ApiServer, injector: None) -> None:
    assert canary.rehearse(env) is None
    assert canaries(api) == []


def test_a_silent_injector_closes_the_gate_and_may_still_answer(env: Env) -> None:
    found = canary.rehearse(env)
    assert found is not None
    assert (found.code, found.final) == ("sidecar-not-injected", False)
    assert "--namespace dapr-system logs deployment/dapr-sidecar-injector" in found.remedy


@pytest.mark.closes("dapr", "the injected pod is admitted", "sidecar-refused")
def test_a_sidecar_that_pod_security_refuses_closes_the_gate_for_good(env: Env, api: ApiServer) -> None:
    api.fault(method="POST", path=f"/namespaces/{NAMESPACE}/pods", refused=Refused(403, REFUSED, "Forbidden"))
    found = canary.rehearse(env)
    assert found is not None
    assert (found.code, found.final) == ("sidecar-refused", True)
    assert 'container "daprd" must set' in found.evidence
    assert "`restricted`" in found.cause


def test_another_refusal_may_pass(env: Env, api: ApiServer) -> None:
    api.fault(method="POST", path="/pods", refused=Refused(403, "serviceaccount not found", "Forbidden"))
    found = canary.rehearse(env)
    assert found is not None
    assert not found.final
    assert "serviceaccount not found" in found.evidence


@pytest.mark.usefixtures("injector")
class TestProof:
    def test_it_comes_up_once_and_is_removed(self, env: Env, api: ApiServer) -> None:
        first, second = stage(), injection()
        first.apply(env)
        become(api, {"app", "daprd"})
        assert first.check(env) is None
        second.apply(env)
        assert second.check(env) is None
        assert canaries(api) == []
        api.requests.clear()
        for each in (first, second):
            each.apply(env)
            assert each.check(env) is None
        assert {request.method for request in api.requests} == {"GET"}

    @pytest.mark.closes("canary", "both containers are ready", "pod-starting")
    @pytest.mark.parametrize("ready", [set(), {"app"}, {"daprd"}])
    def test_half_of_it_does_not_open_the_gate(self, env: Env, api: ApiServer, ready: set[str]) -> None:
        stage().apply(env)
        become(api, ready)
        found = stage().check(env)
        assert found is not None
        assert (found.code, found.final) == ("pod-starting", False)
        with pytest.raises(ProblemsFound):
            injection().apply(env)
        assert injection().check(env) is not None

    @pytest.mark.closes("canary", "both containers are ready", "canary-not-ready")
    def test_one_that_is_said_to_be_ready_before_its_sidecar_is(self, env: Env, api: ApiServer) -> None:
        stage().apply(env)
        become(api, {"app"})
        [pod] = canaries(api)
        status = pod["status"] | {"conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": []}
        api.put({**pod, "status": status})
        found = stage().check(env)
        assert found is not None
        assert (found.code, found.final) == ("canary-not-ready", False)

    def test_one_that_is_still_coming_up_is_left_alone(self, env: Env, api: ApiServer) -> None:
        stage().apply(env)
        [before] = canaries(api)
        stage().apply(env)
        [after] = canaries(api)
        assert before["metadata"]["uid"] == after["metadata"]["uid"]

    def test_one_that_ended_is_replaced(self, env: Env, api: ApiServer) -> None:
        stage().apply(env)
        become(api, set(), "Failed")
        [before] = canaries(api)
        stage().apply(env)
        [after] = canaries(api)
        assert before["metadata"]["uid"] != after["metadata"]["uid"]

    def test_one_that_waits_before_its_next_try_is_replaced(self, env: Env, api: ApiServer) -> None:
        stage().apply(env)
        [before] = canaries(api)
        waiting = {"name": "daprd", "ready": False, "state": {"waiting": {"reason": "ImagePullBackOff"}}}
        api.put({**before, "status": {"phase": "Pending", "containerStatuses": [waiting]}})
        stage().apply(env)
        [after] = canaries(api)
        assert before["metadata"]["uid"] != after["metadata"]["uid"]

    @pytest.mark.closes("canary", "it has daprd", "sidecar-missing")
    def test_one_without_a_sidecar_closes_the_gate_and_is_replaced(self, env: Env, api: ApiServer) -> None:
        stage().apply(env)
        [pod] = canaries(api)
        pod["spec"]["containers"].pop()
        api.put(pod)
        found = stage().check(env)
        assert found is not None
        assert found.code == "sidecar-missing"
        assert found.code in stage().retry_apply_on
        stage().apply(env)
        [after] = canaries(api)
        assert has(after, SIDECAR)

    @pytest.mark.closes("canary", "it has daprd", "sidecar-not-injected")
    def test_one_without_a_sidecar_is_not_made_anew_while_the_injector_is_away(self, env: Env, api: ApiServer) -> None:
        stage().apply(env)
        [pod] = canaries(api)
        pod["spec"]["containers"].pop()
        api.put(pod)
        api.store.admissions.clear()
        found = stage().check(env)
        assert found is not None
        assert (found.code, found.final) == ("sidecar-not-injected", False)
        assert found.code not in stage().retry_apply_on

    @pytest.mark.closes("canary", "there is a canary for what is there now", "canary-missing")
    def test_one_that_was_removed_from_outside_ends_the_wait(self, env: Env, api: ApiServer) -> None:
        stage().apply(env)
        api.remove("v1", "pods", NAMESPACE, canaries(api)[0]["metadata"]["name"])
        found = stage().check(env)
        assert found is not None
        assert (found.code, found.final) == ("canary-missing", True)
        assert found.code in stage().retry_apply_on

    def test_one_that_a_run_did_not_get_to_remove_is_removed_by_the_next(self, env: Env, api: ApiServer) -> None:
        stage().apply(env)
        become(api, {"app", "daprd"})
        api.fault(method="DELETE", path="/pods/", refused=Refused(403, "not now", "Forbidden"))
        with pytest.raises(ProblemsFound):
            injection().apply(env)
        api.mend()
        for each in (stage(), injection()):
            each.apply(env)
            assert each.check(env) is None
        assert canaries(api) == []

    def test_the_end_of_a_former_injector_changes_nothing(self, env: Env, api: ApiServer) -> None:
        [injector] = api.list("v1", "pods", namespaces.SYSTEM)
        meta = injector["metadata"] | {"name": "former", "uid": "former", "deletionTimestamp": "2026-01-01T00:00:00Z"}
        api.put({**injector, "metadata": meta})
        stage().apply(env)
        become(api, {"app", "daprd"})
        api.remove("v1", "pods", namespaces.SYSTEM, "former")
        assert stage().check(env) is None
        injection().apply(env)
        assert injection().check(env) is None

    @pytest.mark.closes("sidecar-injection", "a canary came up under exactly what is there now", "canary-missing")
    def test_another_injector_or_another_level_must_be_proven_anew(self, env: Env, api: ApiServer) -> None:
        stage().apply(env)
        become(api, {"app", "daprd"})
        injection().apply(env)
        levels = env.manifest.dapr.pod_security.model_copy(update={"app": "baseline"})
        dapr = env.manifest.dapr.model_copy(update={"pod_security": levels})
        other = replace(env, manifest=env.manifest.model_copy(update={"dapr": dapr}))
        assert canary.is_proven(env)
        assert not canary.is_proven(other)
        [pod] = api.list("v1", "pods", namespaces.SYSTEM)
        api.remove("v1", "pods", namespaces.SYSTEM, pod["metadata"]["name"])
        api.put({**pod, "metadata": {**pod["metadata"], "uid": "another"}})
        assert not canary.is_proven(env)
        found = injection().check(env)
        assert found is not None
        assert found.code == "canary-missing"


def test_one_of_which_a_part_ends_gets_another_try_for_as_long_as_the_gate_waits(env: Env) -> None:
    spec = canary.pod(env)["spec"]
    assert spec["restartPolicy"] == "Always", "as services have it: an end that passes does not close the gate for good"
    assert spec["activeDeadlineSeconds"] > stage().timeout
    assert spec["containers"][0]["command"][-1].endswith(f"({spec['activeDeadlineSeconds']})"), "it runs as long"
