"""What our namespaces and kube-system show: pods, their logs, events. Secrets are never asked for."""

from typing import Any

from bootstrap.clients.kubernetes_api import Document, path, translate_errors
from bootstrap.cluster import provisioner
from bootstrap.cluster.namespaces import SYSTEM
from bootstrap.core.env import Env
from bootstrap.problems.problem import ProblemsFound

KINDS = (("v1", "pods"), ("v1", "events"), ("v1", "services"), ("apps/v1", "deployments"), ("apps/v1", "statefulsets"))
NOISE = ("managedFields",)
COPY = "kubectl.kubernetes.io/last-applied-configuration"


def gather(env: Env, tail: int) -> dict[str, Any]:
    """File name → objects or text; of each log the last `tail` lines. Raises `ProblemsFound` where the API is away."""
    found: dict[str, Any] = {}
    for namespace in (env.manifest.namespace, SYSTEM, provisioner.NAMESPACE):
        for version, kind in KINDS:
            with translate_errors(f"The {kind} of {namespace} cannot be listed."):
                found[f"{namespace}/{kind}.json"] = [
                    _plain(one) for one in env.cluster.items(path(version, kind, namespace))
                ]
        for pod in found[f"{namespace}/pods.json"]:
            found |= {f"{namespace}/{name}": text for name, text in _logs(env, pod, tail).items()}
    return found


def _plain(thing: Document) -> Document:
    meta = {key: value for key, value in thing["metadata"].items() if key not in NOISE}
    notes = {key: value for key, value in meta.get("annotations", {}).items() if key != COPY}
    return {**thing, "metadata": {**meta, **({"annotations": notes} if notes else {})}}


def _logs(env: Env, pod: Document, tail: int) -> dict[str, str]:
    found = {}
    meta = pod["metadata"]
    for status in pod.get("status", {}).get("containerStatuses", ()):
        for ending, query in {"": {}, ".previous": {"previous": "true"}}.items():
            if ending and not status.get("restartCount"):
                continue
            name = f"{meta['name']}.{status['name']}{ending}.log"
            try:
                with translate_errors(f"{name} cannot be read."):
                    where = path("v1", "pods", meta["namespace"], meta["name"], "log")
                    found[name] = env.cluster.text(where, container=status["name"], tailLines=tail, **query)
            except ProblemsFound as failed:
                found[name] = failed.problems[0].evidence
    return found
