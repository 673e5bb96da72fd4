"""Pods as the API shows them, small."""

from typing import Any

from tests.apiserver import Document

RUNNING = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}


def container(name: str, state: Document | None = None, restarts: int = 0, **more: Any) -> Document:
    """The status of a container that has started, unless `state` says otherwise."""
    told = state or RUNNING
    started = {} if "waiting" in told else {"containerID": f"docker://{name}-{restarts}"}
    return {"name": name, "ready": "running" in told, "restartCount": restarts, "state": told, **started, **more}


def pod(
    service: str,
    name: str,
    *statuses: Document,
    namespace: str = "small",
    created: str = "2026-01-01T00:00:00Z",
    **spec: Any,
) -> Document:
    """A pod of a service; without statuses it runs, with its sidecar."""
    told = statuses or (container(service), container("daprd"))
    ready = all(one["ready"] for one in told)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "creationTimestamp": created,
            "labels": {"app.kubernetes.io/name": service, "app.kubernetes.io/managed-by": "Helm"},
        },
        "spec": {"containers": [{"name": one["name"], "image": "small/x:1"} for one in told], **spec},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": list(told),
        },
    }
