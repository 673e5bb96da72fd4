"""One service of this project on the double of the API server, with everything as the gate wants it."""

import base64
import gzip
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from docker.errors import ImageNotFound

from bootstrap.clients.http import Answer
from bootstrap.clients.kubernetes_api import Cluster, Document
from bootstrap.core.env import Env, owner_of
from bootstrap.dapr import canary
from bootstrap.helm import releases
from bootstrap.images import layout
from bootstrap.images.layout import Engine
from bootstrap.manifest import load
from bootstrap.problems.problem import Problem
from bootstrap.stages import release
from tests.apiserver.resources import Resource
from tests.apiserver.server import ApiServer
from tests.dapr.conftest import ROOT, bundle, daprd
from tests.doubles import told

CHECKOUT = Path(__file__).resolve().parents[2]
NAME = "audit-service"
ID = "sha256:" + "1" * 64
LABELS = {"app.kubernetes.io/name": NAME, "app.kubernetes.io/instance": NAME}
DAPR = {"dapr.io/enabled": "true"}
TIME = "2026-11-22T19:51:37Z"
KEPT = base64.b64encode(base64.b64encode(gzip.compress(b'{"manifest": ""}'))).decode()  # a revision of no objects
METADATA = {
    "runtimeVersion": "1.18.1",
    "components": [{"name": "pubsub"}, {"name": "statestore"}],
    "subscriptions": [{"topic": "task-events", "deadLetterTopic": "task-events-dead"}],
}


class Listening(Cluster):
    """The door to the double, with sidecars behind it that tell `METADATA`."""

    metadata_of_sidecars: Mapping[str, Any] = METADATA

    def ask_pod(self, namespace: str, pod: str, port: int, path: str, seconds: float = 5.0) -> Answer:
        assert (port, path) == (3500, "/v1.0/metadata")
        return Answer(200, json.dumps(self.metadata_of_sidecars))


@dataclass
class World:
    """The service's release, Deployment and pod. A test breaks one thing, and asks the gate."""

    api: ApiServer
    env: Env
    cluster: Listening
    said: list[str] = field(default_factory=list)
    images: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    injects: bool = True  # whether Dapr's webhook answers

    @property
    def reference(self) -> str:
        return layout.reference(self.env, NAME)

    def look(self) -> Problem | None:
        return told(release.stage(NAME, (), self.urls, self.engine).check, self.env)

    def apply(self) -> None:
        release.stage(NAME, (), self.urls, self.engine).apply(self.env)

    @staticmethod
    def urls(_: Env) -> dict[str, str]:
        return {"frontend": "http://127.0.0.1:30080"}

    def engine(self, _: Env) -> Engine:
        def get(reference: str) -> Any:
            if reference not in self.images:
                raise ImageNotFound(f"No such image: {reference}")
            return SimpleNamespace(attrs=self.images[reference], id=self.images[reference]["Id"])

        return Engine(cast(Any, SimpleNamespace(images=SimpleNamespace(get=get))), {})

    def pod(self, name: str = f"{NAME}-1", **changes: Any) -> dict[str, Any]:
        """A pod that runs, as the API shows it, changed below `metadata`, `spec` or `status`, and stored."""
        containers = [{"name": NAME, "image": self.reference}, {"name": "daprd", "image": "daprio/daprd:1.18.1"}]
        running = {"running": {"startedAt": TIME}}
        statuses = [
            {"name": NAME, "ready": True, "restartCount": 0, "state": running, "imageID": f"docker://{ID}"},
            {"name": "daprd", "ready": True, "restartCount": 0, "state": running, "imageID": "docker://sha256:2"},
        ]
        conditions = [{"type": kind, "status": "True", "lastTransitionTime": TIME} for kind in CONDITIONS]
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "taskapp", "labels": LABELS, "annotations": DAPR},
            "spec": {"containers": containers},
            "status": {"phase": "Running", "containerStatuses": statuses, "conditions": conditions},
        }
        for part, change in changes.items():
            body[part] = {**cast(dict[str, Any], body[part]), **change}
        return self.api.put(body)

    def release(self, status: str = "deployed", digest: str = "") -> None:
        """Helm's revision 1 of the service, made from what the checkout has now unless `digest` is given."""
        with release.parts(self.env, NAME, self.urls) as made_of:
            wanted = releases.digest(*made_of)
        facts = {"owner": "helm", "name": NAME, "status": status, "version": "1", "modifiedAt": "1795391314"}
        ours = {"inv/digest": digest or wanted, "inv/owner": owner_of(self.env.root)}
        meta = {"name": f"sh.helm.release.v1.{NAME}.v1", "namespace": "taskapp", "labels": facts | ours}
        self.api.put({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": {"release": KEPT}})

    def deployment(self, **status: Any) -> None:
        counts = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1}
        told = counts | {"availableReplicas": 1} | status
        meta = {"name": NAME, "namespace": "taskapp", "labels": LABELS, "generation": 1}
        spec = {"replicas": 1, "selector": {"matchLabels": LABELS}, "template": {"metadata": {"labels": LABELS}}}
        self.api.put({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec, "status": told})

    def answer(self, path: str, status: int, document: Mapping[str, Any]) -> None:
        """What the service answers a pod that asks through its Service."""
        self.answers[path] = Answer(status, json.dumps(document))

    def _inject(self, resource: Resource, new: Document, _: Document) -> str | None:
        if resource.plural == "pods" and new["metadata"]["name"] == canary.APP and self.injects:
            new["spec"]["containers"].append(daprd(ROOT))
        return None

    def _probed(self, at: str, query: Mapping[str, str]) -> tuple[int, str]:
        base, _, path = query["url"].rpartition("/")
        found = self.answers.get(path) if base == f"http://{NAME}.taskapp:8084" else None
        if found is None:
            return 200, json.dumps({"error": f"no answer from {query['url']}"})
        return 200, json.dumps({"status": found.status, "body": found.text})


CONDITIONS = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")


def world(api: ApiServer, root: Path) -> World:
    shutil.copytree(CHECKOUT / "infrastructure", root / "infrastructure")
    ignored = shutil.ignore_patterns("tests", "static", "__pycache__")
    shutil.copytree(CHECKOUT / "services", root / "services", ignore=ignored)
    shutil.copy(CHECKOUT / "environment.toml", root)
    said: list[str] = []
    env = Env(manifest=load(root / "environment.toml"), environ={}, place="minikube", notify=said.append)
    api.kubeconfig(env.kubeconfig, env.context)
    cluster = Listening.connect(env.kubeconfig, env.context)
    assert isinstance(cluster, Listening)
    env.cluster_at = lambda *_: cluster
    api.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "taskapp"}})
    made = World(api, env, cluster, said)
    api.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "dapr-system"}})
    api.put(bundle(ROOT))
    made.images[made.reference] = {"Id": ID, "Config": {"User": "10001:10001"}}
    made.release()
    made.deployment()
    made.pod()
    version = made.reference.rpartition(":")[2]
    made.answer("healthz", 200, {"status": "ok", "service": NAME, "version": version})
    made.answer("readyz", 200, {"status": "ready"})
    api.admit(made._inject)
    api.proxy("taskapp", "pods", "http:inv-probe:8000", made._probed)
    return made
