"""What a cluster must be before anything is put into it, asked of its API: one look for each."""

import time
from datetime import datetime
from typing import Any

from bootstrap.clients.kubernetes_api import Document, message, path, translate_errors
from bootstrap.cluster import control_plane, namespaces, probe, provisioner
from bootstrap.cluster.pods import why
from bootstrap.core.env import Env
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound

API_NAME = "kubernetes.default.svc.cluster.local"
PRESSURES = ("DiskPressure", "MemoryPressure", "PIDPressure")
NO_CNI = "cni config uninitialized"  # the kubelet's words; also for a moment at each start of it
CNI_TIMEOUT_S = 60.0
KUBELET_TIMEOUT_S = 60.0  # A running kubelet reports again within this, also after a sleep of this machine.
PARTS = {"CoreDNS": ("deployments", "coredns"), "kube-proxy": ("daemonsets", "kube-proxy")}
"""What `minikube start` installs into kube-system before it ends well, except where it found a half-made cluster."""


def answers(env: Env) -> bool:
    """Whether the API server of our kubeconfig is ready, and of the pinned version."""
    try:
        return not (ready(env) or version(env))
    except ProblemsFound:
        return False


def ready(env: Env) -> Problem | None:
    """/readyz; what it says about itself where it is not ready."""
    from kubernetes.client import ApiException

    with translate_errors(f"The API server of {env.context} does not answer."):
        try:
            env.cluster.text("/readyz", verbose="true")
        except ApiException as error:
            if error.status not in (500, 503):
                raise
            return problem(
                "api-not-ready",
                f"The API server of {env.context} says that it is not ready.",
                evidence=_failing(message(error)),
                **_who(env),
            )
    return None


def _failing(said: str) -> str:
    return "\n".join(line for line in said.splitlines() if "[-]" in line) or said


def version(env: Env) -> Problem | None:
    """The server's version, against the pinned one."""
    with translate_errors(f"The API server of {env.context} does not say its version."):
        found = str(env.cluster.get("/version").get("gitVersion", "")).removeprefix("v")
    wanted = env.manifest.cluster.kubernetes
    if found.partition("+")[0] == wanted:
        return None
    return problem(
        "kubernetes-version",
        f"The cluster {env.context} runs Kubernetes {found}, environment.toml says {wanted}.",
        where="environment.toml",
        final=True,
        found=found,
    )


def nodes(env: Env) -> Problem | None:
    """Every node Ready, and none short of disk, memory or process ids."""
    with translate_errors(f"The nodes of {env.context} cannot be listed."):
        found = env.cluster.items(path("v1", "nodes"))
    for node in found:
        if wrong := _node(env, node):
            return wrong
    return None if found else problem("node-not-ready", f"{env.context} has no node yet.", **_who(env))


def _node(env: Env, node: Document) -> Problem | None:
    name, status = node["metadata"]["name"], node.get("status", {})
    conditions = {each["type"]: each for each in status.get("conditions", [])}
    for pressure in PRESSURES:
        if (each := conditions.get(pressure, {})).get("status") == "True":
            what = {"DiskPressure": "disk space", "MemoryPressure": "memory"}.get(pressure, "process ids")
            return problem(
                "node-under-pressure",
                f"The node {name} runs out of {what}.",
                evidence=f"{pressure}: {each.get('message', '')}",
                what=what,
                **_who(env),
            )
    if node.get("spec", {}).get("unschedulable"):
        return problem("node-cordoned", f"The node {name} takes no new pods.", final=True, name=name, **_who(env))
    is_ready = conditions.get("Ready", {})
    if _lacks_cni(is_ready):
        return problem(
            "cni-config-missing",
            f"The node {name} has no network for pods.",
            evidence=str(is_ready["message"]),
            final=True,
            **_who(env),
        )
    if is_ready.get("status") == "Unknown":
        return problem(
            "kubelet-lost" if _seconds_since(is_ready) >= KUBELET_TIMEOUT_S else "kubelet-silent",
            f"The kubelet of the node {name} no longer reports to the API.",
            evidence=str(is_ready.get("message", "")),
            **_who(env),
        )
    taints = [f"{each['key']}:{each['effect']}" for each in node.get("spec", {}).get("taints", [])]
    if is_ready.get("status") == "True" and not taints:
        return None
    said = [f"Ready is {is_ready.get('status', 'not told')}: {is_ready.get('message', '')}", *taints]
    return problem("node-not-ready", f"The node {name} is not ready.", evidence="\n".join(said), **_who(env))


def _lacks_cni(is_ready: Document) -> bool:
    """Whether the node has been without a CNI configuration for longer than its start takes."""
    if is_ready.get("status") == "True" or NO_CNI not in str(is_ready.get("message", "")):
        return False
    return _seconds_since(is_ready) > CNI_TIMEOUT_S


def silent_s(env: Env) -> float | None:
    """Return how many seconds ago the API gave up on a kubelet, which it does after 50 s without a report.

    None where every kubelet reports, or the API does not answer.
    """
    try:
        with translate_errors(f"The nodes of {env.context} cannot be listed."):
            found = env.cluster.items(path("v1", "nodes"))
    except ProblemsFound:
        return None
    conditions = [each for node in found for each in node.get("status", {}).get("conditions", [])]
    silent = [each for each in conditions if each["type"] == "Ready" and each["status"] == "Unknown"]
    return max((_seconds_since(each) for each in silent), default=None)


def _seconds_since(condition: Document) -> float:
    """How long a condition has been as it is; 0 where the API does not say."""
    since = str(condition.get("lastTransitionTime") or "")
    return time.time() - datetime.fromisoformat(since).timestamp() if since else 0.0


def uid(env: Env) -> str:
    """Return the uid of kube-system, which no two clusters share."""
    with translate_errors(f"The namespaces of {env.context} cannot be read."):
        found = env.cluster.find(path("v1", "namespaces", name="kube-system"))
    return str(found["metadata"]["uid"]) if found else ""


def missing_parts(env: Env) -> list[str]:
    """Return what every cluster has that minikube made to the end, and this one has not. Raises `ProblemsFound`."""
    with translate_errors(f"What runs in kube-system of {env.context} cannot be read."):
        missing = [
            name
            for name, (kind, part) in PARTS.items()
            if env.cluster.find(path("apps/v1", kind, "kube-system", part)) is None
        ]
        nodes = env.cluster.items(path("v1", "nodes"))
    conditions = [each for node in nodes for each in node.get("status", {}).get("conditions", [])]
    if any(each["type"] == "Ready" and _lacks_cni(each) for each in conditions):
        missing.append("CNI configuration")
    return missing


def holds_data(env: Env) -> bool:
    """Whether anything in the cluster has a volume. Raises `ProblemsFound`."""
    with translate_errors(f"The volumes of {env.context} cannot be listed."):
        return bool(env.cluster.items(path("v1", "persistentvolumes")))


def system(env: Env) -> Problem | None:
    """The pods of kube-system: the parts of Kubernetes, and the provisioner of volumes with its storage class."""
    with translate_errors("The pods of kube-system cannot be listed."):
        found = env.cluster.items(path("v1", "pods", "kube-system"))
    return control_plane.problem_of(env, found) or _storage(env, found)


def _storage(env: Env, system: list[Document]) -> Problem | None:
    """A default storage class, from which the database's volume comes, and what makes its volumes at work.

    Where every claim has its volume nothing more is asked of what makes them; of another provisioner than minikube's
    it is not known where it runs.
    """
    classes = provisioner.classes(env)
    found = provisioner.default_of(classes)
    if found is None:
        names = ", ".join(each["metadata"]["name"] for each in classes) or "none"
        return problem(
            "no-default-storage",
            f"{env.context} has no default storage class.",
            evidence=f"There are: {names}.",
            **_who(env),
        )
    if found.get("provisioner") != provisioner.PROVISIONER:
        return None
    pod = next((one for one in system if one["metadata"]["name"] == provisioner.NAME), None)
    down = provisioner.problem_with(env, pod, why.problem_of)
    return down if down and _wants_volumes(env) else None


def _wants_volumes(env: Env) -> bool:
    """Whether a claim has no volume, or none was made yet."""
    with translate_errors(f"The claims of {env.context} cannot be listed."):
        claims = env.cluster.items(path("v1", "persistentvolumeclaims"))
    return not claims or any(each.get("status", {}).get("phase") != "Bound" for each in claims)


def pod_security(env: Env) -> Problem | None:
    """Whether a pod that breaks the level is really refused: asked without making one."""
    from kubernetes.client import ApiException

    namespace = env.manifest.namespace
    level = namespaces.levels(env)[namespace]
    if level == "privileged":
        return None
    body = probe.pod(env)
    body["metadata"] = {"name": "inv-breaks-pod-security"}
    body["spec"]["hostNetwork"] = True
    body["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    with translate_errors(f"Whether Pod Security is enforced in {namespace} cannot be asked."):
        try:
            env.cluster.create(path("v1", "pods", namespace), body, dryRun="All")
        except ApiException as error:
            if error.status == 403 and "violates PodSecurity" in message(error):
                return None
            raise
    return problem(
        "pod-security-off",
        f"The namespace {namespace} takes a privileged pod, although it is labelled to enforce {level}.",
        final=True,
        profile=env.context,
    )


def names(env: Env) -> Problem | None:
    """CoreDNS, asked from a pod for the one name that every cluster has."""
    from bootstrap.cluster.pods import rollout

    if probe.dns(env, API_NAME):
        return None
    return rollout.check(env, "deployments", "coredns", "kube-system") or problem(
        "dns-not-answering", f"In a pod of {env.context}, {API_NAME} has no address.", **_who(env)
    )


def _who(env: Env) -> dict[str, Any]:
    return {"profile": env.context, "context": env.context, "kubeconfig": env.kubeconfig}


LOOKS = (ready, version, nodes, system)
