"""A pod as the services' ones are, with nothing in it: what shows that Dapr's injector and its sidecars work."""

import json
from pathlib import Path

from bootstrap.clients.kubernetes_api import Document, message, path, translate_errors
from bootstrap.cluster import namespaces, probe, trust
from bootstrap.cluster.pods.case import kubectl
from bootstrap.cluster.pods.summary import SIDECAR, has, waits
from bootstrap.core import hashing
from bootstrap.core.env import Env
from bootstrap.core.stage import IMAGE_PULL_TIMEOUT_S
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound

APP = "inv-canary"
LIFETIME = (
    int(IMAGE_PULL_TIMEOUT_S) + 300
)  # seconds after which the kubelet ends a canary: longer than any gate waits for it
INJECTOR = "app=dapr-sidecar-injector"


def pod(env: Env, name: str = APP) -> Document:
    """The canary: annotated and secured as the charts do it."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "labels": {"app.kubernetes.io/name": APP},
            "annotations": {
                "dapr.io/enabled": "true",
                "dapr.io/app-id": APP,
                "dapr.io/disable-builtin-k8s-secret-store": "true",
                "dapr.io/sidecar-seccomp-profile-type": "RuntimeDefault",
                "dapr.io/sidecar-memory-limit": "256Mi",
                "dapr.io/sidecar-listen-addresses": "127.0.0.1",
                "dapr.io/log-as-json": "true",
            },
        },
        "spec": {
            "serviceAccountName": probe.NAME,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "restartPolicy": "Always",  # as services have it: an end that passes is not the end of the canary
            "activeDeadlineSeconds": LIFETIME,
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": "app",
                    "image": probe.image(env),
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python", "-c", f"import time; time.sleep({LIFETIME})"],
                    "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": probe.USER,
                        "runAsGroup": probe.USER,
                        "readOnlyRootFilesystem": True,
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                }
            ],
        },
    }


def rehearse(env: Env) -> Problem | None:
    """Creates the pod without leaving one: whether the API reaches the injector, admits the pod that it makes, and the
    sidecar in it would trust the control plane."""
    try:
        made = _create(env, pod(env), dryRun="All")
    except ProblemsFound as failed:
        return failed.problems[0]
    return trust.check(env, made) if has(made, SIDECAR) else _without_sidecar(env)


def start(env: Env) -> None:
    """Creates the canary for what is there now; one that ended, waits before its next try, or was for something else
    goes away."""
    wanted = pod(env, _name(env))
    for found in _pods(env):
        alive = found.get("status", {}).get("phase") in ("Pending", "Running", None)
        same = found["metadata"]["name"] == wanted["metadata"]["name"]
        if same and alive and has(found, SIDECAR) and not waits(found):
            return
        _remove(env, found)
    _create(env, wanted)


def look(env: Env) -> Problem | None:
    """Whether the canary and its sidecar are both ready; else why not."""
    from bootstrap.cluster.pods import service_pods, why

    name = _name(env)
    found = next((each for each in _pods(env) if each["metadata"]["name"] == name), None)
    if found is None:
        return problem("canary-missing", f"The canary pod {name} is not there.", final=True)
    if not has(found, SIDECAR):
        return rehearse(env) or service_pods.sidecar_missing(env, APP, found)
    ready = {each["name"] for each in found.get("status", {}).get("containerStatuses", []) if each.get("ready")}
    if {"app", SIDECAR} <= ready:
        return None
    with translate_errors(f"The events of the pod {name} cannot be read."):
        selector = f"involvedObject.name={name},involvedObject.kind=Pod"
        events = env.cluster.items(path("v1", "events", env.manifest.namespace), fieldSelector=selector)
    return why.problem_of(env, found, events) or problem(
        "canary-not-ready",
        f"The canary pod {name} is not ready: {len(ready)} of its 2 containers are.",
        evidence=json.dumps(found.get("status", {}).get("containerStatuses", []), indent=1),
        kubectl=kubectl(env, env.manifest.namespace),
        name=name,
    )


def is_proven(env: Env) -> bool:
    """Whether a canary was ready under exactly what is there now."""
    return _proof(env).exists() and _proof(env).read_text() == signature(env)


def prove(env: Env) -> None:
    """Removes every canary, and keeps the proof. Raises `ProblemsFound` where the canary is not ready."""
    proven = signature(env)
    if found := look(env):
        raise ProblemsFound(found)
    # The proof comes last: where it is there, nobody looks for a canary that a killed run has left.
    for old in _pods(env):
        _remove(env, old)
    _proof(env).parent.mkdir(parents=True, exist_ok=True)
    _proof(env).write_text(proven)


def signature(env: Env) -> str:
    """What the proof is about: the injectors that run, the root certificate that sidecars trust, the levels of the
    namespaces, and the pod itself."""
    with translate_errors("The pods of Dapr's injector cannot be listed."):
        found = env.cluster.items(path("v1", "pods", namespaces.SYSTEM), labelSelector=INJECTOR)
    # One that ends admits no pod any more, and its end would be a change.
    injectors = sorted(each["metadata"]["uid"] for each in found if not each["metadata"].get("deletionTimestamp"))
    levels = [namespaces.labels(level) for level in namespaces.levels(env).values()]
    return hashing.digest([], json.dumps([injectors, sorted(trust.published(env)), levels, pod(env)], sort_keys=True))


def _name(env: Env) -> str:
    return f"{APP}-{signature(env)}"


def _proof(env: Env) -> Path:
    return env.minikube / "canary.proof"


def _pods(env: Env) -> list[Document]:
    with translate_errors("The canary pods cannot be listed."):
        return env.cluster.items(
            path("v1", "pods", env.manifest.namespace), labelSelector=f"app.kubernetes.io/name={APP}"
        )


def _remove(env: Env, found: Document) -> None:
    with translate_errors(f"The pod {found['metadata']['name']} cannot be removed."):
        env.cluster.delete(path("v1", "pods", env.manifest.namespace, found["metadata"]["name"]), gracePeriodSeconds=0)


def _create(env: Env, wanted: Document, **query: object) -> Document:
    from kubernetes.client import ApiException

    namespace = env.manifest.namespace
    summary = f"The namespace {namespace} does not take a pod with a sidecar."
    with translate_errors(summary):
        try:
            return env.cluster.create(path("v1", "pods", namespace), wanted, fieldValidation="Strict", **query)
        except ApiException as error:
            if "violates PodSecurity" not in message(error):
                raise
            level = env.manifest.dapr.pod_security.app
            raise ProblemsFound(
                problem("sidecar-refused", summary, evidence=message(error), level=level, final=True)
            ) from error


def _without_sidecar(env: Env) -> Problem:
    return problem(
        "sidecar-not-injected",
        f"A pod of the namespace {env.manifest.namespace} that asks for a sidecar gets none.",
        kubectl=kubectl(env, namespaces.SYSTEM),
    )
