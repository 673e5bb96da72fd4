"""A small environment with a scripted minikube, a scripted engine, and an API server over HTTP."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bootstrap.cluster import probe
from bootstrap.core.env import Env
from bootstrap.stages import cluster
from tests.apiserver import ApiServer, Document
from tests.doubles import small_env
from tests.minikube.doubles import Machine, Minikube


@dataclass
class World:
    """Everything around the stage. `said` is what the user read."""

    env: Env
    api: ApiServer
    minikube: Minikube
    machine: Machine
    said: list[str] = field(default_factory=list)

    def up(self) -> None:
        """The cluster runs, and our kubeconfig leads to it."""
        self.api.kubeconfig(self.env.kubeconfig, self.env.context)

    def resolves(self, address: str = "10.96.0.1") -> None:
        """The probe runs and finds that address for every name; "": it finds none."""
        pod = f"http:{probe.NAME}:8000"
        self.api.proxy(self.env.manifest.namespace, "pods", pod, lambda *_: (200, f'{{"address": "{address}"}}'))


def scene(api: ApiServer) -> None:
    """What a fresh cluster holds."""
    api.put(node())
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"}
    api.put(
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": "standard", "annotations": annotations},
            "provisioner": "k8s.io/minikube-hostpath",
        }
    )
    for kind, name in (("Deployment", "coredns"), ("DaemonSet", "kube-proxy")):
        api.put(part(kind, name))
    api.put(provisioner())
    api.admit(pod_security)


def part(kind: str, name: str) -> Document:
    """A workload of kube-system, as minikube makes it."""
    labels = {"k8s-app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": name, "image": f"{name}:1"}]}}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    spec |= {"replicas": 1} if kind == "Deployment" else {}
    meta = {"name": name, "namespace": "kube-system", "generation": 1}
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1)
    status = {"observedGeneration": 1, **counts}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": meta, "spec": spec, "status": status}


def provisioner(state: Document | None = None, restarts: int = 0, **more: Any) -> Document:
    """The pod that makes the volumes of the class `standard`, as minikube's addon makes it; it runs."""
    told = state or {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
    is_up = "running" in told
    conditions = [{"type": "Ready", "status": str(is_up)}, {"type": "PodScheduled", "status": "True"}]
    status = {"name": "storage-provisioner", "ready": is_up, "restartCount": restarts, "state": told, **more}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "storage-provisioner", "namespace": "kube-system"},
        "spec": {"containers": [{"name": "storage-provisioner", "image": "storage-provisioner:v5"}]},
        "status": {"phase": "Running", "conditions": conditions, "containerStatuses": [status]},
    }


def node(ready: str = "True", **conditions: str) -> Document:
    found = {"Ready": ready, "MemoryPressure": "False", "DiskPressure": "False", "PIDPressure": "False", **conditions}
    status: dict[str, Any] = {
        "conditions": [{"type": kind, "status": is_so, "message": f"about {kind}"} for kind, is_so in found.items()],
        "addresses": [{"type": "InternalIP", "address": "192.168.49.2"}],
    }
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "small"}, "spec": {}, "status": status}


def pod_security(resource: Any, new: Document, namespace: Document) -> str | None:
    """As Pod Security Admission refuses; here only what is privileged."""
    level = namespace.get("metadata", {}).get("labels", {}).get("pod-security.kubernetes.io/enforce", "privileged")
    if resource.plural != "pods" or level == "privileged":
        return None
    for container in new["spec"]["containers"]:
        if container.get("securityContext", {}).get("privileged"):
            return f'violates PodSecurity "{level}:latest": privileged (container "probe" must not set it)'
    return None


@pytest.fixture
def world(api: ApiServer, tmp_path: Path) -> World:
    """No profile yet; an API server with a ready node, which `World.up` makes ours."""
    root = tmp_path / "checkout"
    root.mkdir()
    program = tmp_path / "minikube"
    program.touch(mode=0o755)
    minikube, machine = Minikube(), Machine()
    env = small_env(root, place="minikube", runner=minikube, docker_of=lambda _: machine)
    env.environ = {**env.environ, "HOME": str(tmp_path), "MINIKUBE": str(program)}
    found = World(env, api, minikube, machine)
    env.notify = found.said.append
    minikube.started = found.up
    minikube.enabled = lambda: api.put(provisioner())
    scene(api)
    found.resolves()
    return found


@pytest.fixture
def running(world: World) -> World:
    """Our cluster, green; what was done and said for it is forgotten."""
    cluster.apply(world.env)
    assert cluster.check(world.env) is None
    world.minikube.ran.clear()
    world.said.clear()
    return world
