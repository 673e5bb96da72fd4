"""All pods of this environment's namespaces and of kube-system, foreign ones too, and what keeps each from running."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from bootstrap.clients.kubernetes_api import Document, path, translate_errors
from bootstrap.cluster import control_plane, provisioner
from bootstrap.cluster.namespaces import SYSTEM
from bootstrap.cluster.pods import events
from bootstrap.cluster.pods.why import problem_of
from bootstrap.core.env import Env
from bootstrap.problems.problem import Problem

NAME_LABEL = "app.kubernetes.io/name"
OF = {"inv-probe": "cluster", "inv-canary": "canary"}  # pods of our own, and the stage that made them
STAGES = {SYSTEM: "dapr", provisioner.NAMESPACE: "cluster"}  # namespaces of which every pod belongs to one stage
AT_ONCE = 8  # pods that do not run are asked for their log, and for what they answer


def pods(env: Env) -> dict[str, tuple[str, Problem | None]]:
    """`NAMESPACE/NAME` → the stage that the pod belongs to ("" for none), and its problem. Raises `ProblemsFound`."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(chain.from_iterable(_listed(env, each) for each in (env.manifest.namespace, *STAGES)))
        problems = pool.map(lambda one: _problem(env, *one), found)
        return {
            f"{pod['metadata']['namespace']}/{pod['metadata']['name']}": (_stage(pod), wrong)
            for (pod, _), wrong in zip(found, problems, strict=True)
        }


def _listed(env: Env, namespace: str) -> Iterator[tuple[Document, list[Document]]]:
    with translate_errors(f"The pods of {namespace} cannot be listed."):
        there = env.cluster.items(path("v1", "pods", namespace))
        said = events.of_namespace(env, namespace)
    return ((pod, said) for pod in there)


def _problem(env: Env, pod: Document, said: list[Document]) -> Problem | None:
    meta = pod["metadata"]
    with translate_errors(f"What is wrong with the pod {meta['namespace']}/{meta['name']} cannot be asked."):
        found = problem_of(env, pod, said)
    if (meta["namespace"], meta["name"]) == (provisioner.NAMESPACE, provisioner.NAME):
        return provisioner.of_pod(env, pod, found)
    if found and meta["namespace"] == control_plane.NAMESPACE and control_plane.is_part(pod):
        return control_plane.of_pod(env, pod, found)
    return found


def _stage(pod: Document) -> str:
    meta = pod["metadata"]
    if meta["namespace"] in STAGES:
        return STAGES[meta["namespace"]]
    ours = next((of for start, of in OF.items() if meta["name"].startswith(start)), None)
    return ours or str(meta.get("labels", {}).get(NAME_LABEL, ""))
