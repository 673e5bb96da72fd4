"""Cases 4 and 5 of the old log: stopped before any deploy, by what the charts render and the pods that they make."""

import pytest

from bootstrap.core.env import Env
from tests.old_cases.conftest import Repository

pytestmark = pytest.mark.real("helm")
CHARTS = "infrastructure/charts"
DEPLOYMENT = f"{CHARTS}/service/templates/_deployment.tpl"
FIRST = "      automountServiceAccountToken"
USER = "            runAsUser: {{ $values.user }}\n"


def pod(fields: str) -> tuple[str, str, str]:
    """A securityContext for the whole pod."""
    return DEPLOYMENT, FIRST, f"      securityContext:\n{fields}\n{FIRST}"


def test_4_capabilities_of_the_pod(repository: Repository, laptop: Env) -> None:
    """`./inv up --only charts`"""
    repository.edit(*pod("        capabilities:\n          drop: [ALL]"))
    found = repository.stopped("charts", laptop, "minikube", "charts")
    assert [problem["code"] for problem in found] == ["chart-unknown-field"] * len(laptop.manifest.services)
    first = found[0]
    assert first["summary"] == (
        "The chart of backend-api, with values.yaml and values-local.yaml, renders Deployment backend-api wrong: "
        'unknown field "spec.template.spec.securityContext.capabilities"'
    )
    assert first["where"] == repository.line(DEPLOYMENT, "        capabilities:")
    assert "belongs to spec.template.spec.containers[].securityContext.capabilities" in first["remedy"]


def test_5_root_for_the_whole_pod_which_daprd_inherits(repository: Repository, laptop: Env) -> None:
    """`./inv up --only charts`"""
    repository.edit(*pod("        runAsUser: 0"))
    found = repository.stopped("charts", laptop, "minikube", "charts")
    mine = [problem for problem in found if "backend-api" in problem["summary"]]
    assert [problem["code"] for problem in mine] == ["pod-user-breaks-non-root", "pod-security-violated"]
    kubelet = mine[0]
    assert "container's runAsUser breaks non-root policy" in kubelet["evidence"]
    assert "container: daprd)" in kubelet["evidence"]
    assert kubelet["where"] == repository.line(DEPLOYMENT, "        runAsUser: 0")
    for words in ("labels of Pod Security", "admission plugins", "changes nothing", "the kubelet"):
        assert words in kubelet["cause"], "what will not help"
    assert "state no user for the pod; give each container a numeric one" in kubelet["remedy"], "what will"


@pytest.mark.parametrize(
    ("edits", "code", "container"),
    [
        ([pod("        runAsUser: 10001")], "pod-user-inherited", ""),
        (
            [(DEPLOYMENT, USER, ""), ("services/audit-service/Dockerfile", "USER 10001:10001", "USER root")],
            "pod-image-user-not-numeric",
            "audit-service",
        ),
        (
            [(DEPLOYMENT, USER, ""), ("services/audit-service/Dockerfile", "USER 10001:10001", "")],
            "pod-image-runs-as-root",
            "audit-service",
        ),
        (
            [(DEPLOYMENT, USER, ""), ("services/audit-service/Dockerfile", "USER 10001:10001", "USER appuser")],
            "pod-image-user-not-numeric",
            "audit-service",
        ),
        (
            [("infrastructure/dapr-values.yaml", "sidecarRunAsNonRoot: true", "sidecarRunAsNonRoot: false")],
            "pod-security-violated",
            "daprd",
        ),
        (
            [("infrastructure/dapr-values.yaml", "sidecarDropALLCapabilities: true", "")],
            "pod-security-violated",
            "daprd",
        ),
        (
            [(f"{CHARTS}/service/templates/_dapr.tpl", "dapr.io/sidecar-seccomp-profile-type: RuntimeDefault\n", "")],
            "pod-security-violated",
            "daprd",
        ),
        (
            [(f"{CHARTS}/service/templates/_dapr.tpl", 'dapr.io/enabled: "true"', 'dapr.io/enabled: "false"')],
            "pod-not-injected",
            "",
        ),
    ],
    ids=[
        "another user for the pod",
        "root by its name",
        "an image without a user",
        "a named user",
        "a sidecar that may be root",
        "a sidecar with capabilities",
        "a sidecar without seccomp",
        "Dapr switched off",
    ],
)
def test_5_its_relatives(
    repository: Repository, laptop: Env, edits: list[tuple[str, str, str]], code: str, container: str
) -> None:
    """`./inv up --only charts`"""
    for edit in edits:
        repository.edit(*edit)
    found = repository.stopped("charts", laptop, "minikube", "charts")
    assert {problem["code"] for problem in found} == {code}
    assert container in found[0]["evidence"]
    assert all(problem["where"] and problem["remedy"] for problem in found)
