"""postgres: installed by the real Helm, with a password that is proven by a login."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from bootstrap.core.env import Env
from bootstrap.helm import releases
from bootstrap.problems.catalogue import recognise
from bootstrap.stages import postgres
from tests.apiserver import ApiServer, Document

pytestmark = pytest.mark.real("helm")
NAMESPACE = "small"
RECORDED = Path(__file__).parents[1] / "recorded" / "postgres-login"
REFUSED = (RECORDED / "postgres-password-refused.txt").read_text()


class Node:
    """The controllers and the kubelet: the StatefulSet's only pod, ready or with the words of its probe."""

    def __init__(self, api: ApiServer) -> None:
        self.api, self.words = api, ""

    def __call__(self, api: ApiServer, written: Document) -> None:
        if written["kind"] == "StatefulSet":
            self.run(written)

    def run(self, workload: Document) -> None:
        ready, template = not self.words, workload["spec"]["template"]
        meta = {
            "name": "postgres-0",
            "namespace": NAMESPACE,
            "labels": template["metadata"]["labels"],
            "ownerReferences": [{"uid": workload["metadata"]["uid"], "kind": "StatefulSet", "name": "postgres"}],
        }
        container = {
            "name": "postgres",
            "ready": ready,
            "restartCount": 0,
            "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
        }
        conditions = [{"type": "Ready", "status": str(ready)}]
        status = {"phase": "Running", "conditions": conditions, "containerStatuses": [container]}
        self.api.put({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"], "status": status})
        if self.words:
            self.api.put(self._event())
        counts = {key: int(ready) for key in ("readyReplicas", "availableReplicas")}
        told = {
            "observedGeneration": workload["metadata"]["generation"],
            "replicas": 1,
            "updatedReplicas": 1,
            **counts,
        }
        if workload.get("status") != told:
            self.api.put({**workload, "status": told})

    def _event(self) -> Document:
        [pod] = [pod for pod in self.api.list("v1", "pods", NAMESPACE) if pod["metadata"]["name"] == "postgres-0"]
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "postgres-0.1", "namespace": NAMESPACE},
            "type": "Warning",
            "reason": "Unhealthy",
            "message": f"Readiness probe failed: {self.words}",
            "count": 3,
            "lastTimestamp": "2026-01-01T00:00:10Z",
            "involvedObject": {
                "kind": "Pod",
                "name": "postgres-0",
                "namespace": NAMESPACE,
                "uid": pod["metadata"]["uid"],
                "fieldPath": "spec.containers{postgres}",
            },
        }


@pytest.fixture
def node(api: ApiServer) -> Node:
    node = Node(api)
    api.react(node)
    return node


@pytest.fixture
def connects(api: ApiServer) -> dict[str, str]:
    """What the pod from which gates look is told when it connects."""
    told = {"error": ""}

    def probe(path: str, query: Mapping[str, str]) -> tuple[int, str]:
        assert (path, query["host"], query["port"]) == ("/tcp", "postgres", "5432")
        return 200, json.dumps(told)

    api.proxy(NAMESPACE, "pods", "http:inv-probe:8000", probe)
    return told


@pytest.fixture
def installed(env: Env, node: Node, connects: dict[str, str]) -> Env:
    postgres.apply(env)
    return env


def closed(env: Env) -> str:
    found = postgres.check(env)
    return found.code if found else ""


def test_it_is_installed_and_then_left_alone(installed: Env, api: ApiServer) -> None:
    assert closed(installed) == ""
    api.requests.clear()
    postgres.apply(installed)
    assert {request.method for request in api.requests} == {"GET"}


def test_the_password_is_not_in_what_helm_keeps(installed: Env, api: ApiServer) -> None:
    secret = api.get("v1", "secrets", NAMESPACE, "postgres")
    assert secret
    password = base64.b64decode(secret["data"]["password"]).decode()
    assert password not in json.dumps(api.list("apps/v1", "statefulsets", NAMESPACE))
    # The chart's release goes through files and argv; the values hold a hash alone.
    assert password not in json.dumps([request.path for request in api.requests])
    assert releases.current(installed)["postgres"]["status"] == "deployed"


@pytest.mark.closes("postgres", "every Secret holds the password", "database-secret-missing")
@pytest.mark.closes("postgres", "the release is that of the checkout", "postgres-not-installed")
@pytest.mark.closes("postgres", "it is rolled out", "workload-missing")
def test_each_thing_that_is_gone_closes_the_gate_and_comes_back(installed: Env, api: ApiServer) -> None:
    for plural, name, code in (
        ("secrets", "statestore", "database-secret-missing"),
        ("secrets", "sh.helm.release.v1.postgres.v1", "postgres-not-installed"),
        ("statefulsets", "postgres", "workload-missing"),
    ):
        api.remove("apps/v1" if plural == "statefulsets" else "v1", plural, NAMESPACE, name)
        assert closed(installed) == code
        postgres.apply(installed)
        assert closed(installed) == ""


@pytest.mark.closes("postgres", "a login with the password works", "postgres-password-refused")
def test_a_lost_password_that_the_data_still_has_is_named_with_what_keeps_the_data(
    installed: Env, api: ApiServer, node: Node
) -> None:
    api.remove("v1", "secrets", NAMESPACE, "postgres")
    assert closed(installed) == "database-secret-missing"
    node.words = REFUSED
    postgres.apply(installed)
    found = postgres.check(installed)
    assert found is not None
    assert (found.code, found.final) == ("postgres-password-refused", True)
    assert "ALTER ROLE postgres PASSWORD" in found.remedy
    assert f"--context {installed.context} --namespace {NAMESPACE} exec postgres-0" in found.remedy
    assert "password authentication failed" in found.evidence


def test_a_database_that_is_not_ready_yet_may_still_be(installed: Env, node: Node, api: ApiServer) -> None:
    node.words = (RECORDED / "none-refused-connection.txt").read_text()
    [workload] = api.list("apps/v1", "statefulsets", NAMESPACE)
    node.run(workload)
    found = postgres.check(installed)
    assert found is not None
    assert not found.final
    assert found.code != "postgres-password-refused"


@pytest.mark.closes("postgres", "pods reach the Service", "postgres-unreachable")
def test_a_service_that_leads_nowhere_closes_the_gate(installed: Env, connects: dict[str, str]) -> None:
    connects["error"] = "[Errno 111] Connection refused"
    found = postgres.check(installed)
    assert found is not None
    assert found.code == "postgres-unreachable"
    assert "Connection refused" in found.evidence


@pytest.mark.parametrize("file", sorted(RECORDED.glob("*.txt")), ids=lambda file: file.stem)
def test_only_a_refused_password_is_recognised(file: Path) -> None:
    found = recognise("postgres", "login", file.read_text(), "x", kubectl="kubectl")
    assert (found.code if found else "") == ("" if file.stem.startswith("none-") else file.stem)
