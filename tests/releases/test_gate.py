"""The gate of a service on a cluster: open when all is well, and closed by each thing alone."""

import pytest

from bootstrap.helm import charts
from tests.apiserver.statuses import Refused
from tests.releases.world import LABELS, METADATA, NAME, World


def code(audit: World) -> str | None:
    found = audit.look()
    return found.code if found else None


def test_it_is_open_when_all_is_well_and_asks_little(audit: World) -> None:
    before = len(audit.api.requests)
    assert audit.look() is None
    asked = [one.path for one in audit.api.requests[before:]]
    assert len(asked) <= 9, asked
    assert {one.method for one in audit.api.requests[before:]} == {"GET"}


def test_a_release_that_is_not_there(audit: World) -> None:
    audit.api.remove("v1", "secrets", "taskapp", f"sh.helm.release.v1.{NAME}.v1")
    assert code(audit) == "release-differs"


@pytest.mark.parametrize("status", ["failed", "pending-upgrade", "uninstalling"])
def test_a_release_that_is_not_deployed(audit: World, status: str) -> None:
    audit.release(status)
    found = audit.look()
    assert found is not None
    assert (found.code, found.final) == ("release-differs", True)
    assert status in found.summary


@pytest.mark.closes("each service (minikube)", "the release is that of the checkout", "release-differs")
def test_a_release_made_from_something_else(audit: World) -> None:
    chart = audit.env.root / "infrastructure" / "charts" / "service" / "templates" / "_service.tpl"
    chart.write_text(chart.read_text() + "\n")
    found = audit.look()
    assert found is not None
    assert found.code == "release-differs"
    assert "another chart" in found.summary


@pytest.mark.closes("each service (minikube)", "it is rolled out", "rollout-waiting")
def test_a_rollout_that_is_not_at_its_end(audit: World) -> None:
    audit.deployment(updatedReplicas=0, readyReplicas=0, availableReplicas=0, unavailableReplicas=1)
    found = audit.look()
    assert found is not None
    assert found.code == "rollout-waiting"
    assert not found.final


@pytest.mark.closes("each service (minikube)", "every pod has its sidecar", "sidecar-missing")
def test_a_pod_without_its_sidecar_is_named_before_what_comes_of_it(audit: World) -> None:
    audit.deployment(readyReplicas=0, availableReplicas=0, unavailableReplicas=1)
    audit.pod(spec={"containers": [{"name": NAME, "image": audit.reference}]})
    found = audit.look()
    assert found is not None
    assert (found.code, found.final) == ("sidecar-missing", True)
    assert f"--context {audit.env.context} --namespace dapr-system" in found.remedy


def test_a_service_whose_chart_switches_dapr_off_needs_no_sidecar(audit: World) -> None:
    values = audit.env.root / "infrastructure" / "charts" / NAME / "values-local.yaml"
    values.write_text("service:\n  dapr:\n    enabled: false\n")
    audit.release()
    audit.pod(spec={"containers": [{"name": NAME, "image": audit.reference}]}, metadata={"annotations": {}})
    audit.cluster.metadata_of_sidecars = {}
    assert not charts.dapr_enabled(audit.env, NAME)
    assert code(audit) is None


def test_which_services_have_dapr(audit: World) -> None:
    services = audit.env.manifest.services
    assert {name: charts.dapr_enabled(audit.env, name) for name in services} == {
        name: name != "frontend" for name in services
    }
    library = audit.env.root / "infrastructure" / "charts" / "service" / "values.yaml"
    library.write_text(library.read_text().replace("  enabled: true", "  enabled: false"))
    assert not any(charts.dapr_enabled(audit.env, name) for name in services)


@pytest.mark.closes("each service (minikube)", "pods run the image that was built", "image-missing")
def test_an_image_that_the_engine_does_not_have(audit: World) -> None:
    audit.images.clear()
    found = audit.look()
    assert found is not None
    assert (found.code, found.final) == ("image-missing", True)


@pytest.mark.closes("each service (minikube)", "it answers through its Service", "service-unreachable")
def test_a_service_that_does_not_answer_through_its_service(audit: World) -> None:
    del audit.answers["healthz"]
    meta: dict[str, object] = {"name": NAME, "namespace": audit.env.manifest.namespace}
    assert code(audit) == "service-missing"
    audit.api.put({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": LABELS}})
    assert code(audit) == "service-selects-nothing"
    meta |= {"labels": {"kubernetes.io/service-name": NAME}}
    ready = [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}]
    audit.api.put({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": meta, "endpoints": ready})
    found = audit.look()
    assert found is not None
    assert (found.code, found.final) == ("service-unreachable", False)
    assert "GET http://audit-service.taskapp:8084/healthz" in found.evidence


def test_another_service_that_answers_in_its_place(audit: World) -> None:
    audit.answer("healthz", 200, {"status": "ok", "service": "frontend", "version": "x"})
    assert code(audit) == "service-unreachable"


@pytest.mark.closes("each service (minikube)", "it says the version of the checkout", "service-stale")
def test_a_service_of_another_version(audit: World) -> None:
    audit.answer("healthz", 200, {"status": "ok", "service": NAME, "version": "old"})
    assert code(audit) == "service-stale"


@pytest.mark.closes("each service (minikube)", "it is ready", "service-not-ready")
def test_a_service_that_is_not_ready(audit: World) -> None:
    audit.answer("readyz", 503, {"status": "not ready", "checks": {"sidecar": "away"}})
    found = audit.look()
    assert found is not None
    assert found.code == "service-not-ready"
    assert "sidecar: away" in found.summary
    assert "away" in found.evidence


@pytest.mark.closes(
    "each service (minikube)",
    "the sidecar has loaded what is its own",
    "sidecar-version-differs",
    "component-not-loaded",
    "subscription-not-registered",
)
@pytest.mark.parametrize(
    ("part", "closed_by"),
    [
        ("components", "component-not-loaded"),
        ("subscriptions", "subscription-not-registered"),
        ("runtimeVersion", "sidecar-version-differs"),
    ],
)
def test_a_sidecar_that_has_not_loaded_what_is_its_own(audit: World, part: str, closed_by: str) -> None:
    audit.cluster.metadata_of_sidecars = {key: value for key, value in METADATA.items() if key != part}
    assert code(audit) == closed_by


@pytest.mark.closes("each service (minikube)", "the cluster answers", "cluster-unreachable")
def test_a_cluster_that_does_not_answer_for_a_moment_is_waited_for(audit: World) -> None:
    audit.api.refuse_connections()
    found = audit.look()
    assert found is not None
    assert (found.code, found.final) == ("cluster-unreachable", False)
    audit.api.mend()
    assert code(audit) is None


def test_a_refusal_is_told_with_the_api_s_words(audit: World) -> None:
    audit.api.fault(path="/secrets", refused=Refused(403, "secrets is forbidden: User cannot list"))
    found = audit.look()
    assert found is not None
    assert "secrets is forbidden" in found.evidence
