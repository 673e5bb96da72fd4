"""The gate of a service: no pod keeps what it took at its start and has changed since."""

from typing import Any

import pytest

from bootstrap.cluster.pods import rollout
from tests.apiserver import Document
from tests.apiserver.resources import Resource
from tests.dapr.conftest import OTHER_ROOT, ROOT, daprd
from tests.releases.world import DAPR, LABELS, NAME, World

OWNER = [{"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME, "uid": "1"}]


def arrange(audit: World, sidecar: Document, **container: Any) -> None:
    """A rolled out service whose pod has that sidecar, while the injector gives the one of `ROOT`."""
    app = {"name": NAME, "image": audit.reference, **container}
    audit.deployment()
    deployed = audit.api.get("apps/v1", "deployments", "taskapp", NAME)
    assert deployed
    deployed["metadata"]["uid"] = "1"
    deployed["spec"]["template"] = {"metadata": {"labels": LABELS, "annotations": DAPR}, "spec": {"containers": [app]}}
    audit.api.put(deployed)
    meta = {"name": f"{NAME}-1", "namespace": "taskapp", "labels": LABELS, "annotations": DAPR}
    audit.pod(spec={"containers": [app, sidecar]}, metadata={**meta, "ownerReferences": OWNER})

    def inject(resource: Resource, new: Document, _: Document) -> str | None:
        if resource.plural == "pods" and new["metadata"]["name"] == f"{NAME}-dry-run":
            new["spec"]["containers"].append(daprd(ROOT))
        return None

    audit.api.admit(inject)


def restarted(audit: World) -> bool:
    audit.apply()
    deployed = audit.api.get("apps/v1", "deployments", "taskapp", NAME)
    assert deployed
    return "kubectl.kubernetes.io/restartedAt" in deployed["spec"]["template"]["metadata"]["annotations"]


def test_what_has_not_changed_is_left_alone(audit: World) -> None:
    arrange(audit, daprd(ROOT))
    assert audit.look() is None
    assert not restarted(audit)


@pytest.mark.closes(
    "each service (minikube)", "no pod keeps what has changed since it started", "sidecar-trust-outdated"
)
def test_a_sidecar_that_trusts_a_former_root_certificate_is_restarted(audit: World) -> None:
    arrange(audit, daprd(OTHER_ROOT))
    found = audit.look()
    assert found is not None
    assert (found.code, found.remedy) == ("sidecar-trust-outdated", "./inv up")
    assert restarted(audit)


@pytest.mark.closes("each service (minikube)", "no pod keeps what has changed since it started", "sidecar-outdated")
@pytest.mark.parametrize("change", [{"image": "daprd:1.17.0"}, {"args": ["/daprd"]}, {"env": [{"name": "X"}]}])
def test_a_sidecar_of_former_settings_is_restarted(audit: World, change: dict[str, Any]) -> None:
    sidecar = daprd(ROOT) | change
    sidecar["env"] = [*sidecar["env"], *([] if change.get("env") is None else daprd(ROOT)["env"])]
    arrange(audit, sidecar)
    found = audit.look()
    assert found is not None
    assert found.code == "sidecar-outdated"
    assert restarted(audit)


@pytest.mark.closes(
    "each service (minikube)", "no pod keeps what has changed since it started", "pod-settings-outdated"
)
@pytest.mark.parametrize(("time", "is_old"), [("2026-11-22T19:51:38Z", True), ("2026-11-22T19:51:36Z", False)])
def test_a_config_map_that_changed_after_the_start(audit: World, time: str, is_old: bool) -> None:
    managed = [{"manager": "kubectl", "time": time, "fieldsV1": {"f:data": {}}}]
    meta = {"name": "settings", "namespace": "taskapp", "managedFields": managed}
    audit.api.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"A": "b"}})
    arrange(audit, daprd(ROOT), envFrom=[{"configMapRef": {"name": "settings"}}])
    found = audit.look()
    assert (found.code if found else "") == ("pod-settings-outdated" if is_old else "")
    assert restarted(audit) == is_old
    assert rollout.newest(audit.env, "deployments", "nothing", "taskapp") == frozenset()
