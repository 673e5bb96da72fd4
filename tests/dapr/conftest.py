"""An environment whose cluster is the double, with a small chart in the place of Dapr's and an injector at work."""

import io
import os
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from bootstrap.cluster import namespaces
from bootstrap.core.env import Env
from tests.apiserver import ApiServer, Document
from tests.apiserver.resources import Resource

CHECKOUT = Path(__file__).resolve().parents[2]
VERSION = "1.18.1"  # as in tests.doubles.MANIFEST
ROOT = (CHECKOUT / "tests/recorded/dapr/root-one.crt").read_text()
OTHER_ROOT = (CHECKOUT / "tests/recorded/dapr/root-two.crt").read_text()
KINDS = {
    "Component": "components",
    "Configuration": "configurations",
    "Resiliency": "resiliencies",
    "Subscription": "subscriptions",
}


def definition(kind: str) -> Document:
    """A custom resource definition as Dapr's chart has it; that of subscriptions with its conversion webhook."""
    plural, version = KINDS[kind], "v2alpha1" if kind == "Subscription" else "v1alpha1"
    spec: Document = {
        "group": "dapr.io",
        "scope": "Namespaced",
        "names": {"kind": kind, "plural": plural},
        "versions": [{"name": version, "served": True, "storage": True}],
    }
    if kind == "Subscription":
        service = {"namespace": "replaceme", "name": "dapr-webhook", "path": "/convert"}
        spec["conversion"] = {"strategy": "Webhook", "webhook": {"clientConfig": {"service": service}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.dapr.io"},
        "spec": spec,
    }


def deployment(name: str) -> Document:
    """A workload of the control plane, as small as the API takes it."""
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": f"{name}:1"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
    }


def archive(folder: Path, version: str = VERSION, more: Mapping[str, str] | None = None) -> Path:
    """An archive as Dapr's chart is one: its definitions, and its three deployments."""
    workloads = [deployment(name) for name in ("dapr-operator", "dapr-sentry", "dapr-sidecar-injector")]
    empty = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "dapr-trust-bundle"}}
    files = {
        "dapr/Chart.yaml": yaml.safe_dump({"apiVersion": "v2", "name": "dapr", "version": version}),
        "dapr/crds/all.yaml": yaml.safe_dump_all(definition(kind) for kind in KINDS),
        "dapr/templates/all.yaml": yaml.safe_dump_all([*workloads, empty]),
        **(more or {}),
    }
    target = folder / f"dapr-{version}.tgz"
    with tarfile.open(target, "w:gz") as packed:
        for name, text in files.items():
            facts = tarfile.TarInfo(name)
            facts.size = len(text.encode())
            packed.addfile(facts, io.BytesIO(text.encode()))
    return target


def bundle(root: str) -> Document:
    """The ConfigMap in which Sentry publishes its root certificate."""
    helm = {"meta.helm.sh/release-name": "dapr", "meta.helm.sh/release-namespace": "dapr-system"}
    meta: Document = {"name": "dapr-trust-bundle", "namespace": "dapr-system", "annotations": helm}
    meta["labels"] = {"app.kubernetes.io/managed-by": "Helm"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"ca.crt": root}}


def daprd(root: str) -> Document:
    """The sidecar as the injector makes it."""
    env = [{"name": "DAPR_TRUST_ANCHORS", "value": root}]
    return {"name": "daprd", "image": f"daprd:{VERSION}", "args": ["/daprd", "--enable-mtls"], "env": env}


def inject(resource: Resource, pod: Document, namespace: Document) -> str | None:
    """Dapr's injector, in a few lines."""
    annotations = pod["metadata"].get("annotations", {})
    if resource.plural == "pods" and annotations.get("dapr.io/enabled") == "true":
        names = [container["name"] for container in pod["spec"]["containers"]]
        if "daprd" not in names:
            pod["spec"]["containers"].append(daprd(ROOT))
    return None


@pytest.fixture
def env(cluster_env: Env, api: ApiServer, tmp_path: Path) -> Env:
    """`cluster_env` with the infrastructure of this checkout, its namespaces, and INV_DAPR_CHART."""
    shutil.copytree(CHECKOUT / "infrastructure", cluster_env.root / "infrastructure")
    namespaces.ensure(cluster_env)
    tools = {name: os.environ[name] for name in ("PATH", "HELM") if name in os.environ}
    cluster_env.environ = {**cluster_env.environ, **tools, "INV_DAPR_CHART": str(archive(tmp_path))}
    return cluster_env


@pytest.fixture
def kinds(api: ApiServer) -> None:
    """Dapr's custom resource definitions are there."""
    for kind in KINDS:
        api.put(definition(kind))


@pytest.fixture
def injector(api: ApiServer) -> None:
    """The injector runs, and the API server asks it."""
    api.admit(inject)
    api.put(bundle(ROOT))
    metadata = {
        "name": "dapr-sidecar-injector-1",
        "namespace": "dapr-system",
        "labels": {"app": "dapr-sidecar-injector"},
    }
    spec = {"containers": [{"name": "main", "image": "injector:1"}]}
    api.put({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
