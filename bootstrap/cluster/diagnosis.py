"""All pods of this environment's namespaces, foreign ones too, and what keeps each from running."""

from bootstrap.cluster import events
from bootstrap.cluster.api import Document, path, words
from bootstrap.cluster.namespaces import SYSTEM
from bootstrap.cluster.pods import problem_of
from bootstrap.env import Env
from bootstrap.problem import Problem

NAME_LABEL = "app.kubernetes.io/name"
OF = {"inv-probe": "cluster", "inv-canary": "canary"}  # pods of our own, and the stage that made them


def pods(env: Env) -> dict[str, tuple[str, Problem | None]]:
    """`NAMESPACE/NAME` → the stage that the pod belongs to ("" for none), and its problem. Raises `Failed`."""
    found: dict[str, tuple[str, Problem | None]] = {}
    for namespace in (env.manifest.namespace, SYSTEM):
        with words(f"The pods of {namespace} cannot be listed."):
            there = env.cluster.items(path("v1", "pods", namespace))
            said = events.of_namespace(env, namespace)
            for pod in there:
                found[f"{namespace}/{pod['metadata']['name']}"] = (_stage(namespace, pod), problem_of(env, pod, said))
    return found


def _stage(namespace: str, pod: Document) -> str:
    name = pod["metadata"]["name"]
    if namespace == SYSTEM:
        return "dapr"
    return next((of for start, of in OF.items() if name.startswith(start)), None) or str(
        pod["metadata"].get("labels", {}).get(NAME_LABEL, "")
    )
