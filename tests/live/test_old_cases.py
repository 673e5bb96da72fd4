"""The five cases of the old log on a real cluster, with the gates before it switched off: each is named at once."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap.clients.kubernetes_api import path
from bootstrap.cluster.pods import rollout
from bootstrap.core.env import Env
from bootstrap.helm import releases
from bootstrap.images import layout
from bootstrap.minikube import docker_env
from bootstrap.problems.problem import Problem, ProblemsFound
from bootstrap.stages import images
from tests.local.conftest import Checkout

pytestmark = [pytest.mark.live, pytest.mark.real("docker")]

PYTHON = "python:3.11-slim"
SECONDS = 10  # from the moment in which the cluster shows it
LIMIT = 180  # seconds until the cluster shows it
BAD = ("CreateContainerConfigError", "CrashLoopBackOff", "Error")


@pytest.fixture(scope="module", autouse=True)
def is_up(live: Checkout) -> None:
    """Alone, too, these tests have a cluster with Dapr's control plane."""
    live.inv("up", "--on", "minikube")


@pytest.fixture
def namespace(env: Env) -> Iterator[str]:
    """A namespace in which Pod Security Admission refuses nothing."""
    name = f"{env.manifest.namespace}-old-cases-{time.time_ns() % 10**6}"
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    env.cluster.apply(
        path("v1", "namespaces", name=name),
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}},
    )
    yield name
    env.cluster.delete(path("v1", "namespaces", name=name))


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A chart of one Deployment, whose pod is in the values."""
    folder = tmp_path / "old-case"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text(yaml.safe_dump({"apiVersion": "v2", "name": "old-case", "version": "0.1.0"}))
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "old-case"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "old-case"}}},
    }
    template = yaml.safe_dump(deployment) + "  template:\n    {{- toYaml .Values.pod | nindent 4 }}\n"
    (folder / "templates" / "deployment.yaml").write_text(template)
    return folder


def pod(command: list[str], sidecar: bool = False, **security: Any) -> dict[str, Any]:
    """A pod whose one container has a user of its own; `security` is the pod's."""
    own = {"runAsUser": layout.UID, "runAsGroup": layout.UID, "allowPrivilegeEscalation": False}
    container = {"name": "old-case", "image": PYTHON, "command": command, "securityContext": own}
    annotations = {"dapr.io/enabled": "true", "dapr.io/app-id": "old-case"} if sidecar else {}
    return {
        "metadata": {"labels": {"app": "old-case"}, "annotations": annotations},
        "spec": {"containers": [container], "securityContext": security},
    }


def deployed(env: Env, chart: Path, namespace: str, template: dict[str, Any]) -> Problem:
    """What the rollout's gate says of it; it must be final, and said in time."""
    releases.deploy(env, "old-case", chart, {"pod": template}, namespace)
    began, seen = time.monotonic(), 0.0
    while time.monotonic() - began < LIMIT:
        shown = any(is_bad(one) for one in env.cluster.items(path("v1", "pods", namespace)))
        seen = seen or (time.monotonic() if shown else 0.0)
        found = rollout.check(env, "deployments", "old-case", namespace)
        if found and found.final:
            assert not seen or time.monotonic() - seen < SECONDS
            return found
        time.sleep(0.2)
    raise AssertionError(f"nothing final was said: {found}")


def is_bad(one: dict[str, Any]) -> bool:
    states = [told.get("state", {}) for told in one.get("status", {}).get("containerStatuses", ())]
    return any("terminated" in state or (state.get("waiting") or {}).get("reason") in BAD for state in states)


def test_1_requirements_that_exclude_each_other(live: Checkout, tmp_path: Path, env: Env) -> None:
    file = live.path / "services/audit-service/requirements.txt"
    before = shutil.copy(file, tmp_path)
    file.write_text(file.read_text() + "pytest==9.0.2\npytest-asyncio==0.26.0\n")
    try:
        with pytest.raises(ProblemsFound) as raised:
            images.apply(env, docker_env.engine, ["audit-service"])
    finally:
        shutil.copy(before, file)
    (found,) = raised.value.problems
    assert found.code == "build-requirements-conflict"
    assert "pytest-asyncio 0.26.0 depends on pytest<9" in found.evidence


def test_2_a_distribution_that_is_missing(env: Env, chart: Path, namespace: str) -> None:
    found = deployed(env, chart, namespace, pod(["python", "-c", "from dapr.clients import DaprClient"]))
    assert found.code == "pod-module-missing"
    assert "imports dapr" in found.cause
    assert "ModuleNotFoundError" in found.evidence


def test_3_packages_that_the_user_may_not_read(env: Env, chart: Path, namespace: str) -> None:
    found = deployed(env, chart, namespace, pod(["python", "/root/.local/bin/uvicorn"]))
    assert found.code == "pod-file-denied"
    assert "/root/.local/bin/uvicorn" in found.cause


def test_4_a_field_of_containers_in_the_context_of_the_pod(env: Env, chart: Path, namespace: str) -> None:
    with pytest.raises(ProblemsFound) as raised:
        releases.deploy(env, "old-case", chart, {"pod": pod(["true"], capabilities={"drop": ["ALL"]})}, namespace)
    (found,) = raised.value.problems
    assert found.code == "release-field-unknown"
    assert ".spec.template.spec.securityContext.capabilities" in found.cause


def test_5_a_sidecar_that_inherits_root(env: Env, chart: Path, namespace: str) -> None:
    found = deployed(env, chart, namespace, pod(["sleep", "60"], sidecar=True, runAsUser=0))
    assert found.code == "container-inherits-root"
    assert "daprd" in found.summary
    assert "container's runAsUser breaks non-root policy" in found.evidence
    assert "take runAsUser out of the pod's securityContext" in found.remedy
    # The namespace refuses nothing, and it is refused all the same.
    assert "labels" in found.cause
    assert "admission" in found.cause
