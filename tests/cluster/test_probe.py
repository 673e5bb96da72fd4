"""The probe pod: made once, made again where that is needed, and asked through the API."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bootstrap.clients.http import Answer
from bootstrap.cluster import namespaces, probe
from bootstrap.core.env import Env
from bootstrap.lint import pod_security
from bootstrap.problems.problem import ProblemsFound
from tests.apiserver import ApiServer, Document, Refused

PATH = f"http:{probe.NAME}:8000"


def pod(api: ApiServer) -> Document:
    found = api.get("v1", "pods", "small", probe.NAME)
    assert found is not None
    return found


def test_it_is_made_once(api: ApiServer, cluster_env: Env) -> None:
    probe.ensure(cluster_env)
    first = pod(api)
    probe.ensure(cluster_env)
    assert pod(api) == first
    assert api.get("v1", "serviceaccounts", "small", probe.NAME) is not None


@pytest.mark.parametrize("phase", ["Failed", "Succeeded", "Unknown"])
def test_one_that_ended_is_made_again(api: ApiServer, cluster_env: Env, phase: str) -> None:
    probe.ensure(cluster_env)
    first = pod(api)
    api.put({**first, "status": {"phase": phase}})
    probe.ensure(cluster_env)
    assert pod(api)["metadata"]["uid"] != first["metadata"]["uid"]


@pytest.mark.parametrize(("reason", "again"), [("ImagePullBackOff", True), ("ContainerCreating", False)])
def test_one_that_waits_before_its_next_try_is_made_again(
    api: ApiServer, cluster_env: Env, reason: str, again: bool
) -> None:
    probe.ensure(cluster_env)
    first = pod(api)
    status = {"name": "probe", "ready": False, "restartCount": 0, "state": {"waiting": {"reason": reason}}}
    api.put({**first, "status": {"phase": "Pending", "containerStatuses": [status]}})
    probe.ensure(cluster_env)
    assert (pod(api)["metadata"]["uid"] != first["metadata"]["uid"]) is again


def test_one_of_another_image_is_made_again(api: ApiServer, cluster_env: Env) -> None:
    probe.ensure(cluster_env)
    probe.ensure(replace(cluster_env, environ={**cluster_env.environ, "PYTHON_IMAGE": "mirror.example/python:3.11"}))
    assert pod(api)["spec"]["containers"][0]["image"] == "mirror.example/python:3.11"


def test_its_image_is_the_base_of_the_services(cluster_env: Env) -> None:
    assert probe.image(cluster_env) == probe.BASE
    dockerfile = cluster_env.root / "services" / "shop" / "Dockerfile"
    dockerfile.write_text("# the base\nARG PYTHON_IMAGE=python:3.12-slim\nFROM ${PYTHON_IMAGE}\n")
    assert probe.image(cluster_env) == "python:3.12-slim"


def test_it_meets_restricted(cluster_env: Env) -> None:
    assert not pod_security.violations(probe.pod(cluster_env), "restricted")


def test_it_answers_through_the_api(api: ApiServer, cluster_env: Env) -> None:
    asked: list[tuple[str, Mapping[str, str]]] = []

    def server(path: str, query: Mapping[str, str]) -> tuple[int, str]:
        asked.append((path, dict(query)))
        answers = {
            "/dns": '{"address": "10.96.0.10"}',
            "/tcp": '{"error": "[Errno 111] Connection refused"}',
            "/http": '{"status": 418, "body": "short"}',
        }
        return 200, answers[path]

    api.proxy("small", "pods", PATH, server)
    assert probe.dns(cluster_env, "kafka.small.svc") == "10.96.0.10"
    assert probe.tcp(cluster_env, "kafka", 9092) == "[Errno 111] Connection refused"
    assert probe.http(cluster_env, "http://shop/healthz?a=b&c=d") == Answer(418, "short")
    assert asked == [
        ("/dns", {"name": "kafka.small.svc"}),
        ("/tcp", {"host": "kafka", "port": "9092"}),
        ("/http", {"url": "http://shop/healthz?a=b&c=d"}),
    ]
    assert probe.check(cluster_env) is None


def test_a_probe_that_is_away_never_looks_like_a_connection(api: ApiServer, cluster_env: Env) -> None:
    for _ in ("there is none", "it does not listen yet"):
        assert probe.dns(cluster_env, "x") == ""
        assert "inv-probe" in probe.tcp(cluster_env, "x", 1)
        assert probe.http(cluster_env, "http://x").status == 0
        probe.ensure(cluster_env)
    api.refuse_connections()
    assert "cannot be asked" in probe.tcp(cluster_env, "x", 1)
    cluster_env.kubeconfig.unlink()
    assert "kubeconfig" in probe.tcp(cluster_env, "x", 1)
    assert probe.dns(cluster_env, "x") == ""


@given(said=st.text(max_size=50) | st.sampled_from(["{}", "[]", "null", '{"status": "x"}', '{"error": null}']))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nonsense_from_the_probe_is_no_answer(api: ApiServer, cluster_env: Env, said: str) -> None:
    api.proxy("small", "pods", PATH, lambda *_: (200, said))
    assert probe.tcp(cluster_env, "x", 1) != ""
    assert probe.http(cluster_env, "http://x").status == 0
    assert probe.dns(cluster_env, "x") == ""


def test_what_keeps_it_from_being_made_is_told(api: ApiServer, cluster_env: Env) -> None:
    api.fault(path="/pods", method="POST", refused=Refused(403, 'pods "inv-probe" is forbidden: exceeded quota'))
    with pytest.raises(ProblemsFound) as failed:
        probe.ensure(cluster_env)
    assert "exceeded quota" in failed.value.problems[0].evidence


def test_namespaces_are_labelled_before_anything_lands_in_them(api: ApiServer, cluster_env: Env) -> None:
    namespaces.ensure(cluster_env)
    for name in ("small", "dapr-system"):
        found = api.get("v1", "namespaces", "", name)
        assert found is not None
        labels = found["metadata"]["labels"]
        for mode in ("enforce", "warn", "audit"):
            assert labels[f"pod-security.kubernetes.io/{mode}"] == "restricted"
            assert labels[f"pod-security.kubernetes.io/{mode}-version"] == "latest"
    assert namespaces.check(cluster_env) is None


def test_labels_of_others_on_a_namespace_stay(api: ApiServer, cluster_env: Env) -> None:
    api.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "small", "labels": {"team": "shop"}}})
    namespaces.ensure(cluster_env)
    found = api.get("v1", "namespaces", "", "small")
    assert found is not None
    assert found["metadata"]["labels"]["team"] == "shop"
