"""Why no node takes a pod: what the scheduler says, and what is wrong with the volumes that it waits for."""

from dataclasses import replace

from bootstrap.clients.kubernetes_api import Document, path, translate_errors
from bootstrap.cluster import provisioner
from bootstrap.cluster.pods import events
from bootstrap.cluster.pods.case import PodSnapshot
from bootstrap.cluster.pods.summary import is_ready
from bootstrap.problems.catalogue import problem, recognise
from bootstrap.problems.problem import Problem

PATIENCE_S = 5.0  # seconds in which what is in the way may end: a pod that goes, a node that comes up

OF_PROVISIONER = ("storage-provisioner-down", "storage-provisioner-missing")


def problem_of(case: PodSnapshot, explain: provisioner.ExplainPod) -> Problem:
    """Why the pod is not scheduled; final where no pod that comes or goes, and no volume that is made, can help.

    `explain` is `bootstrap.cluster.pods.why.problem_of`, for the pod that is to make a volume.
    """
    condition = case.condition("PodScheduled")
    said, facts = condition.get("message", ""), case.facts()
    asked = ", ".join(f"{name} {amount}" for name, amount in _requests(case))
    summary = f"No node takes the {case.shown}" + (f", which asks for {asked}." if asked else ".")
    if "PersistentVolumeClaim" in said or "persistentvolumeclaim" in said:
        found = _volume(case, explain) or problem("pvc-pending", summary, **facts)
        return case.with_evidence(found, f"{said}\n{found.evidence}" if found.code in OF_PROVISIONER else said)
    known = recognise("pod", "schedule", said, summary, **facts) or problem("pod-unschedulable", summary, **facts)
    waited = case.seconds_since(condition.get("lastTransitionTime")) >= PATIENCE_S
    return case.with_evidence(replace(known, final=known.final and waited and not _others_move(case)), said)


def _others_move(case: PodSnapshot) -> bool:
    """Whether other pods come or go: what they take may become free, as that of a pod whose successor gets ready."""
    with translate_errors("The pods of the cluster cannot be listed."):
        found = case.env.cluster.items(path("v1", "pods"))
    return any("deletionTimestamp" in pod["metadata"] or _comes(pod) for pod in found)


def _comes(pod: Document) -> bool:
    on_node, phase = pod["spec"].get("nodeName"), pod.get("status", {}).get("phase")
    return bool(on_node) and phase in ("Pending", "Running") and not is_ready(pod)


def _requests(case: PodSnapshot) -> list[tuple[str, str]]:
    return [
        (f"{container.name}: {name}", amount)
        for container in case.containers()
        for name, amount in container.spec.get("resources", {}).get("requests", {}).items()
    ]


def _volume(case: PodSnapshot, explain: provisioner.ExplainPod) -> Problem | None:
    """The first claim of the pod that has no volume, and why."""
    for volume in case.pod["spec"].get("volumes", ()):
        name = volume.get("persistentVolumeClaim", {}).get("claimName")
        if not name:
            continue
        facts = case.facts() | {"claim": name}
        with translate_errors(f"The claim {case.namespace}/{name} cannot be read."):
            claim = case.env.cluster.find(path("v1", "persistentvolumeclaims", case.namespace, name))
        if claim is None:
            summary = f"The {case.shown} uses the claim {name}, which does not exist."
            return problem("pvc-missing", summary, **facts)
        if claim.get("status", {}).get("phase") == "Bound":
            continue
        about = events.about(case.events, uid=claim["metadata"].get("uid", ""), name=name)
        said = about[-1]["message"] if about else ""
        summary = f"The claim {case.namespace}/{name} has no volume{f': {said}' if said else ''}."
        known = recognise("pod", "volume", said, summary, **facts)
        down = provisioner.problem_of(case.env, explain) if not known and provisioner.makes(claim) else None
        if down:
            return replace(down, summary=f"The claim {case.namespace}/{name} has no volume: {down.summary}")
        return known or problem("pvc-pending", summary, **facts)
    return None
