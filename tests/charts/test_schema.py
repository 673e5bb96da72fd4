"""The schema walker: what the API would drop or refuse, with path, line, template, and where a field belongs."""

import string
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bootstrap.lint import source_lines
from bootstrap.lint.kubernetes_models import inside, shape
from bootstrap.lint.schema import Finding, findings

RECORDED = Path(__file__).parents[1] / "recorded" / "kubernetes"
DEPLOYMENT = """\
---
# Source: shop/templates/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
  labels:
    app: shop
spec:
  replicas: 1
  selector:
    matchLabels:
      app: shop
  template:
    metadata:
      labels:
        app: shop
    spec:
      containers:
        - name: shop
          image: shop:1
          ports:
            - containerPort: 8080
          env:
            - name: PORT
              value: "8080"
          resources:
            limits:
              cpu: 1
              memory: 64Mi
          livenessProbe:
            httpGet:
              path: /healthz
              port: http
"""


def only(text: str) -> Finding:
    [found] = findings(text)
    return found


def test_a_good_document_has_no_finding() -> None:
    assert list(findings(DEPLOYMENT)) == []
    assert list(findings("")) == []
    assert list(findings("---\n# Source: x\n---\n" + DEPLOYMENT)) == []


def test_the_recorded_warning_is_found_before_the_api_server_says_it() -> None:
    case = RECORDED / "unknown-field-pod-capabilities"
    found = only((case / "manifest.yaml").read_text())
    assert found.what in (case / "apply-warn.stderr.txt").read_text()
    assert found.what == 'unknown field "spec.template.spec.securityContext.capabilities"'
    assert found.advice == "capabilities belongs to spec.template.spec.containers[].securityContext.capabilities."
    assert (found.line, found.document) == (25, "Deployment backend-api")


def test_a_finding_names_template_line_and_path() -> None:
    found = only("---\n# Source: a/templates/b.yaml\n# c\n" + DEPLOYMENT.replace("    spec:", "    spec:\n      x: 1"))
    assert found.source == "shop/templates/deployment.yaml"
    assert (found.path, found.line) == ("spec.template.spec.x", 22)


def test_a_misspelt_field_gets_the_nearest_one() -> None:
    found = only(DEPLOYMENT.replace("replicas:", "replica:"))
    assert found.code == "chart-unknown-field"
    assert found.advice == "The nearest field there is replicas."


def test_fields_at_the_wrong_level_get_their_place() -> None:
    def place(line: str) -> str:
        return only(DEPLOYMENT.replace("      containers:", f"      {line}\n      containers:")).advice

    assert place("imagePullPolicy: Never") == (
        "imagePullPolicy belongs to spec.template.spec.containers[].imagePullPolicy."
    )
    assert place("runAsNonRoot: true") == "runAsNonRoot belongs to spec.template.spec.securityContext.runAsNonRoot."
    assert place("replicas: 2") == "replicas belongs to spec.replicas."
    assert place("matchLabels: {a: b}").startswith("matchLabels belongs to spec.")


def test_a_wrong_type_says_what_it_must_be() -> None:
    found = only(DEPLOYMENT.replace('value: "8080"', "value: 8080"))
    assert (found.code, found.path) == ("chart-wrong-type", "spec.template.spec.containers[0].env[0].value")
    assert (found.what, found.advice) == (f'field "{found.path}" is 8080', "It must be a string.")
    assert only(DEPLOYMENT.replace("replicas: 1", 'replicas: "1"')).advice == "It must be a whole number."
    assert only(DEPLOYMENT.replace("ports:\n            - ", "ports:\n              ")).advice == "It must be a list."
    assert only(DEPLOYMENT.replace("image: shop:1", "image: [a]")).advice == "It must be one value."
    assert only(DEPLOYMENT.replace("app: shop\nspec", "app: true\nspec")).path == "metadata.labels.app"


def test_what_is_required_must_be_there_and_null_is_not() -> None:
    for text in (
        DEPLOYMENT.replace("        - name: shop\n          image", "        - image"),
        DEPLOYMENT.replace("- name: shop\n", "- name: null\n"),
    ):
        assert only(text).what == 'missing field "spec.template.spec.containers[0].name"'


def test_what_makes_pods_has_a_spec_though_the_schema_does_not_say_so() -> None:
    head, _, tail = DEPLOYMENT.partition("\nspec:")
    assert only(f"{head}\nspec:\n").path == "spec"
    assert only(f"{head}\nspec:{tail.partition('    spec:')[0]}").path == "spec.template.spec"


def test_a_key_that_stands_twice_is_found() -> None:
    found = only(DEPLOYMENT.replace("  replicas: 1", "  replicas: 1\n  replicas: 2"))
    assert (found.code, found.path, found.line) == ("chart-duplicate-field", "spec.replicas", 11)


def test_kinds_are_those_of_the_pinned_kubernetes() -> None:
    gone = only("apiVersion: policy/v1beta1\nkind: PodSecurityPolicy\nmetadata: {name: a}\n")
    assert gone.code == "chart-kind-unknown"
    moved = only(DEPLOYMENT.replace("apps/v1", "extensions/v1beta1"))
    assert (moved.line, moved.advice) == (4, "Deployment is there in another apiVersion.")
    assert only("a: 1\n").code == "chart-kind-unknown"
    for version, kind in (
        ("v1", "Secret"),
        ("networking.k8s.io/v1", "NetworkPolicy"),
        ("rbac.authorization.k8s.io/v1", "ClusterRole"),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
        ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ):
        assert not [
            f for f in findings(f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\n") if "kind" in f.code
        ]


def test_every_document_has_a_name() -> None:
    found = only(DEPLOYMENT.replace("  name: shop\n  labels", "  labels"))
    assert (found.code, found.path) == ("chart-missing-field", "metadata.name")


def test_a_custom_resource_is_held_to_its_name_only() -> None:
    component = "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: pubsub}\nspec: {anything: 1}\n"
    assert list(findings(component)) == []
    assert only(component.replace("name: pubsub", "labels: {a: b}")).path == "metadata.name"


FIELD = st.text(string.ascii_letters, min_size=1, max_size=30)
LEVELS = (
    (),
    ("spec",),
    ("spec", "template"),
    ("spec", "template", "spec"),
    ("spec", "template", "spec", "containers", 0),
)


@settings(deadline=None)
@given(
    level=st.sampled_from(LEVELS), field=FIELD, value=st.one_of(st.none(), st.integers(), st.text(), st.just({"a": 1}))
)
def test_no_unknown_field_gets_through(level: tuple[str | int, ...], field: str, value: object) -> None:
    document = yaml.safe_load(DEPLOYMENT)
    place = document
    for step in level:
        place = place[step]
    name = f"{field}Unheard"
    place[name] = value
    found = only(yaml.safe_dump(document))
    assert (found.code, found.path.rpartition(".")[2]) == ("chart-unknown-field", name)
    assert found.advice


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=12,
    )
)
def test_no_document_makes_the_walker_fail(document: object) -> None:
    list(findings(yaml.safe_dump(document)))
    list(
        findings(
            yaml.safe_dump({"apiVersion": "apps/v1", "kind": "Deployment", "spec": document, "metadata": document})
        )
    )


def test_the_origin_is_the_template_whose_keys_fit_else_the_values_file(tmp_path: Path) -> None:
    template, values = tmp_path / "a.tpl", tmp_path / "values.yaml"
    template.write_text("spec:\n  containers:\n    - name: a\n      securityContext:\n        capabilities:\n")
    values.write_text("service:\n  podSecurityContext:\n    capabilities:\n      drop: [ALL]\n")
    of_container = source_lines.find("spec.containers[0].securityContext.capabilities", [template], [values])
    assert of_container == (template, 5)
    assert source_lines.find("spec.securityContext.capabilities", [template], [values]) == (values, 3)
    assert source_lines.find("spec.securityContext.other", [template], [values]) is None


@pytest.mark.parametrize(
    ("kind", "found", "looks"),
    [
        ("dict[str, str]", ("dict", "str"), "mapping"),
        ("dict(str, str)", ("dict", "str"), "mapping"),  # as the client writes it before 36
        ("dict(str, V1Container)", ("dict", "V1Container"), "mapping"),
        ("dict(str, list[str])", ("dict", "list[str]"), "mapping"),
        ("list[V1Container]", ("list", "V1Container"), "sequence"),
        ("V1Container", ("", "V1Container"), "mapping"),
        ("int", ("", "int"), "scalar"),
        ("object", ("", "object"), "any"),
    ],
)
def test_types_are_read_as_every_release_of_the_client_writes_them(
    kind: str, found: tuple[str, str], looks: str
) -> None:
    assert inside(kind) == found
    assert shape(kind) == looks
