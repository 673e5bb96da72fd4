"""Whether a workload is rolled out: its newest generation runs in every pod; else the most upstream reason."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bootstrap.clients.kubernetes_api import MANAGER, Document, path, translate_errors
from bootstrap.cluster.pods import events, why
from bootstrap.cluster.pods.case import kubectl
from bootstrap.cluster.pods.summary import is_ready, waits
from bootstrap.core.env import Env
from bootstrap.problems.catalogue import problem, recognise
from bootstrap.problems.problem import Problem

REVISION = "controller-revision-hash"  # the label that says of which generation of its StatefulSet a pod is


def check(env: Env, kind: str, name: str, namespace: str, *, now: datetime | None = None) -> Problem | None:
    """One look at a workload; `kind` is "deployments", "statefulsets" or "daemonsets".

    Two requests when all is well. Raises `ProblemsFound` when the API does not answer. `now` is the clock's unless
    given.
    """
    with translate_errors(f"The rollout of {namespace}/{name} cannot be read."):
        found = env.cluster.find(path("apps/v1", kind, namespace, name))
        facts: dict[str, Any] = {"kind": kind.removesuffix("s"), "name": name, "kubectl": kubectl(env, namespace)}
        if found is None:
            return problem("workload-missing", f"{namespace} has no {facts['kind']} {name}.", final=True, **facts)
        if found["spec"].get("replicas") == 0:
            summary = f"The {facts['kind']} {namespace}/{name} is scaled to 0: nothing of it runs."
            return problem("workload-scaled-down", summary, evidence="spec.replicas: 0", final=True, **facts)
        if found.get("status", {}).get("observedGeneration", 0) < found["metadata"].get("generation", 1):
            # What is there is of a former generation, and so is what is wrong with it.
            summary = f"{namespace}/{name}: its controller has not seen the newest generation yet."
            return problem("rollout-waiting", summary, **facts)
        mine = [pod for pod in of(env, found) if "deletionTimestamp" not in pod["metadata"]]
        state = _state(kind, found)
        if not state and all(_is_calm(pod) for pod in mine):
            return None
        said = events.of_namespace(env, namespace)
        newest = _newest(env, kind, found)
        if refused := _refused(kind, found, newest, said, facts):
            return refused
        ours = [one for pod in mine if _made_by(pod, newest) and (one := why.problem_of(env, pod, said, now=now))]
        if ours:
            return _late(found, why.first(ours))
        if blocking := [pod["metadata"]["name"] for pod in mine if _blocks(pod, found)]:
            summary = f"The pod {namespace}/{blocking[0]} is of a former generation, is not ready, and is not replaced."
            return problem("rollout-blocked", summary, evidence=events.text(said), pod=blocking[0], **facts)
        return (
            problem("rollout-waiting", f"{namespace}/{name}: {state}.", evidence=events.text(said), **facts)
            if state
            else None
        )


def of(env: Env, workload: Document) -> list[Document]:
    """The pods that its selector chooses, those of former generations too. Raises what the API raises."""
    labels = workload["spec"]["selector"].get("matchLabels", {})
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    return env.cluster.items(path("v1", "pods", workload["metadata"]["namespace"]), labelSelector=selector)


def retry(env: Env, kind: str, name: str, namespace: str) -> list[str]:
    """Deletes the pods of a workload that wait before their next try, so that it comes at once, and those that block
    its rollout; returns their names.

    What kept them may be mended by now, and the kubelet waits up to five minutes. Raises `ProblemsFound`.
    """
    with translate_errors(f"The pods of {namespace}/{name} cannot be made anew."):
        workload = env.cluster.find(path("apps/v1", kind, namespace, name))
        found = of(env, workload) if workload else []
        stuck = [pod["metadata"]["name"] for pod in found if workload and (waits(pod) or _blocks(pod, workload))]
        return [pod for pod in stuck if env.cluster.delete(path("v1", "pods", namespace, pod))]


def newest(env: Env, kind: str, name: str, namespace: str) -> frozenset[str]:
    """Return the names of the pods of the newest generation; none while the controller has not seen that yet.

    Raises `ProblemsFound`.
    """
    with translate_errors(f"The rollout of {namespace}/{name} cannot be read."):
        found = env.cluster.find(path("apps/v1", kind, namespace, name))
        if not found or found.get("status", {}).get("observedGeneration", 0) < found["metadata"].get("generation", 1):
            return frozenset()
        maker = _newest(env, kind, found)
        return frozenset(pod["metadata"]["name"] for pod in of(env, found) if _made_by(pod, maker))


def restart(env: Env, kind: str, name: str, namespace: str) -> None:
    """Make every pod of a workload anew, as `kubectl rollout restart` does. Raises `ProblemsFound`."""
    mark = {"kubectl.kubernetes.io/restartedAt": datetime.now(UTC).isoformat(timespec="seconds")}
    body: Document = {"spec": {"template": {"metadata": {"annotations": mark}}}}
    with translate_errors(f"{namespace}/{name} cannot be restarted."):
        env.cluster.merge(path("apps/v1", kind, namespace, name), body, fieldManager=MANAGER)


def _blocks(pod: Document, workload: Document) -> bool:
    """Whether it keeps a StatefulSet from its newest generation: a pod that never became ready is not replaced."""
    newest = workload.get("status", {}).get("updateRevision")
    return bool(newest) and pod["metadata"].get("labels", {}).get(REVISION, newest) != newest and not is_ready(pod)


def _state(kind: str, workload: Document) -> str:
    """What is not yet as it should be; "" when all is."""
    told, spec = workload.get("status", {}), workload["spec"]
    if kind == "daemonsets":
        wanted = told.get("desiredNumberScheduled", 0)
        updated, there, ready = (
            told.get(k, 0) for k in ("updatedNumberScheduled", "currentNumberScheduled", "numberReady")
        )
    else:
        wanted = spec.get("replicas", 1)
        updated, there = told.get("updatedReplicas", 0), told.get("replicas", 0)
        ready = min(told.get("readyReplicas", 0), told.get("availableReplicas", 0))
        if kind == "statefulsets" and told.get("currentRevision") == told.get("updateRevision"):
            updated = there  # a revision that is in place everywhere is not counted as an update
    if updated < wanted:
        return f"{updated} of {wanted} pods are of the newest generation"
    if there > wanted:
        return f"{there - wanted} pods of a former generation are still there"
    return f"{ready} of {wanted} pods are ready" if ready < wanted else ""


def _is_calm(pod: Document) -> bool:
    """Whether nothing about it needs a closer look: ready, and never restarted."""
    statuses = pod.get("status", {}).get("containerStatuses", ())
    return is_ready(pod) and not any(one.get("restartCount") for one in statuses)


def _newest(env: Env, kind: str, workload: Document) -> Document:
    """What makes the pods of the newest generation: the newest ReplicaSet, or the workload itself."""
    if kind != "deployments":
        return workload
    meta, revision = workload["metadata"], "deployment.kubernetes.io/revision"
    for one in env.cluster.items(path("apps/v1", "replicasets", meta["namespace"])):
        owned = any(owner["uid"] == meta["uid"] for owner in one["metadata"].get("ownerReferences", ()))
        if owned and one["metadata"].get("annotations", {}).get(revision) == meta.get("annotations", {}).get(revision):
            return one
    return workload


def _made_by(pod: Document, maker: Document) -> bool:
    labels, revision = pod["metadata"].get("labels", {}), maker.get("status", {}).get("updateRevision")
    if revision and labels.get(REVISION, revision) != revision:
        return False
    return any(owner["uid"] == maker["metadata"]["uid"] for owner in pod["metadata"].get("ownerReferences", ()))


def _refused(
    kind: str, workload: Document, maker: Document, said: list[Document], facts: dict[str, Any]
) -> Problem | None:
    """The API server takes no pod: the words are in a condition of the newest ReplicaSet, else in events.

    The Deployment has that condition too, but keeps the one of a former ReplicaSet for a while.
    """
    conditions = {one["type"]: one for one in maker.get("status", {}).get("conditions", ())}
    told = conditions.get("ReplicaFailure", {}).get("message", "")
    if kind != "deployments":
        about = events.about(said, uid=maker["metadata"]["uid"], name=maker["metadata"]["name"])
        told = about[-1]["message"] if about and about[-1].get("reason") == "FailedCreate" else ""
    if not told:
        return None
    summary = f"No pod of {workload['metadata']['namespace']}/{facts['name']} can be made: the API server refuses it."
    known = recognise("pod", "admission", told, summary, **facts)
    # A webhook that does not answer now may answer soon: its pods start, or come back.
    if known:
        return replace(known, final=known.code != "pod-refused-webhook")
    return problem("pod-refused", summary, evidence=told, **facts)


def _late(workload: Document, found: Problem) -> Problem:
    """The problem, with the controller's verdict when it has given up hope."""
    for one in workload.get("status", {}).get("conditions", ()):
        if one["type"] == "Progressing" and one["status"] == "False":
            return replace(found, evidence=f"{one['message']}\n{found.evidence}")
    return found
