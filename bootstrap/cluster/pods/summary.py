"""A pod in a few words, as `kubectl get pods` puts it."""

from datetime import datetime
from typing import Any

from bootstrap.clients.kubernetes_api import Document

SIDECAR = "daprd"
ORDINARY = ("", "ContainerCreating", "PodInitializing")  # why a container waits for its first start


def pod_facts(pod: Document, now: float) -> dict[str, Any]:
    """Name, state in one word, whether ready, containers ready and in all, whether it has a sidecar, restarts, age.

    `now` is in seconds since 1970. Sidecars that Kubernetes runs as init containers count as containers.
    """
    spec, told = pod["spec"], pod.get("status", {})
    beside = [one["name"] for one in spec.get("initContainers", ()) if one.get("restartPolicy") == "Always"]
    names = [*(one["name"] for one in spec["containers"]), *beside]
    every = (*told.get("containerStatuses", ()), *told.get("initContainerStatuses", ()))
    statuses = [one for one in every if one["name"] in names]
    created = pod["metadata"].get("creationTimestamp")
    return {
        "name": pod["metadata"]["name"],
        "state": _state(pod, statuses),
        "ready": is_ready(pod),
        "containers_ready": sum(bool(one.get("ready")) for one in statuses),
        "containers": len(names),
        "sidecar": SIDECAR in names,
        "restarts": sum(int(one.get("restartCount", 0)) for one in statuses),
        "age_seconds": round(now - datetime.fromisoformat(created).timestamp()) if created else None,
    }


def has(pod: Document, name: str) -> bool:
    """Whether the pod is to have that container; a sidecar may be among the init containers."""
    return container(pod, name) is not None


def container(pod: Document, name: str) -> Document | None:
    """Return the container of that name as the pod states it; a sidecar may be among the init containers."""
    spec = pod["spec"]
    return next((one for one in (*spec["containers"], *spec.get("initContainers", ())) if one["name"] == name), None)


def is_ready(thing: Document) -> bool:
    """Whether the condition Ready of a pod or a node holds."""
    conditions = thing.get("status", {}).get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def waits(pod: Document) -> bool:
    """Whether a container of the pod waits before its next try, which the kubelet puts off for up to five minutes."""
    told = pod.get("status", {})
    statuses = (*told.get("initContainerStatuses", ()), *told.get("containerStatuses", ()))
    states = [one.get("state", {}).get("waiting") or {} for one in statuses]
    return any(state.get("reason", "") not in ORDINARY for state in states)


def _state(pod: Document, statuses: list[Document]) -> str:
    if pod["metadata"].get("deletionTimestamp"):
        return "Terminating"
    for one in statuses:
        for kind in ("waiting", "terminated"):
            if reason := one.get("state", {}).get(kind, {}).get("reason"):
                return str(reason)
    told = pod.get("status", {})
    return str(told.get("reason") or told.get("phase", "Unknown"))
