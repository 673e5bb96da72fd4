"""Why a Service leads nowhere, although calls to it say no more than that they are refused."""

from typing import Any

from bootstrap.clients.kubernetes_api import path, translate_errors
from bootstrap.cluster.pods.case import kubectl
from bootstrap.core.env import Env
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem


def problem_of(env: Env, name: str, namespace: str) -> Problem | None:
    """One look: the Service is there, selects pods, and one of them is ready. Raises `ProblemsFound`."""
    facts: dict[str, Any] = {"name": name, "namespace": namespace, "kubectl": kubectl(env, namespace)}
    with translate_errors(f"The Service {namespace}/{name} cannot be read."):
        service = env.cluster.find(path("v1", "services", namespace, name))
        slices = env.cluster.items(
            path("discovery.k8s.io/v1", "endpointslices", namespace), labelSelector=f"kubernetes.io/service-name={name}"
        )
    if service is None:
        return problem("service-missing", f"{namespace} has no Service {name}.", **facts)
    found = [one for each in slices for one in each.get("endpoints") or ()]
    if any(one.get("conditions", {}).get("ready", True) for one in found):
        return None
    selector = ",".join(f"{key}={value}" for key, value in service["spec"].get("selector", {}).items())
    said = f"selector: {selector}\nendpoints: {len(found)}, none of them ready"
    if found:
        summary = f"No pod behind the Service {namespace}/{name} is ready."
        return problem("service-without-ready-pod", summary, evidence=said, selector=selector, **facts)
    summary = f"The Service {namespace}/{name} leads to no pod at all."
    return problem("service-selects-nothing", summary, evidence=said, selector=selector, **facts)
