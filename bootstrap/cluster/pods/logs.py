"""What the pods of a service print, over all of them and across rollouts."""

import heapq
import re
from collections.abc import Iterator
from typing import Any

from bootstrap.clients.kubernetes_api import Document, message, path, translate_errors
from bootstrap.cluster.pods.summary import SIDECAR, has
from bootstrap.core.env import Env
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound

TAIL_LINES = 200  # lines of each pod
STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\S+(?:Z|[+-]\d\d:\d\d)) ")


def lines(
    env: Env, service: str, *, sidecar: bool = False, previous: bool = False, tail: int = TAIL_LINES
) -> Iterator[str]:
    """The last `tail` lines of each pod of a service, in the order of their time, each with its pod where there are
    several. `postgres` has a log too.

    Raises `ProblemsFound`, naming why there is nothing to read.
    """
    container = SIDECAR if sidecar else service
    with translate_errors(f"The pods of {service} cannot be listed.", **facts(env, service)):
        found = pods(env, service)
    if not found:
        raise ProblemsFound(no_pod(env, service))
    texts: dict[str, list[str]] = {}
    silent: list[Problem] = []
    for pod in found:
        if not has(pod, container):
            silent.append(not_injected(env, service, pod))
        elif previous and not _has_died(status_of(pod, container)):
            silent.append(_no_previous(env, service, pod))
        else:
            try:
                texts[pod["metadata"]["name"]] = _read(env, pod, container, previous, tail)
            except ProblemsFound as failed:
                silent += failed.problems
    if not texts:
        raise ProblemsFound(silent[:1])
    merged = heapq.merge(*([(stamped(text), name) for text in said] for name, said in texts.items()))
    for (_, text), name in merged:
        yield f"{name}  {text}" if len(texts) > 1 else text
    if silent and not previous:
        raise ProblemsFound(silent)


def pods(env: Env, service: str) -> list[Document]:
    """The pods of a service, newest first. Raises what the API raises."""
    found = env.cluster.items(
        path("v1", "pods", env.manifest.namespace), labelSelector=f"app.kubernetes.io/name={service}"
    )
    return sorted(found, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), reverse=True)


def _read(env: Env, pod: Document, container: str, previous: bool, tail: int) -> list[str]:
    from kubernetes.client import ApiException

    name = pod["metadata"]["name"]
    summary = f"The log of {container} in the pod {name} cannot be read."
    with translate_errors(summary, **facts(env, container)):
        try:
            query: dict[str, object] = {"container": container, "tailLines": tail, "timestamps": "true"}
            # While it waits for its next start, the one of now is the one that died last.
            if previous and "running" in status_of(pod, container).get("state", {}):
                query["previous"] = "true"
            text = env.cluster.text(log_of(env, name), **query)
        except ApiException as error:
            if error.status != 400:
                raise
            known = why(env, pod)
            silent = problem("log-not-started", summary, evidence=message(error), **facts(env, container))
            raise ProblemsFound(known or silent) from error
    return text.splitlines()


def why(env: Env, pod: Document) -> Problem | None:
    """What keeps a pod from running. Raises what the API raises."""
    from bootstrap.cluster.pods.why import problem_of

    name = pod["metadata"]["name"]
    events = env.cluster.items(
        path("v1", "events", env.manifest.namespace), fieldSelector=f"involvedObject.name={name}"
    )
    return problem_of(env, pod, events)


def stamped(line: str) -> tuple[str, str]:
    """The time that the API put before a line, "" for none, and the line."""
    match = STAMP.match(line)
    return (match[1], line[match.end() :]) if match else ("", line)


def log_of(env: Env, pod: str) -> str:
    """The API's path of a pod's log."""
    return path("v1", "pods", env.manifest.namespace, pod, "log")


def status_of(pod: Document, container: str) -> Document:
    """The status of one container, {} where there is none yet."""
    told = pod.get("status", {})
    every = (*told.get("containerStatuses", ()), *told.get("initContainerStatuses", ()))
    return next((dict(one) for one in every if one["name"] == container), {})


def _has_died(status: Document) -> bool:
    return bool(status.get("lastState")) or "terminated" in status.get("state", {})


def facts(env: Env, name: str) -> dict[str, Any]:
    """What the catalogue's rows about logs need."""
    return {
        "name": name,
        "namespace": env.manifest.namespace,
        "context": env.context,
        "kubeconfig": env.kubeconfig,
    }


def no_pod(env: Env, service: str) -> Problem:
    """The problem of a service without pods."""
    return problem("log-no-pod", f"{service} has no pod.", final=True, **facts(env, service))


def _no_previous(env: Env, service: str, pod: Document) -> Problem:
    summary = f"No container of {service} ran before the one of now in the pod {pod['metadata']['name']}."
    return problem("log-no-previous", summary, final=True, **facts(env, service))


def not_injected(env: Env, service: str, pod: Document) -> Problem:
    """The problem of a pod without a sidecar."""
    summary = f"The pod {pod['metadata']['name']} of {service} has no {SIDECAR} container."
    return problem("log-not-injected", summary, final=True, **facts(env, service))
