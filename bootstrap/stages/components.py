"""components: Dapr's resources in the cluster are those that the checkout says, and each sidecar has loaded its own."""

from typing import Any

from bootstrap.clients.kubernetes_api import Document, path, translate_errors
from bootstrap.cluster import secrets
from bootstrap.core.env import Env
from bootstrap.core.stage import Stage
from bootstrap.dapr import resources as dapr
from bootstrap.helm import releases
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem

PLURALS = {
    "Component": ("dapr.io/v1alpha1", "components"),
    "Configuration": ("dapr.io/v1alpha1", "configurations"),
    "Resiliency": ("dapr.io/v1alpha1", "resiliencies"),
    "Subscription": ("dapr.io/v2alpha1", "subscriptions"),
}
OURS = secrets.OURS
SELECTOR = ",".join(f"{key}={value}" for key, value in OURS.items())


def wanted(env: Env) -> list[Document]:
    """What the cluster is to have."""
    documents = dapr.resources(env.manifest, env.root / "infrastructure" / "dapr")
    for document in documents:
        document["metadata"]["labels"] = dict(OURS)
    return documents


def apply(env: Env) -> None:
    namespace, there = env.manifest.namespace, _there(env)
    documents = wanted(env)
    for document in documents:
        kind, name = document["kind"], document["metadata"]["name"]
        if not _covers(there.pop((kind, name), {}), document):
            with translate_errors(f"The {kind} {name} cannot be applied."):
                env.cluster.apply(path(*PLURALS[kind], namespace, name), document)
    for kind, name in there:
        with translate_errors(f"The {kind} {name} cannot be removed."):
            env.cluster.delete(path(*PLURALS[kind], namespace, name))
        env.notify(f"removed Dapr's {kind} {name}, which environment.toml no longer needs")
    # A service that was taken out would run on, without its subscriptions.
    releases.prune(env, (*env.manifest.services, secrets.POSTGRES))


def check(env: Env) -> Problem | None:
    there = _there(env)
    for document in wanted(env):
        kind, name = document["kind"], document["metadata"]["name"]
        if not _covers(there.pop((kind, name), {}), document):
            return problem("dapr-resource-differs", f"The cluster does not have the {kind} {name} of the checkout.")
    for kind, name in there:
        return problem("dapr-resource-differs", f"The cluster has a {kind} {name} that environment.toml does not need.")
    return None


def _there(env: Env) -> dict[tuple[str, str], Document]:
    """What the cluster has of ours, by kind and name."""
    found: dict[tuple[str, str], Document] = {}
    for kind, (version, plural) in PLURALS.items():
        with translate_errors(f"The {plural} of Dapr cannot be listed."):
            listed = env.cluster.items(path(version, plural, env.manifest.namespace), labelSelector=SELECTOR)
        # An item of a list may leave out what it is.
        known = {"apiVersion": version, "kind": kind}
        found |= {(kind, document["metadata"]["name"]): document | known for document in listed}
    return found


def _covers(there: Any, document: Any) -> bool:
    """Whether everything in `document` stands in `there`; the API adds fields of its own, and never list items."""
    if isinstance(document, dict) and isinstance(there, dict):
        return all(key in there and _covers(there[key], value) for key, value in document.items())
    if isinstance(document, list) and isinstance(there, list):
        return len(there) == len(document) and all(map(_covers, there, document))
    return bool(there == document)


def stage(needs: tuple[str, ...] = ("sidecar-injection", "postgres")) -> Stage:
    """The gate: the cluster has exactly the resources of the checkout; each service asks its sidecar for them."""
    return Stage("components", needs, apply, check, waits_for="Dapr's components", timeout=30)
