"""The gate, with the real Helm: every claim of it false once, in copies of the charts broken by hand."""

import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from bootstrap.clients.command import Completed
from bootstrap.core.env import Env
from bootstrap.helm import charts
from bootstrap.lint import charts as lint
from bootstrap.lint import kubernetes_models
from bootstrap.manifest import load
from bootstrap.problems.problem import Problem, ProblemsFound
from bootstrap.stages import charts as gate

pytestmark = pytest.mark.real("helm")
DEPLOYMENT = "charts/service/templates/_deployment.tpl"
STATEFULSET = "charts/postgres/templates/statefulset.yaml"
Look = Callable[[], tuple[Problem, ...]]
Edit = Callable[[str, str, str], None]


def one(found: tuple[Problem, ...]) -> Problem:
    """The first of problems that all charts share, or the only one."""
    assert found
    assert len({problem.code for problem in found}) == 1, found
    assert all(problem.final for problem in found)
    return found[0]


def line_of(env: Env, file: str, words: str) -> int:
    lines = (env.root / "infrastructure" / file).read_text().splitlines()
    return next(number for number, text in enumerate(lines, 1) if words in text)


def with_sidecar(env: Env) -> int:
    return sum(service.app_id is not None for service in env.manifest.services.values())


def test_the_charts_as_they_are_pass(env: Env) -> None:
    assert lint.look(env) == ()
    assert gate.stage().check(env) is None


@pytest.fixture
def rendered(env: Env) -> list[str]:
    """The charts that Helm was asked to render, in no order."""
    env.state.mkdir(exist_ok=True)
    started: list[str] = []
    run = env.runner

    def told(argv: Sequence[str], **how: Any) -> Completed:
        if argv[1] == "template":
            started.append(argv[2])
        return run(argv, **how)

    env.runner = told
    return started


def test_charts_that_passed_are_not_rendered_again_until_something_changes(
    env: Env, edit: Edit, rendered: list[str]
) -> None:
    stage = gate.stage()
    stage.apply(env)
    assert sorted(rendered) == sorted(charts.names(env))
    rendered.clear()
    stage.apply(env)
    assert stage.check(env) is None
    assert rendered == []
    edit(DEPLOYMENT, "revisionHistoryLimit: 3", "revisionHistoryLimits: 3")
    with pytest.raises(ProblemsFound, match="chart-unknown-field"):
        stage.check(env)
    with pytest.raises(ProblemsFound, match="chart-unknown-field"):
        stage.apply(env)
    edit(DEPLOYMENT, "revisionHistoryLimits: 3", "revisionHistoryLimit: 3")
    rendered.clear()
    assert stage.check(env) is None
    assert rendered == [], "what passed is as it was"


@pytest.mark.parametrize(
    ("file", "wanted"),
    [
        ("infrastructure/charts/frontend/values.yaml", {"frontend"}),
        ("infrastructure/charts/postgres/templates/statefulset.yaml", {"postgres"}),
        ("services/audit-service/audit_service/main.py", {"audit-service"}),
        ("services/audit-service/Dockerfile", {"audit-service"}),
    ],
)
def test_only_the_charts_are_rendered_again_whose_parts_changed(
    env: Env, rendered: list[str], file: str, wanted: set[str]
) -> None:
    stage = gate.stage()
    stage.apply(env)
    rendered.clear()
    (env.root / file).write_text((env.root / file).read_text() + "\n# changed\n")
    stage.apply(env)
    assert stage.check(env) is None
    assert set(rendered) == wanted
    assert len(rendered) == len(wanted)


@pytest.mark.parametrize("text", ["", "[]", "3", "{", '{"frontend": 3}'])
def test_a_proof_that_cannot_be_read_proves_nothing(env: Env, rendered: list[str], text: str) -> None:
    stage = gate.stage()
    stage.apply(env)
    (env.state / "charts.json").write_text(text)
    rendered.clear()
    stage.apply(env)
    assert sorted(rendered) == sorted(charts.names(env))


@pytest.mark.closes("charts", "the API knows every field and kind", "chart-unknown-field")
def test_case_4_capabilities_for_the_whole_pod(env: Env, edit: Edit, look: Look) -> None:
    edit(
        DEPLOYMENT,
        "      automountServiceAccountToken",
        "      securityContext:\n        capabilities:\n          drop: [ALL]\n      automountServiceAccountToken",
    )
    found = look()
    assert len(found) == len(env.manifest.services), "each service's chart, all at once"
    problem = one(found)
    assert problem.code == "chart-unknown-field"
    assert problem.summary == (
        "The chart of backend-api, with values.yaml and values-local.yaml, renders Deployment backend-api wrong: "
        'unknown field "spec.template.spec.securityContext.capabilities"'
    )
    assert "capabilities belongs to spec.template.spec.containers[].securityContext.capabilities." in problem.remedy
    assert problem.where == f"infrastructure/{DEPLOYMENT}:{line_of(env, DEPLOYMENT, '        capabilities:')}"
    assert "from backend-api/templates/deployment.yaml:" in problem.evidence
    assert re.search(r"\n *\d+          capabilities:\n", problem.evidence)


def test_case_4_from_a_values_file_names_that_file(env: Env, edit: Edit, look: Look) -> None:
    edit(
        STATEFULSET,
        "        fsGroupChangePolicy: OnRootMismatch",
        "        {{- toYaml .Values.podSecurityContext | nindent 8 }}",
    )
    edit("charts/postgres/values.schema.json", '"storage": {', '"podSecurityContext": {}, "storage": {')
    edit(
        "charts/postgres/values-local.yaml", "storage:", "podSecurityContext:\n  capabilities: {drop: [ALL]}\nstorage:"
    )
    problem = one(look())
    assert problem.code == "chart-unknown-field"
    assert problem.where == "infrastructure/charts/postgres/values-local.yaml:2"


@pytest.mark.closes("charts", "the kubelet will start every container", "pod-user-breaks-non-root")
def test_case_5_a_root_pod_is_inherited_by_daprd(env: Env, edit: Edit, look: Look) -> None:
    edit(DEPLOYMENT, "      automount", "      securityContext:\n        runAsUser: 0\n      automount")
    found = [problem for problem in look() if "backend-api" in problem.summary]
    assert [problem.code for problem in found] == ["pod-user-breaks-non-root", "pod-security-violated"]
    kubelet, admission = found
    assert 'container\'s runAsUser breaks non-root policy (pod: "backend-api", container: daprd)' in kubelet.summary
    assert kubelet.where == f"infrastructure/{DEPLOYMENT}:{line_of(env, DEPLOYMENT, '        runAsUser: 0')}"
    assert admission.evidence == 'violates PodSecurity "restricted:latest": runAsUser=0 (pod must not set runAsUser=0)'
    assert not [p for p in look() if p.code == "pod-user-breaks-non-root" and "The chart of frontend" in p.summary]


@pytest.mark.closes("charts", "daprd keeps the user of its image", "pod-user-inherited")
def test_case_5_another_user_for_the_whole_pod_is_inherited_too(edit: Edit, look: Look) -> None:
    edit(DEPLOYMENT, "      automount", "      securityContext:\n        runAsUser: 10001\n      automount")
    problem = one(look())
    assert problem.code == "pod-user-inherited"
    assert "Deployment backend-api" in problem.summary


def test_case_5_a_container_as_root(edit: Edit, look: Look) -> None:
    edit(DEPLOYMENT, "            runAsUser: {{ $values.user }}", "            runAsUser: 0")
    codes = {problem.code for problem in look()}
    assert codes == {"pod-user-breaks-non-root", "pod-security-violated"}


@pytest.mark.closes(
    "charts", "the kubelet will start every container", "pod-image-runs-as-root", "pod-image-user-not-numeric"
)
@pytest.mark.parametrize(
    ("user", "code"), [("", "pod-image-runs-as-root"), ("USER appuser", "pod-image-user-not-numeric")]
)
def test_case_5_no_user_but_the_image_s(env: Env, edit: Edit, look: Look, user: str, code: str) -> None:
    edit(DEPLOYMENT, "            runAsUser: {{ $values.user }}\n", "")
    assert look() == (), "the images state a numeric user"
    file = env.root / env.manifest.services["audit-service"].path / "Dockerfile"
    file.write_text(file.read_text().replace("USER 10001:10001", user))
    problem = one(look())
    assert problem.code == code
    assert "container: audit-service)" in problem.summary


def test_case_5_pod_security_is_not_met(edit: Edit, look: Look) -> None:
    edit(DEPLOYMENT, "            allowPrivilegeEscalation: false\n", "")
    problem = one(look())
    assert problem.code == "pod-security-violated"
    assert problem.evidence.endswith(
        'allowPrivilegeEscalation != false (container "backend-api" must set '
        "securityContext.allowPrivilegeEscalation=false)"
    )


@pytest.mark.closes("charts", "services that need a sidecar ask for it", "pod-not-injected")
def test_case_5_dapr_switched_off_by_annotation(env: Env, edit: Edit, look: Look) -> None:
    edit("charts/service/templates/_dapr.tpl", 'dapr.io/enabled: "true"', 'dapr.io/enabled: "false"')
    found = look()
    assert one(found).code == "pod-not-injected"
    assert len(found) == with_sidecar(env), "the frontend has no sidecar"
    assert found[0].where == "infrastructure/charts/service/templates/_dapr.tpl:3"
    assert "infrastructure/charts/backend-api/values-local.yaml" in found[0].remedy
    for name in env.manifest.services:
        values = env.root / "infrastructure" / "charts" / name / "values-local.yaml"
        values.write_text(values.read_text().replace("service:", "service:\n  dapr:\n    enabled: false", 1))
    assert look() == (), "switched off on purpose"


@pytest.mark.closes("charts", "every field is as the API takes it", "chart-duplicate-field")
def test_case_5_dapr_switched_off_by_a_second_annotation(edit: Edit, look: Look) -> None:
    values = "charts/audit-service/values-local.yaml"
    edit(values, "service:", 'service:\n  podAnnotations:\n    dapr.io/enabled: "false"')
    assert one(look()).code == "chart-duplicate-field"


@pytest.mark.closes("charts", "the API knows every field and kind", "chart-kind-unknown")
@pytest.mark.closes("charts", "every field is as the API takes it", "chart-wrong-type", "chart-missing-field")
@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("apiVersion: apps/v1\n", "apiVersion: apps/v1beta1\n", "chart-kind-unknown"),
        ("automountServiceAccountToken: false", "automountServiceAccountToken: 3", "chart-wrong-type"),
        ("        - name: postgres\n          image", "        - image", "chart-missing-field"),
    ],
)
def test_what_the_api_does_not_take(edit: Edit, look: Look, old: str, new: str, code: str) -> None:
    edit(STATEFULSET, old, new)
    assert one(look()).code == code


@pytest.mark.closes("charts", "pods meet the Pod Security level after injection", "pod-security-violated")
def test_case_5_the_sidecar_must_meet_it_too(env: Env, edit: Edit, look: Look) -> None:
    edit("dapr-values.yaml", "sidecarDropALLCapabilities: true", "sidecarDropALLCapabilities: false")
    found = look()
    assert one(found).code == "pod-security-violated"
    assert all('container "daprd" must set securityContext.capabilities.drop=["ALL"]' in p.evidence for p in found)
    assert len(found) == with_sidecar(env), "the frontend has no sidecar"


@pytest.mark.closes("charts", "values are what the chart allows", "chart-values-invalid")
def test_a_misspelt_value_is_an_error(edit: Edit, look: Look) -> None:
    edit("charts/websocket-service/values.yaml", "strategy:", "stratgy:")
    problem = one(look())
    assert problem.code == "chart-values-invalid"
    assert "additional properties 'stratgy' not allowed" in problem.evidence


def test_a_misspelt_key_at_the_top_is_an_error(edit: Edit, look: Look) -> None:
    edit("charts/frontend/values-local.yaml", "service:", "servce:")
    assert "additional properties 'servce' not allowed" in one(look()).evidence


def test_an_image_without_a_fixed_tag_is_an_error(env: Env) -> None:
    moving = {name: f"{name}:latest" for name in env.manifest.services}
    found = lint.look(env, images=lambda _: moving)
    assert one(found).code == "chart-values-invalid"
    assert "/image/tag" in found[0].evidence


@pytest.mark.closes("charts", "every chart renders", "chart-template-broken")
def test_a_broken_template_is_pointed_at(env: Env, edit: Edit, look: Look) -> None:
    edit(DEPLOYMENT, "{{ $values.replicas }}", "{{ $values.scale.replicas }}")
    problem = one(look())
    assert problem.code == "chart-template-broken"
    assert problem.where == f"infrastructure/{DEPLOYMENT}:{line_of(env, DEPLOYMENT, 'scale')}"


@pytest.mark.closes("charts", "every chart renders", "chart-yaml-invalid")
def test_yaml_that_is_none_is_told(edit: Edit, look: Look) -> None:
    edit(DEPLOYMENT, '"service.env" . | nindent 12', '"service.env" . | nindent 1')
    assert one(look()).code == "chart-yaml-invalid"


def test_what_is_wrong_in_different_charts_is_told_at_once(edit: Edit, look: Look) -> None:
    edit("charts/frontend/values.yaml", "memory: 128Mi", "memory: 128 MB")
    edit(STATEFULSET, "serviceName:", "servceName:")
    first, second = look()
    assert (first.code, second.code) == ("chart-values-invalid", "chart-unknown-field")
    assert "The nearest field there is serviceName." in second.remedy


@pytest.mark.closes("charts", "every service has a chart", "chart-missing")
def test_a_service_without_a_chart_is_named(env: Env, look: Look) -> None:
    chart = env.root / "infrastructure" / "charts" / "audit-service"
    chart.rename(chart.with_name("audit"))
    found = look()
    assert [problem.code for problem in found] == ["chart-missing", "chart-values-invalid"]
    assert found[0].summary == "There is no chart audit-service."


def test_a_library_that_is_gone_is_named(env: Env) -> None:
    chart = env.root / "infrastructure" / "charts" / "service"
    chart.rename(env.root / "elsewhere")
    with pytest.raises(ProblemsFound, match=r"chart-missing: There is no chart service\."):
        gate.stage().check(env)


@pytest.mark.closes("charts", "it is known how sidecars are made", "dapr-values-unreadable")
@pytest.mark.parametrize("text", [None, "a: [", "[]", "dapr_sidecar_injector: 3", ""])
def test_dapr_s_values_must_tell_how_sidecars_are_made(env: Env, look: Look, text: str | None) -> None:
    file = env.root / "infrastructure" / "dapr-values.yaml"
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    with pytest.raises(ProblemsFound, match="dapr-values-unreadable"):
        look()


@pytest.mark.closes("charts", "every chart renders", "chart-not-rendered")
@pytest.mark.parametrize(
    ("text", "code"),
    [
        *(("a: [", "chart-yaml-invalid"), ("dependencies: 3", "chart-yaml-invalid"), ("\x00", "chart-yaml-invalid")),
        *(("dependencies: [3]", "chart-yaml-invalid"), ("", "chart-not-rendered")),
    ],
)
def test_a_broken_chart_is_left_to_helm_to_explain(env: Env, look: Look, text: str, code: str) -> None:
    (env.root / "infrastructure" / "charts" / "frontend" / "Chart.yaml").write_text(text)
    [problem] = look()
    assert problem.code == code
    assert "frontend" in problem.summary
    assert problem.evidence


def pin(env: Env, step: int) -> None:
    """A Kubernetes so many minor versions away from the schema at hand."""
    minor = int(kubernetes_models.kubernetes_version().removeprefix("1.")) + step
    cluster = env.manifest.cluster.model_copy(update={"kubernetes": f"1.{minor}.0"})
    env.manifest = env.manifest.model_copy(update={"cluster": cluster})


@pytest.mark.parametrize("step", [-2, -1, 1, 2])
def test_another_kubernetes_than_that_of_the_schema_is_not_refused(env: Env, look: Look, step: int) -> None:
    pin(env, step)
    assert look() == ()


@pytest.mark.parametrize("step", [-1, 0, 1])
def test_a_field_that_a_newer_kubernetes_may_have_is_left_to_helm(env: Env, edit: Edit, look: Look, step: int) -> None:
    edit("charts/service/templates/_deployment.tpl", "  replicas:", "  replicaz:")
    pin(env, step)
    codes = {problem.code for problem in look()}
    assert ("chart-unknown-field" in codes) is (step <= 0)


def test_a_chart_can_be_rendered_by_hand_from_its_assembled_copy(env: Env, tmp_path: Path) -> None:
    source = charts.folder(env) / "backend-api"
    (source / "charts").mkdir()
    (source / "charts" / "service-0.0.9.tgz").write_text("of an older day")
    whole = charts.assemble(charts.folder(env), "backend-api", tmp_path)
    assert [path.name for path in (whole / "charts").iterdir()] == ["service"]
    assert not (source / "charts" / "service").exists(), "the checkout stays as it was"


def test_another_service_is_a_chart_and_a_few_lines(env: Env) -> None:
    root, port = env.root, 1 + max(service.port for service in env.manifest.services.values())
    shutil.copytree(root / "services" / "audit-service", root / "services" / "billing")
    (root / "services" / "billing" / "audit_service").rename(root / "services" / "billing" / "billing")
    chart = root / "infrastructure" / "charts" / "billing"
    shutil.copytree(chart.with_name("audit-service"), chart)
    (chart / "Chart.yaml").write_text((chart / "Chart.yaml").read_text().replace("audit-service", "billing"))
    manifest = root / "environment.toml"
    manifest.write_text(
        f'{manifest.read_text()}\n[services.billing]\npath = "services/billing"\nport = {port}\napp_id = "billing"\n'
    )
    more = Env(manifest=load(manifest), environ=env.environ)
    assert charts.names(more) == (*env.manifest.services, "billing", "postgres")
    assert lint.look(more) == ()
