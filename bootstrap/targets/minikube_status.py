"""What runs on the cluster, as a plain document: a handful of lists, asked for at the same time."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bootstrap.clients.kubernetes_api import Document, path, translate_errors
from bootstrap.cluster.namespaces import SYSTEM
from bootstrap.cluster.pods.summary import is_ready, pod_facts
from bootstrap.cluster.service_urls import public
from bootstrap.core.env import Env
from bootstrap.dapr import disabled
from bootstrap.images import layout
from bootstrap.problems.problem import ProblemsFound

INJECTOR = "dapr-sidecar-injector"
ENABLED = "dapr.io/enabled"
CACHED = {"resourceVersion": "0"}  # from the API server's memory; older by no more than its watch is behind

Ages = Callable[[Env], Mapping[str, float]]
"""When each image of the node's engine was built, in seconds since 1970, by its name with tag."""


def built(env: Env) -> dict[str, float]:
    """The `Ages` of the node's own engine. Raises `ProblemsFound`."""
    from bootstrap.clients.docker_engine import translate_errors as engine_words
    from bootstrap.minikube.docker_env import engine

    client = engine(env).client
    with engine_words("The images of the node cannot be listed."):
        images = client.api.images()
    return {tag: float(image["Created"]) for image in images for tag in image.get("RepoTags") or ()}


def facts(env: Env, ages: Ages = built) -> dict[str, Any]:
    """The cluster, Dapr, broker, topics, releases, services with their pods, and other pods; see docs/guide.md.

    Ages are in seconds. What cannot be asked is None, and why is among `notes`.
    """
    wanted: dict[str, Callable[[], Any]] = {
        "cluster": lambda: _cluster(env),
        "dapr": lambda: _dapr(env),
        "broker": lambda: _broker(env),
        "topics": lambda: _topics(env),
        "releases": lambda: _releases(env),
        "deployments": lambda: _list(env, "apps/v1", "deployments", env.manifest.namespace),
        "pods": lambda: _list(env, "v1", "pods", env.manifest.namespace),
        "ages": lambda: ages(env),
        "references": lambda: {name: layout.reference(env, name) for name in env.manifest.services},
    }

    def ask(part: str) -> tuple[Any, str]:
        try:
            return wanted[part](), ""
        except ProblemsFound as failed:
            return None, failed.problems[0].summary

    with ThreadPoolExecutor(len(wanted)) as pool:
        answers = dict(zip(wanted, pool.map(ask, wanted), strict=True))
    found = {part: value for part, (value, _) in answers.items()}
    notes = [note for _, note in answers.values() if note]
    pods: dict[str, list[dict[str, Any]]] = {}
    for pod in found["pods"] or ():
        name = pod["metadata"].get("labels", {}).get("app.kubernetes.io/name", pod["metadata"]["name"])
        pods.setdefault(name, []).append(pod_facts(pod, time.time()))
    services = {name: _service(env, name, found, pods.pop(name, [])) for name in env.manifest.services}
    off = [name for name, service in services.items() if service["dapr"] == "off"]
    notes += [f"Dapr is switched off for {name}: {text}." for name in off for text in services[name]["without_dapr"]]
    return {
        **{part: found[part] for part in ("cluster", "dapr", "broker", "topics", "releases")},
        "services": services,
        "pods": pods,
        "notes": list(dict.fromkeys(notes)),
    }


def _service(env: Env, name: str, found: Mapping[str, Any], pods: list[dict[str, Any]]) -> dict[str, Any]:
    deployed = next((one for one in found["deployments"] or () if one["metadata"]["name"] == name), None)
    image = wanted = found["references"] and found["references"][name]
    template = deployed["spec"]["template"] if deployed else {}
    if deployed:
        image = next(str(one["image"]) for one in template["spec"]["containers"])
    built_at = (found["ages"] or {}).get(image)
    dapr = "none"
    if env.manifest.services[name].app_id:
        is_on = template.get("metadata", {}).get("annotations", {}).get(ENABLED) == "true"
        dapr = ("on" if is_on else "off") if deployed else "unknown"
    return {
        "url": public(env).get(name, ""),
        "version": wanted.rpartition(":")[2] if wanted else None,
        "image": image if deployed else None,
        "image_age_seconds": round(time.time() - built_at) if deployed and built_at else None,
        "stale": bool(deployed and wanted) and image != wanted,
        "release": (found["releases"] or {}).get(name),
        "dapr": dapr,
        "without_dapr": disabled.effects(env.manifest, name) if dapr == "off" else [],
        "pods": pods,
    }


def _list(env: Env, version: str, kind: str, namespace: str = "") -> list[Document]:
    with translate_errors(f"The {kind} cannot be listed."):
        return env.cluster.items(path(version, kind, namespace), **CACHED)


def _cluster(env: Env) -> dict[str, Any]:
    nodes = _list(env, "v1", "nodes")
    with translate_errors("The cluster does not tell its version."):
        version = env.cluster.get("/version")["gitVersion"]
    return {
        "profile": env.context,
        "version": version,
        "nodes": {node["metadata"]["name"]: is_ready(node) for node in nodes},
    }


def _dapr(env: Env) -> dict[str, Any]:
    workloads = [*_list(env, "apps/v1", "deployments", SYSTEM), *_list(env, "apps/v1", "statefulsets", SYSTEM)]
    where = path("admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations", name=INJECTOR)
    with translate_errors("Dapr's injector cannot be looked for."):
        hook = env.cluster.find(where)
    return {
        "version": workloads[0]["metadata"].get("labels", {}).get("app.kubernetes.io/version") if workloads else None,
        "workloads": {
            one["metadata"]["name"]: {
                "ready": one.get("status", {}).get("readyReplicas", 0),
                "wanted": one["spec"].get("replicas", 1),
            }
            for one in workloads
        },
        "injects": bool(hook and all(one.get("clientConfig", {}).get("caBundle") for one in hook["webhooks"])),
    }


def _broker(env: Env) -> dict[str, Any]:
    from bootstrap.broker import redpanda
    from bootstrap.clients.docker_engine import translate_errors as engine_words

    with engine_words("The broker's container cannot be looked at."):
        told = redpanda.facts(env)
    return {**told, "age_seconds": round(time.time() - told["started"]) if told["started"] else None}


def _topics(env: Env) -> dict[str, bool] | None:
    """Each topic of environment.toml: whether the broker has it; None when the broker does not answer."""
    from bootstrap.broker import redpanda
    from bootstrap.clients.kafka import BrokerError

    try:
        there = env.broker_at(f"127.0.0.1:{redpanda.port(env)}").topics(list(env.manifest.topics))
    except BrokerError:
        return None
    return {name: name in there for name in env.manifest.topics}


def _releases(env: Env) -> dict[str, dict[str, Any]]:
    from bootstrap.helm import releases

    return {
        name: {
            "revision": told["revision"],
            "status": told["status"],
            "age_seconds": round(time.time() - told["updated"]) if told["updated"] else None,
        }
        for name, told in releases.current(env).items()
    }


def rows(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """See `bootstrap.targets.minikube_rows.rows`."""
    from bootstrap.targets import minikube_rows

    return minikube_rows.rows(document)
