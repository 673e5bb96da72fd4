"""The namespaces of the environment, each with the Pod Security Standards level that it enforces."""

from bootstrap.clients.kubernetes_api import Document, path, translate_errors
from bootstrap.core.env import Env
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem

SYSTEM = "dapr-system"  # of Dapr's control plane
MODES = ("enforce", "warn", "audit")
LABEL = "pod-security.kubernetes.io"


def levels(env: Env) -> dict[str, str]:
    """Each namespace of the environment, with its level."""
    security = env.manifest.dapr.pod_security
    return {env.manifest.namespace: security.app, SYSTEM: security.system}


def labels(level: str) -> dict[str, str]:
    """The labels that make Pod Security Admission hold a namespace to `level`, at the version of the cluster."""
    return {f"{LABEL}/{mode}{end}": value for mode in MODES for end, value in (("", level), ("-version", "latest"))}


def ensure(env: Env) -> None:
    """Makes the namespaces, and mends their labels; writes nothing where all is so. Raises `ProblemsFound`."""
    for name, level in levels(env).items():
        if not _wrong(_find(env, name), level):
            continue
        body: Document = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": labels(level)},
        }
        with translate_errors(f"The namespace {name} cannot be made."):
            env.cluster.apply(path("v1", "namespaces", name=name), body)


def check(env: Env) -> Problem | None:
    """The first namespace that is not there, is being deleted, or does not carry its labels. Raises `ProblemsFound`."""
    for name, level in levels(env).items():
        found = _find(env, name)
        if found is None:
            return problem("namespace-missing", f"The cluster has no namespace {name}.")
        if found["metadata"].get("deletionTimestamp"):
            return problem(
                "namespace-terminating",
                f"The namespace {name} is being deleted.",
                evidence=_left(found),
                name=name,
                context=env.context,
                kubeconfig=env.kubeconfig,
            )
        if wrong := _wrong(found, level):
            return problem(
                "namespace-not-secured",
                f"The namespace {name} does not enforce the level {level}.",
                evidence="\n".join(f"{key}: {value}" for key, value in wrong.items()),
            )
    return None


def _find(env: Env, name: str) -> Document | None:
    with translate_errors(f"The namespace {name} cannot be read."):
        return env.cluster.find(path("v1", "namespaces", name=name))


def _wrong(found: Document | None, level: str) -> dict[str, str]:
    """The labels of `level` that a namespace does not have, with what it has in their place."""
    has = found["metadata"].get("labels", {}) if found else {}
    return {key: has.get(key, "not set") for key, value in labels(level).items() if has.get(key) != value}


def _left(namespace: Document) -> str:
    """What the API says is still to go."""
    found = namespace.get("status", {}).get("conditions", [])
    return "\n".join(str(each.get("message", "")) for each in found if each.get("status") == "True")
