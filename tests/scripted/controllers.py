"""What a cluster does by itself: pods for workloads, sidecars for pods, and that they start after a while."""

import copy
import hashlib
import itertools
import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from tests.apiserver import ApiServer, Document, Refused
from tests.apiserver.resources import Resource
from tests.dapr.conftest import OTHER_ROOT, ROOT, daprd
from tests.scripted.engine import Engine

TICK = 0.02  # seconds between two looks
READY_AFTER = 2  # ticks that a pod needs to become ready
TIME = "2020-01-01T00:00:00Z"  # before all that tests ask
DAPR = "1.18.1"
HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"


class Controllers:
    """They look at everything again and again, as the real ones do, for as long as `runs`.

    `too_large` are the apps whose pods no node has room for.
    """

    def __init__(self, api: ApiServer, node: Engine) -> None:
        self.api, self.node = api, node
        self.runs = False
        self.too_large: set[str] = set()
        self._ages: dict[str, int] = {}
        self._ended = threading.Event()
        self.roots = itertools.cycle((ROOT, OTHER_ROOT))
        api.admit(self._inject)
        self._thread = threading.Thread(target=self._turn, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._thread.join()

    def is_ready(self, namespace: str, labels: Mapping[str, str]) -> Document | None:
        """A ready pod with those labels."""
        for pod in self._of("v1", "pods", namespace):
            has = pod["metadata"].get("labels", {})
            if all(has.get(key) == value for key, value in labels.items()) and _is_ready(pod):
                return pod
        return None

    def restarted(self) -> None:
        """The node was started anew: every pod has to become ready again."""
        with self.api.store.lock:
            self._ages.clear()
            for pod in self._of("v1", "pods"):
                if pod["metadata"]["namespace"] != "kube-system":
                    self.api.put({**pod, "status": {"phase": "Pending"}})

    def _turn(self) -> None:
        while not self._ended.wait(TICK):
            with self.api.store.lock:
                if self.runs:
                    for kind in ("deployments", "statefulsets"):
                        for workload in self._of("apps/v1", kind):
                            self._reconcile(workload, kind)
                    for pod in self._of("v1", "pods"):
                        self._start(pod)
                    self._publish()

    def _publish(self) -> None:
        """Sentry: where it runs and finds no root certificate, it makes another one."""
        found = self.api.get("v1", "configmaps", "dapr-system", "dapr-trust-bundle")
        if found and not found.get("data") and self.is_ready("dapr-system", {"app": "dapr-sentry"}):
            self.api.put({**found, "data": {"ca.crt": next(self.roots)}})

    def _of(self, version: str, plural: str, namespace: str = "") -> list[Document]:
        return self.api.store.list(self.api.store.resource(version, plural), namespace)

    def _reconcile(self, workload: Document, kind: str) -> None:
        meta, template = workload["metadata"], workload["spec"]["template"]
        mark = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:10]
        maker = self._replica_set(workload, mark) if kind == "deployments" else workload
        pods = [one for one in self._of("v1", "pods", meta["namespace"]) if _owner(one) == maker["metadata"]["uid"]]
        pods = [one for one in pods if one["metadata"]["labels"][HASH] == mark]
        wanted, refused = workload["spec"].get("replicas", 1), ""
        for number in range(len(pods), wanted):
            try:
                pods.append(self._create(maker, template, mark, f"{meta['name']}-{number}", kind))
            except Refused as words:
                refused = words.message
        ready = sum(_is_ready(pod) for pod in pods)
        if ready >= wanted or kind == "statefulsets":
            self._remove_former(workload, mark)
        former = self._former(workload, mark)
        conditions = [{"type": "ReplicaFailure", "status": "True", "message": refused}] if refused else []
        if kind == "deployments" and maker.get("status", {}).get("conditions", []) != conditions:
            self.api.put({**maker, "status": {"conditions": conditions}})
        status = {
            "observedGeneration": meta.get("generation", 1),
            "replicas": len(pods) + len(former),
            "updatedReplicas": len(pods),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "conditions": conditions,
        }
        if workload.get("status") != status:
            self.api.put({**workload, "status": status})

    def _replica_set(self, workload: Document, mark: str) -> Document:
        """The newest one, which carries the highest revision; the Deployment carries the same."""
        meta = workload["metadata"]
        name, all_ = f"{meta['name']}-{mark}", self._of("apps/v1", "replicasets", meta["namespace"])
        mine = {one["metadata"]["name"]: one for one in all_ if _owner(one) == meta["uid"]}
        highest = max((_revision(one) for one in mine.values()), default=0)
        found = mine.get(name)
        if found is None or _revision(found) < highest:
            told = {"name": name, "namespace": meta["namespace"], "ownerReferences": _owned_by(workload)}
            told = {**(found or {}).get("metadata", told), "annotations": {REVISION: str(highest + 1)}}
            body = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": told, "spec": workload["spec"]}
            found = self.api.put(body)
        if _revision(workload) != _revision(found):
            meta["annotations"] = {**meta.get("annotations", {}), REVISION: str(_revision(found))}
            self.api.put(workload)
        return found

    def _create(self, maker: Document, template: Document, mark: str, name: str, kind: str) -> Document:
        meta = copy.deepcopy(template.get("metadata", {}))
        meta["labels"] = {**meta.get("labels", {}), HASH: mark}
        meta |= {"ownerReferences": _owned_by(maker)}
        meta |= {"generateName": f"{maker['metadata']['name']}-"} if kind == "deployments" else {"name": name}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": copy.deepcopy(template["spec"])}
        store = self.api.store
        return store.create(store.resource("v1", "pods"), maker["metadata"]["namespace"], body)

    def _former(self, workload: Document, mark: str) -> list[Document]:
        meta, chosen = workload["metadata"], workload["spec"]["selector"]["matchLabels"].items()
        pods = self._of("v1", "pods", meta["namespace"])
        mine = [one for one in pods if all(one["metadata"].get("labels", {}).get(k) == v for k, v in chosen)]
        return [one for one in mine if one["metadata"]["labels"].get(HASH) != mark]

    def _remove_former(self, workload: Document, mark: str) -> None:
        for pod in self._former(workload, mark):
            with suppress(Refused):
                self.api.remove("v1", "pods", workload["metadata"]["namespace"], pod["metadata"]["name"])

    def _start(self, pod: Document) -> None:
        meta = pod["metadata"]
        if pod.get("status", {}).get("phase") != "Pending":
            return
        age = self._ages[meta["uid"]] = self._ages.get(meta["uid"], 0) + 1
        if meta.get("labels", {}).get("app.kubernetes.io/name") in self.too_large:
            words = "0/1 nodes are available: 1 Insufficient memory. no new claims to deallocate, preemption: 0/1 "
            words += "nodes are available: 1 Preemption is not helpful for scheduling."
            condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": words}
            condition |= {"lastTransitionTime": TIME}
            if pod["status"].get("conditions") != [condition]:
                self.api.put({**pod, "status": {"phase": "Pending", "conditions": [condition]}})
        elif age > READY_AFTER:
            self.api.put({**pod, "status": self._running(pod)})

    def _running(self, pod: Document) -> Document:
        statuses = []
        for one in pod["spec"]["containers"]:
            image = self.node.images.get(one["image"])
            if image is None and one.get("imagePullPolicy") == "Never":
                waiting = {"reason": "ErrImageNeverPull", "message": f'Container image "{one["image"]}" is not present'}
                waiting["message"] += " with pull policy of Never"
                statuses.append({"name": one["name"], "ready": False, "state": {"waiting": waiting}, "restartCount": 0})
                continue
            image_id = f"docker://{image['Id']}" if image else "docker://sha256:" + "2" * 64
            running: dict[str, Any] = {"state": {"running": {"startedAt": TIME}}, "imageID": image_id}
            statuses.append({"name": one["name"], "ready": True, "restartCount": 0, **running})
        good = "True" if all(one["ready"] for one in statuses) else "False"
        conditions = [{"type": "PodScheduled", "status": "True"}, {"type": "Initialized", "status": "True"}]
        conditions += [{"type": kind, "status": good} for kind in ("ContainersReady", "Ready")]
        phase = "Running" if good == "True" else "Pending"
        return {"phase": phase, "conditions": conditions, "containerStatuses": statuses, "podIP": "10.244.0.9"}

    def _inject(self, resource: Resource, pod: Document, namespace: Document) -> str | None:
        """Dapr's webhook, which is asked while it runs; without it pods come without a sidecar."""
        asks = pod["metadata"].get("annotations", {}).get("dapr.io/enabled") == "true"
        has = any(one["name"] == "daprd" for one in pod.get("spec", {}).get("containers", ()))
        if resource.plural != "pods" or not asks or has:
            return None
        if self.is_ready("dapr-system", {"app": "dapr-sidecar-injector"}):
            kept = self.api.get("v1", "configmaps", "dapr-system", "dapr-trust-bundle") or {}
            pod["spec"]["containers"].append(daprd(kept.get("data", {}).get("ca.crt", "")))
        return None


def _is_ready(pod: Document) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _revision(one: Document) -> int:
    return int(one["metadata"].get("annotations", {}).get(REVISION, 0))


def _owner(pod: Document) -> str:
    return str(next((one["uid"] for one in pod["metadata"].get("ownerReferences", ())), ""))


def _owned_by(maker: Document) -> list[Document]:
    meta = maker["metadata"]
    return [{"apiVersion": "apps/v1", "kind": maker["kind"], "name": meta["name"], "uid": meta["uid"]}]
