"""The pod after injection: the kubelet's refusals and Pod Security, in the very words of the recordings."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap.lint import pod_security
from bootstrap.lint.charts import pod_template, user_of
from bootstrap.lint.injected_pod import Injector, effective, inject, injector, refusals
from bootstrap.lint.pod_security import violations

CHECKOUT = Path(__file__).parents[2]
RECORDED = CHECKOUT / "tests" / "recorded" / "kubernetes"
VALUES = yaml.safe_load((CHECKOUT / "infrastructure" / "dapr-values.yaml").read_text())
OURS = injector(VALUES["dapr_sidecar_injector"])
GOOD: dict[str, Any] = {
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def recorded(case: str) -> tuple[dict[str, Any], str]:
    """The pod template of a recorded case, and the message that Kubernetes gave."""
    documents = yaml.safe_load_all((RECORDED / case / "manifest.yaml").read_text())
    template = next(t for document in documents if (t := pod_template(document)))
    return template, tomllib.loads((RECORDED / case / "case.toml").read_text())["message"]


def pod(seccomp: bool = True, spec: dict[str, Any] | None = None, **security: Any) -> dict[str, Any]:
    """A pod template with Dapr switched on; `security` changes the app container, None takes a field away."""
    context = {key: value for key, value in (GOOD | security).items() if value is not None}
    annotations = {"dapr.io/enabled": "true"}
    if seccomp:
        annotations["dapr.io/sidecar-seccomp-profile-type"] = "RuntimeDefault"
    container = {"name": "app", "image": "app:1", "securityContext": context}
    return {"metadata": {"annotations": annotations}, "spec": {"containers": [container], **(spec or {})}}


def test_the_recorded_refusal_of_daprd_is_foreseen() -> None:
    template, message = recorded("runasuser-breaks-non-root")
    [found] = refusals(inject(template, OURS), {}, "backend-api-768b459947-fxfd4_todo-app(0eb164fb")
    assert (found.code, found.container) == ("pod-user-breaks-non-root", "daprd")
    assert found.words.split(" (pod")[0] in message


def test_the_same_without_the_stand_in_needs_the_injector_to_be_foreseen() -> None:
    template, _ = recorded("runasuser-breaks-non-root")
    template["spec"]["containers"] = template["spec"]["containers"][:1]
    assert list(refusals(template, {})) == []
    [found] = refusals(inject(template, OURS), {})
    assert found.container == "daprd"
    own_user = Injector(run_as_user=65532)
    assert list(refusals(inject(template, own_user), {})) == []


@pytest.mark.parametrize(
    ("case", "user", "code"),
    [
        ("image-runs-as-root", "", "pod-image-runs-as-root"),
        ("image-runs-as-root", "0:0", "pod-image-runs-as-root"),
        ("non-numeric-user", "appuser", "pod-image-user-not-numeric"),
        ("non-numeric-user", "appuser:10001", "pod-image-user-not-numeric"),
    ],
)
def test_the_recorded_refusals_of_an_image_are_foreseen(case: str, user: str, code: str) -> None:
    template, message = recorded(case)
    name = template["spec"]["containers"][0]["name"]
    [found] = refusals(inject(template, OURS), {name: user})
    assert found.code == code
    assert found.words.split(" (pod")[0] in message
    for good in ("10001", "10001:10001", None):
        assert list(refusals(inject(template, OURS), {name: good})) == []


def test_the_recorded_admission_refusal_is_foreseen_word_for_word() -> None:
    template, message = recorded("psa-restricted-rejection")
    words = pod_security.message(violations(inject(template, OURS), "restricted"), "restricted")
    assert message.endswith(words)
    assert violations(template, "baseline") == ()


def test_a_good_pod_meets_restricted_with_its_sidecar() -> None:
    after = inject(pod(), OURS)
    assert violations(after, "restricted") == ()
    assert list(refusals(after, {"app": ""})) == []
    assert [(one.container, one.run_as_user, one.run_as_non_root) for one in effective(after)] == [
        ("app", 10001, True),
        ("daprd", None, True),
    ]


def test_without_dapr_nothing_is_injected() -> None:
    template = pod()
    template["metadata"]["annotations"]["dapr.io/enabled"] = "false"
    assert inject(template, OURS) == template


def test_a_sidecar_that_the_injector_makes_too_weak_is_named() -> None:
    [drop] = violations(inject(pod(), Injector()), "restricted")
    assert drop == 'unrestricted capabilities (container "daprd" must set securityContext.capabilities.drop=["ALL"])'
    [seccomp] = violations(inject(pod(seccomp=False), OURS), "restricted")
    assert seccomp.startswith('seccompProfile (pod or container "daprd" must set')
    weak = injector({"sidecarRunAsNonRoot": False, "sidecarDropALLCapabilities": True})
    [root] = violations(inject(pod(), weak), "restricted")
    assert root == 'runAsNonRoot != true (container "daprd" must not set securityContext.runAsNonRoot=false)'


def test_a_folder_of_certificates_takes_the_sidecar_s_protection_away() -> None:
    template = pod()
    template["metadata"]["annotations"]["dapr.io/env"] = "SSL_CERT_DIR=/certificates"
    [root] = violations(inject(template, Injector(run_as_user=65532, drop_all_capabilities=True)), "restricted")
    assert root == 'runAsNonRoot != true (container "daprd" must not set securityContext.runAsNonRoot=false)'


BOTH = 'must not set securityContext.seccompProfile.type to "Unconfined"'


@pytest.mark.parametrize(
    ("level", "template", "words"),
    [
        ("restricted", pod(runAsUser=0), 'runAsUser=0 (container "app" must not set runAsUser=0)'),
        ("restricted", pod(spec={"securityContext": {"runAsUser": 0}}), "runAsUser=0 (pod must not set runAsUser=0)"),
        (
            "restricted",
            pod(capabilities={"drop": ["ALL"], "add": ["NET_ADMIN", "CHOWN"]}),
            'unrestricted capabilities (container "app" must not include "CHOWN", "NET_ADMIN" in '
            "securityContext.capabilities.add)",
        ),
        (
            "restricted",
            pod(spec={"volumes": [{"name": "logs", "hostPath": {"path": "/"}}]}),
            'restricted volume types (volume "logs" uses restricted volume type "hostPath")',
        ),
        (
            "restricted",
            pod(seccompProfile={"type": "Unconfined"}),
            f'seccompProfile (container "app" {BOTH})',
        ),
        ("baseline", pod(seccompProfile={"type": "Unconfined"}), f'seccompProfile (container "app" {BOTH})'),
        (
            "baseline",
            pod(capabilities={"add": ["CHOWN", "NET_ADMIN"]}),
            'non-default capabilities (container "app" must not include "NET_ADMIN" in '
            "securityContext.capabilities.add)",
        ),
        (
            "baseline",
            pod(spec={"hostNetwork": True, "hostPID": True}),
            "host namespaces (hostNetwork=true, hostPID=true)",
        ),
        (
            "baseline",
            pod(spec={"volumes": [{"name": "logs", "hostPath": {"path": "/"}}]}),
            'hostPath volumes (volume "logs")',
        ),
        (
            "baseline",
            pod(privileged=True),
            'privileged (container "app" must not set securityContext.privileged=true)',
        ),
        (
            "baseline",
            pod(procMount="Unmasked"),
            'procMount (container "app" must not set securityContext.procMount to "Unmasked")',
        ),
        (
            "baseline",
            pod(spec={"initContainers": [{"name": "a", "ports": [{"hostPort": 80}]}]}),
            'hostPort (container "a" uses hostPort 80)',
        ),
    ],
)
def test_each_rule_has_its_own_words(level: pod_security.Level, template: dict[str, Any], words: str) -> None:
    assert violations(inject(template, OURS), level) == (words,)
    assert violations(template, "privileged") == ()


def test_a_user_of_the_whole_pod_and_a_container_are_told_together() -> None:
    both = pod(spec={"securityContext": {"runAsUser": 0, "runAsNonRoot": False}}, runAsUser=0, runAsNonRoot=False)
    assert violations(both, "restricted") == (
        'runAsNonRoot != true (pod and container "app" must not set securityContext.runAsNonRoot=false)',
        'runAsUser=0 (pod and container "app" must not set runAsUser=0)',
    )


def test_the_user_of_an_image_is_that_of_the_last_stage() -> None:
    assert user_of("FROM a AS b\nUSER root\nFROM c\nUSER 1\nuser 10001:10001\n") == "10001:10001"
    assert user_of("FROM a AS b\nUSER 10001\nFROM c\n") == ""


def test_only_documents_that_make_pods_have_a_template() -> None:
    assert pod_template(None) is None
    assert pod_template({"kind": "Service"}) is None
    assert pod_template({"kind": "Pod", "spec": {}}) == {"kind": "Pod", "spec": {}}
    job: dict[str, Any] = {"spec": {"template": {"spec": {"containers": []}}}}
    assert pod_template({"kind": "CronJob", "spec": {"jobTemplate": job}}) == {"spec": {"containers": []}}
