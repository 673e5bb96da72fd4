"""The parts of Kubernetes that run as pods of the node itself: scheduler, controllers, API server and its database."""

from dataclasses import replace

from bootstrap.catalogue import problem
from bootstrap.cluster import events, pods
from bootstrap.cluster.api import Document, path, words
from bootstrap.cluster.pod_case import kubectl
from bootstrap.cluster.pod_facts import is_ready
from bootstrap.env import Env
from bootstrap.problem import Problem

NAMESPACE = "kube-system"
LABEL, VALUE = "tier", "control-plane"


def check(env: Env) -> Problem | None:
    """What keeps one of them from running; one request where all run. Raises `Failed`.

    The API server's own readiness says nothing about the scheduler and the controllers.
    """
    with words(f"The pods of {NAMESPACE} cannot be listed."):
        parts = env.cluster.items(path("v1", "pods", NAMESPACE), labelSelector=f"{LABEL}={VALUE}")
        down = [pod for pod in parts if not is_ready(pod)]
        said = events.of_namespace(env, NAMESPACE) if down else []
        wrong = [of_pod(env, pod, found) for pod in down if (found := pods.problem_of(env, pod, said))]
    return pods.first(wrong) if wrong else None


def is_part(pod: Document) -> bool:
    """Whether a pod of `NAMESPACE` is one of them."""
    return bool(pod["metadata"].get("labels", {}).get(LABEL) == VALUE)


def of_pod(env: Env, pod: Document, found: Problem) -> Problem:
    """Return the problem `found` of such a pod as one of the cluster; it may pass, as after a start of the node."""
    told = problem(
        "control-plane-down",
        found.summary,
        reason=found.cause,
        look=f"{kubectl(env, NAMESPACE)} describe pod {pod['metadata']['name']}",
        profile=env.context,
    )
    return replace(told, evidence=found.evidence, where=found.where)
