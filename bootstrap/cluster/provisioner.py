"""minikube's storage provisioner: the one pod that makes the volumes of its default storage class."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from bootstrap.clients.kubernetes_api import Document, path, translate_errors
from bootstrap.cluster.pods import events
from bootstrap.cluster.pods.case import PodSnapshot, at, kubectl
from bootstrap.cluster.pods.summary import is_ready
from bootstrap.core.env import Env
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem

NAMESPACE, NAME = "kube-system", "storage-provisioner"
PROVISIONER = "k8s.io/minikube-hostpath"
"""The provisioner that a storage class names if this pod makes its volumes. Where others run is not known."""
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
OF_CLAIM = ("volume.kubernetes.io/storage-provisioner", "volume.beta.kubernetes.io/storage-provisioner")
SETTLE_S = 120.0
"""A provisioner that crashes for longer than this is broken. After a start of the node it may crash: the API server
comes up later than it, and the kubelet tries again after 10, 20 and 40 s."""

ExplainPod = Callable[[Env, Document, Iterable[Document]], Problem | None]
"""`bootstrap.cluster.pods.why.problem_of`, which itself asks this module about claims."""


def classes(env: Env) -> list[Document]:
    """Return the storage classes. Raises `ProblemsFound`."""
    with translate_errors(f"The storage classes of {env.context} cannot be listed."):
        return env.cluster.items(path("storage.k8s.io/v1", "storageclasses"))


def default_of(classes: list[Document]) -> Document | None:
    """Return the default storage class, of several the newest, as Kubernetes does."""
    default = [one for one in classes if one["metadata"].get("annotations", {}).get(DEFAULT_CLASS) == "true"]
    return max(default, key=lambda one: str(one["metadata"].get("creationTimestamp", "")), default=None)


def find(env: Env) -> Document | None:
    """Return the pod. Raises `ProblemsFound`."""
    with translate_errors(f"The pod {NAMESPACE}/{NAME} cannot be read."):
        return env.cluster.find(path("v1", "pods", NAMESPACE, NAME))


def makes(claim: Document) -> bool:
    """Whether this provisioner is to make the volume of a claim."""
    notes = claim["metadata"].get("annotations", {})
    return any(notes.get(name) == PROVISIONER for name in OF_CLAIM)


def problem_of(env: Env, explain: ExplainPod) -> Problem | None:
    """Return what keeps the provisioner from running; one request where it runs. Raises `ProblemsFound`."""
    return problem_with(env, find(env), explain)


def problem_with(env: Env, pod: Document | None, explain: ExplainPod) -> Problem | None:
    """Return what keeps the provisioner, which is `pod`, from running; no request where it runs.

    Raises `ProblemsFound`.
    """
    if pod is None:
        return problem(
            "storage-provisioner-missing",
            f"{env.context} has no pod {NAMESPACE}/{NAME}, which makes its volumes.",
            final=True,
            profile=env.context,
        )
    if is_ready(pod) and not any(one.get("restartCount") for one in pod["status"].get("containerStatuses", ())):
        return None
    with translate_errors(f"The events of {NAMESPACE} cannot be listed."):
        said = events.of_namespace(env, NAMESPACE)
    return of_pod(env, pod, explain(env, pod, said))


def of_pod(env: Env, pod: Document, found: Problem | None, *, now: datetime | None = None) -> Problem | None:
    """Return the problem `found` of the provisioner's pod as the one of the cluster's storage."""
    if found is None:
        return None
    case = PodSnapshot(env, pod, [], at(now))
    has_ended = any(container.ended for container in case.containers())
    ask = "logs" if has_ended else "describe pod"
    told = problem(
        "storage-provisioner-down",
        found.summary,
        reason=found.cause,
        look=f"{kubectl(env, NAMESPACE)} {ask} {NAME}",
        profile=env.context,
        final=_keeps_crashing(case) if has_ended else found.final,
    )
    return replace(told, evidence=found.evidence, where=found.where)


def _keeps_crashing(case: PodSnapshot) -> bool:
    """Whether it crashes for longer than a start takes. Its number of restarts counts former starts too."""
    made = case.condition("PodReadyToStartContainers").get("lastTransitionTime")
    is_down = any(one.waiting or one.is_down for one in case.containers())
    return is_down and case.seconds_since(made or case.pod.get("status", {}).get("startTime")) >= SETTLE_S
