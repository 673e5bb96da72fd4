"""The parts of Kubernetes that run as pods of the node itself: scheduler, controllers, API server and its database."""

from dataclasses import replace

from bootstrap.clients.kubernetes_api import Document, translate_errors
from bootstrap.cluster.pods import events, why
from bootstrap.cluster.pods.case import kubectl
from bootstrap.cluster.pods.summary import is_ready
from bootstrap.core.env import Env
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem

NAMESPACE = "kube-system"
LABEL, VALUE = "tier", "control-plane"


def problem_of(env: Env, system: list[Document]) -> Problem | None:
    """Return what keeps one of them from running; no request where all run. Raises `ProblemsFound`.

    `system` are the pods of `NAMESPACE`. The API server's own readiness says nothing about the scheduler and the
    controllers.
    """
    down = [pod for pod in system if is_part(pod) and not is_ready(pod)]
    if not down:
        return None
    with translate_errors(f"The events of {NAMESPACE} cannot be listed."):
        said = events.of_namespace(env, NAMESPACE)
        wrong = [of_pod(env, pod, found) for pod in down if (found := why.problem_of(env, pod, said))]
    return why.first(wrong) if wrong else None


def is_part(pod: Document) -> bool:
    """Whether a pod of `NAMESPACE` is one of them."""
    return bool(pod["metadata"].get("labels", {}).get(LABEL) == VALUE)


def of_pod(env: Env, pod: Document, found: Problem) -> Problem:
    """Return the problem `found` of such a pod as one of the cluster; it may pass, as after a start of the node."""
    told = problem(
        "control-plane-down",
        found.summary,
        look=f"{kubectl(env, NAMESPACE)} describe pod {pod['metadata']['name']}",
        profile=env.context,
    )
    return replace(told, evidence=found.evidence, where=found.where)
