"""What a service's pod says of its own Dapr resources, and what its sidecar has loaded of them."""

from bootstrap.clients.http import rows
from bootstrap.cluster import secrets
from bootstrap.cluster.pods.case import kubectl
from bootstrap.core.env import Env
from bootstrap.dapr import resources
from bootstrap.dapr.resources import PUBSUB, STATESTORE
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem

SIDECAR_PORT = 3500


def annotations(env: Env, service: str) -> dict[str, str]:
    """Annotations for the pods of a service: what its containers read only when they start rolls it out anew."""
    known = env.manifest.services[service]
    found = resources.annotations(env.manifest, env.root / "infrastructure" / "dapr", service)
    if known.database or known.state:
        found["checksum/password"] = secrets.checksum(env)
    return found


def check(env: Env, service: str, pod: str) -> Problem | None:
    """Whether the sidecar in a pod has the pinned version, its components, and its subscriptions."""
    manifest, address = env.manifest, "/v1.0/metadata"
    known, pinned = manifest.services[service], manifest.dapr.version
    answer = env.cluster.ask_pod(manifest.namespace, pod, SIDECAR_PORT, address)

    def finding(code: str, what: str) -> Problem:
        said = f"GET {address}: {answer.status or ''} {answer.text}"
        summary = f"The sidecar of the pod {pod} {what}."
        return problem(
            code, summary, evidence=said, name=service, pod=pod, kubectl=kubectl(env, env.manifest.namespace)
        )

    if answer.status != 200:
        return finding("sidecar-silent", "does not tell what it has loaded")
    metadata = answer.table()
    if (version := metadata.get("runtimeVersion")) != pinned:
        return finding("sidecar-version-differs", f"is Dapr {version}, and environment.toml pins {pinned}")
    components = {row.get("name") for row in rows(metadata.get("components"))}
    needed = [PUBSUB] if known.publishes or known.subscribes else []
    for name in (*needed, *([STATESTORE] if known.state else [])):
        if name not in components:
            return finding("component-not-loaded", f"has not loaded {name}")
    topics = {(row.get("topic"), row.get("deadLetterTopic") or None) for row in rows(metadata.get("subscriptions"))}
    for topic in known.subscribes:
        dead_letter = manifest.topics[topic].dead_letter or None
        if (topic, dead_letter) not in topics:
            what = f"has no subscription to {topic} with dead letters in {dead_letter or 'no topic'}"
            return finding("subscription-not-registered", what)
    return None
