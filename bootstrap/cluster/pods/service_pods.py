"""The pods of a service, as they run: their sidecar, their image, their restarts."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bootstrap.clients.kubernetes_api import Document, path, translate_errors
from bootstrap.cluster.namespaces import SYSTEM
from bootstrap.cluster.pods.case import kubectl
from bootstrap.cluster.pods.summary import SIDECAR, has
from bootstrap.core.env import Env
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem

STEADY_S = 30.0  # seconds that a container must have run since its last restart


def of(env: Env, name: str) -> list[Document]:
    """The pods of a service's release that are neither finished nor being deleted. Raises `ProblemsFound`."""
    with translate_errors(f"The pods of {name} cannot be listed."):
        found = env.cluster.items(
            path("v1", "pods", env.manifest.namespace),
            labelSelector=f"app.kubernetes.io/name={name},app.kubernetes.io/instance={name}",
        )
    return [
        pod
        for pod in found
        if "deletionTimestamp" not in pod["metadata"]
        and pod.get("status", {}).get("phase") not in ("Failed", "Succeeded")
    ]


def without_sidecar(pods: list[Document]) -> list[Document]:
    """Those that ask for a sidecar and were made without: the injector did not answer when they came."""
    return [pod for pod in pods if _asks(pod) and not has(pod, SIDECAR)]


def _asks(pod: Document) -> bool:
    return bool(pod["metadata"].get("annotations", {}).get("dapr.io/enabled") == "true")


def delete(env: Env, pod: Document) -> None:
    """Deletes that very pod; what made it makes it anew. Raises `ProblemsFound`."""
    meta = pod["metadata"]
    with translate_errors(f"The pod {meta['name']} cannot be deleted."):
        env.cluster.delete(path("v1", "pods", meta["namespace"], meta["name"]))


def sidecar_missing(env: Env, name: str, pod: Document) -> Problem:
    """The problem of a pod from `without_sidecar`."""
    return problem(
        "sidecar-missing",
        f"The pod {pod['metadata']['name']} of {name} was made without its sidecar.",
        evidence=f"containers: {', '.join(one['name'] for one in pod['spec']['containers'])}",
        name=name,
        kubectl=kubectl(env, SYSTEM),
        final=True,
    )


def image(env: Env, name: str, pod: Document, reference: str, built: Mapping[str, Any]) -> Problem | None:
    """Whether the service's container runs the image that was built. `built` is how the node's engine describes it."""
    asked = next((one.get("image") for one in pod["spec"]["containers"] if one["name"] == name), None)
    running = next((one.get("imageID", "") for one in _statuses(pod) if one["name"] == name), "")
    if asked == reference and is_image(running, built):
        return None
    return problem(
        "image-differs",
        f"The pod {pod['metadata']['name']} does not run the image {reference} that was built.",
        evidence=f"image: {asked}\nimageID: {running}\nbuilt: {built.get('Id')}",
        name=name,
        kubectl=kubectl(env, env.manifest.namespace),
    )


def is_image(running: str, built: Mapping[str, Any]) -> bool:
    """Whether a container's `imageID` means an image of the engine.

    It is the image's id ("docker://sha256:…"), or the digest of its manifest where there is one
    ("docker-pullable://NAME@sha256:…"), in front of which another runtime puts nothing.
    """
    digest = running.rpartition("://")[2].rpartition("@")[2]
    known = [built.get("Id"), (built.get("Descriptor") or {}).get("digest")]
    known += [one.rpartition("@")[2] for one in built.get("RepoDigests") or ()]
    return digest.startswith("sha256:") and digest in known


def restarted(pod: Document, name: str, now: datetime | None = None) -> Problem | None:
    """A container that was restarted a moment ago: it is Ready between two crashes, too.

    Restarts that come with a restart of the node do not count: with them the pod's network is made anew.
    """
    conditions = {one["type"]: one for one in pod.get("status", {}).get("conditions", ())}
    since = _time(conditions.get("PodReadyToStartContainers", {}).get("lastTransitionTime"))
    for one in _statuses(pod):
        ended = one.get("lastState", {}).get("terminated", {})
        at = _time(ended.get("finishedAt"))
        started = _time(one.get("state", {}).get("running", {}).get("startedAt"))
        if at is None or (since and at < since) or not one.get("restartCount"):
            continue
        up = ((now or datetime.now(UTC)) - started).total_seconds() if started else 0.0
        if up < STEADY_S:
            end = f"{ended.get('reason', '')} (exit code {ended.get('exitCode')}) at {ended['finishedAt']}"
            return problem(
                "service-restarted",
                f"The container {one['name']} of the pod {pod['metadata']['name']} was restarted a moment ago.",
                evidence=f"restarts: {one['restartCount']}\nlast end: {end}",
                name=name,
                options="--previous --sidecar" if one["name"] == SIDECAR else "--previous",
            )
    return None


def _statuses(pod: Document) -> list[Document]:
    told = pod.get("status", {})
    return [*told.get("containerStatuses", ()), *told.get("initContainerStatuses", ())]


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
