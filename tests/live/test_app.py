"""The whole of `./inv` on a real minikube, as a user would type it. The tests build on each other, in order."""

import json
import urllib.request
from typing import Any

import pytest
from kubernetes.client import ApiException

from bootstrap.broker.redpanda import SERVICE as BROKER
from bootstrap.clients.kubernetes_api import message, path
from bootstrap.cluster import namespaces, probe
from bootstrap.core.env import Env
from bootstrap.helm.charts import dapr_enabled
from tests.live.world import Belongings
from tests.local.conftest import Checkout

pytestmark = [pytest.mark.live, pytest.mark.real("docker")]

API = "services/backend-api/backend_api/api.py"
BEFORE = '    @router.get("/{task_id}")\n'
LINE = '    @router.get("/motto")\n    def motto() -> dict[str, str]:\n        return {"motto": "a changed line"}\n\n'


def told(live: Checkout) -> dict[str, Any]:
    """What `status` tells, whatever its gates say: `up` has asked them, and waits where one look may be too early."""
    document: dict[str, Any] = json.loads(live.start("status", "--json").communicate(timeout=live.limit)[0])
    return document


def pods(document: dict[str, Any]) -> dict[str, list[str]]:
    """The names of each service's pods."""
    return {name: [pod["name"] for pod in told["pods"]] for name, told in document["services"].items()}


def test_up_reaches_the_proven_app_from_nothing(live: Checkout, before: Belongings) -> None:
    assert before.profiles == frozenset()
    printed = live.inv("up", "--on", "minikube")
    assert "up and proven" in printed
    document = told(live)
    assert document["topics"]
    assert all(document["topics"].values())
    for service in document["services"].values():
        assert service["url"] in printed


def test_every_pod_is_whole_and_has_its_sidecar(live: Checkout, env: Env) -> None:
    services = told(live)["services"]
    assert set(services) == set(env.manifest.services)
    for name, service in services.items():
        (pod,) = service["pods"]
        assert pod["ready"]
        assert pod["containers_ready"] == pod["containers"] == (2 if dapr_enabled(env, name) else 1), name
        assert pod["sidecar"] is dapr_enabled(env, name)


def test_a_second_up_changes_nothing(live: Checkout) -> None:
    before = pods(told(live))
    assert "the app has not changed since it was last proven" in live.inv("up")
    assert pods(told(live)) == before


@pytest.mark.parametrize("which", ["app", "system"])
def test_pod_security_refuses_what_is_not_restricted(live: Checkout, env: Env, which: str) -> None:
    name = {"app": env.manifest.namespace, "system": namespaces.SYSTEM}[which]
    (level,) = {namespaces.levels(env)[name]}
    assert level == "restricted"
    container = {"name": "any", "image": "any", "securityContext": {"privileged": True}}
    body = {"metadata": {"name": "privileged"}, "spec": {"containers": [container]}}
    with pytest.raises(ApiException) as refused:
        env.cluster.create(path("v1", "pods", name), body, dryRun="All")
    assert refused.value.status == 403
    assert 'violates PodSecurity "restricted:latest"' in message(refused.value)


def test_a_pod_reaches_the_broker(live: Checkout, env: Env) -> None:
    port = env.manifest.broker.listeners.cluster
    assert probe.dns(env, BROKER) != ""
    assert probe.tcp(env, BROKER, port) == ""
    assert probe.kafka(env, BROKER, port) == ([(BROKER, port)], "")


def test_a_changed_line_is_served_after_rebuild(live: Checkout) -> None:
    before = pods(told(live))
    source = live.path / API
    text = source.read_text()
    assert BEFORE in text
    source.write_text(text.replace(BEFORE, LINE + BEFORE))
    printed = live.inv("rebuild", "backend-api")
    assert "backend-api runs its new version" in printed
    document = told(live)
    url = document["services"]["backend-api"]["url"]
    with urllib.request.urlopen(f"{url}/tasks/motto", timeout=10) as answer:  # noqa: S310 - a URL of our own
        assert json.load(answer) == {"motto": "a changed line"}
    renewed = pods(document)
    assert renewed.pop("backend-api") != before.pop("backend-api")
    assert renewed == before, "no other service was started anew"


def test_verify_proves_what_runs(live: Checkout) -> None:
    document = json.loads(live.inv("verify", "--json"))
    assert document["tests"]
    assert {test["outcome"] for test in document["tests"]} == {"passed"}


def test_status_shows_every_service_and_every_gate_green(live: Checkout) -> None:
    document = json.loads(live.inv("status", "--json"))
    assert document["green"]
    assert set(document["gates"].values()) == {None}
    assert document["cluster"]["nodes"] == {document["cluster"]["profile"]: True}
    assert all(one["ready"] == one["wanted"] for one in document["dapr"]["workloads"].values())


@pytest.mark.parametrize("of", ["backend-api", "broker", "postgres"])
def test_logs_are_shown(live: Checkout, of: str) -> None:
    assert live.inv("logs", of).strip()


def test_the_log_of_a_sidecar_is_shown(live: Checkout) -> None:
    assert "dapr" in live.inv("logs", "audit-service", "--sidecar")


def test_open_prints_an_address_that_answers(live: Checkout) -> None:
    url = json.loads(live.inv("status", "--json"))["services"]["frontend"]["url"]
    assert url in live.inv("open", "frontend")
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - a URL of our own
        assert "text/html" in answer.headers["Content-Type"]


def test_diagnose_finds_nothing_wrong(live: Checkout) -> None:
    assert "nothing is wrong" in live.inv("diagnose").lower()


def test_doctor_finds_what_this_machine_must_have(live: Checkout) -> None:
    assert "minikube" in live.inv("doctor")


def test_what_was_stopped_goes_on(live: Checkout) -> None:
    live.inv("down")
    assert "is not running" in live.inv("status", exit=1)
    assert "up and proven" in live.inv("up")
