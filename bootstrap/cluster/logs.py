"""What the pods of a service print, over all of them and across rollouts."""

import heapq
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bootstrap.catalogue import problem
from bootstrap.cluster.api import Document, message, path, words
from bootstrap.env import Env
from bootstrap.problem import Failed, Problem

SIDECAR = "daprd"
EVERY = 1.0  # seconds between looks for new pods while following
PATIENCE = 30.0  # seconds for which the API may be away while following
STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\S+(?:Z|[+-]\d\d:\d\d)) ")

Why = Callable[[Env, Document, list[Document]], Problem | None]
"""What keeps a pod from running, by its events (`bootstrap.cluster.pods.problem_of`)."""


def lines(
    env: Env,
    service: str,
    *,
    sidecar: bool = False,
    previous: bool = False,
    follow: bool = False,
    tail: int = 200,
    every: float = EVERY,
) -> Iterator[str]:
    """The last `tail` lines of each pod of a service, in the order of their time; each with its pod where there are
    several. `broker` and `postgres` have logs too. With `follow` what comes from now on, new pods included, without end.

    Raises `Failed`, naming why there is nothing to read.
    """
    if sidecar and not (service in env.manifest.services and env.manifest.services[service].app_id):
        raise Failed(problem("log-no-sidecar", f"{service} has no Dapr sidecar.", name=service, final=True))
    if service == "broker":
        from bootstrap.local import brokers

        return brokers.lines(env, follow)
    container = SIDECAR if sidecar else service
    if follow:
        return _Following(env, service, container, tail).lines(every)
    return _printed(env, service, container, previous, tail)


def pods(env: Env, service: str) -> list[Document]:
    """The pods of a service that are not finished, newest first. Raises what the API raises."""
    found = env.cluster.items(
        path("v1", "pods", env.manifest.namespace), labelSelector=f"app.kubernetes.io/name={service}"
    )
    return sorted(found, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), reverse=True)


def _printed(env: Env, service: str, container: str, previous: bool, tail: int) -> Iterator[str]:
    with words(f"The pods of {service} cannot be listed.", **_facts(env, service)):
        found = pods(env, service)
    if not found:
        raise Failed(_no_pod(env, service))
    texts: dict[str, list[str]] = {}
    silent: list[Problem] = []
    for pod in found:
        if not _has(pod, container):
            silent.append(_not_injected(env, service, pod))
        elif previous and not _status(pod, container).get("lastState"):
            silent.append(_no_previous(env, service, pod))
        else:
            try:
                texts[pod["metadata"]["name"]] = _read(env, pod, container, previous, tail)
            except Failed as failed:
                silent += failed.problems
    if not texts:
        raise Failed(silent[:1])
    merged = heapq.merge(*([(stamped(text), name) for text in said] for name, said in texts.items()))
    for (_, text), name in merged:
        yield f"{name}  {text}" if len(texts) > 1 else text
    if silent and not previous:
        raise Failed(silent)


def _read(env: Env, pod: Document, container: str, previous: bool, tail: int) -> list[str]:
    from kubernetes.client import ApiException

    name = pod["metadata"]["name"]
    summary = f"The log of {container} in the pod {name} cannot be read."
    with words(summary, **_facts(env, container)):
        try:
            query = {"container": container, "tailLines": tail, "timestamps": "true"}
            text = env.cluster.text(_log(env, name), **query, **({"previous": "true"} if previous else {}))
        except ApiException as error:
            if error.status != 400:
                raise
            known = why(env, pod)
            silent = problem("log-not-started", summary, evidence=message(error), **_facts(env, container))
            raise Failed(known or silent) from error
    return text.splitlines()


def why(env: Env, pod: Document) -> Problem | None:
    """What keeps a pod from running. Raises what the API raises."""
    from bootstrap.cluster.pods import problem_of

    name = pod["metadata"]["name"]
    events = env.cluster.items(
        path("v1", "events", env.manifest.namespace), fieldSelector=f"involvedObject.name={name}"
    )
    return problem_of(env, pod, events)


def stamped(line: str) -> tuple[str, str]:
    """The time that the API put before a line, "" for none, and the line."""
    match = STAMP.match(line)
    return (match[1], line[match.end() :]) if match else ("", line)


@dataclass
class _Following:
    """Reads the containers of a service as they come and go, each on a thread of its own."""

    env: Env
    service: str
    container: str
    tail: int
    _said: "queue.SimpleQueue[tuple[str, str]]" = field(default_factory=queue.SimpleQueue)
    _readers: dict[str, tuple[str, threading.Thread]] = field(default_factory=dict)  # by pod: container id, its reader
    _last: dict[str, str] = field(default_factory=dict)  # by pod: the time of its last line

    def lines(self, every: float) -> Iterator[str]:
        self._look(first=True)
        looked = heard = time.monotonic()
        while True:
            try:
                pod, line = self._said.get(timeout=max(0.0, looked + every - time.monotonic()))
            except queue.Empty:
                try:
                    self._look()
                    heard = time.monotonic()
                except Failed:
                    # It may come back; what was read by then goes on where it ended.
                    if time.monotonic() - heard > PATIENCE:
                        raise
                looked = time.monotonic()
                continue
            stamp, text = stamped(line)
            # A log that is read again after a break repeats lines; the API takes whole seconds.
            if not stamp or stamp > self._last.get(pod, ""):
                self._last[pod] = stamp or self._last.get(pod, "")
                yield f"{pod}  {text}" if len(self._readers) > 1 else text

    def _look(self, first: bool = False) -> None:
        with words(f"The pods of {self.service} cannot be listed.", **_facts(self.env, self.service)):
            found = pods(self.env, self.service)
            if first and not found:
                raise Failed(_no_pod(self.env, self.service))
            for pod in found:
                self._attend(pod, first)
            if not self._readers:
                for pod in found:
                    if not _has(pod, self.container):
                        raise Failed(_not_injected(self.env, self.service, pod))
                    if (known := why(self.env, pod)) and known.final:
                        raise Failed(known)

    def _attend(self, pod: Document, first: bool) -> None:
        name, status = pod["metadata"]["name"], _status(pod, self.container)
        started, running = str(status.get("containerID", "")), "running" in status.get("state", {})
        was, reader = self._readers.get(name, ("", None))
        if not started or (reader and reader.is_alive()) or (started == was and not running):
            return
        query: dict[str, object] = {"container": self.container, "follow": "true", "timestamps": "true"}
        if name in self._last:
            query["sinceTime"] = re.sub(r"\.\d+", "", self._last[name])
        elif first:
            query["tailLines"] = self.tail
        thread = threading.Thread(target=self._follow, args=(name, query), name=f"log {name}", daemon=True)
        self._readers[name] = (started, thread)
        thread.start()

    def _follow(self, pod: str, query: dict[str, object]) -> None:
        try:
            for line in self.env.cluster.lines(_log(self.env, pod), **query):
                self._said.put((pod, line))
        except Exception:  # noqa: BLE001 - the next look says what is there, and reads on
            return


def _log(env: Env, pod: str) -> str:
    return path("v1", "pods", env.manifest.namespace, pod, "log")


def _has(pod: Document, container: str) -> bool:
    spec = pod["spec"]
    return any(one["name"] == container for one in (*spec["containers"], *spec.get("initContainers", ())))


def _status(pod: Document, container: str) -> Document:
    told = pod.get("status", {})
    every = (*told.get("containerStatuses", ()), *told.get("initContainerStatuses", ()))
    return next((dict(one) for one in every if one["name"] == container), {})


def _facts(env: Env, name: str) -> dict[str, object]:
    return {
        "name": name,
        "namespace": env.manifest.namespace,
        "context": env.context,
        "kubeconfig": env.kubeconfig,
    }


def _no_pod(env: Env, service: str) -> Problem:
    return problem("log-no-pod", f"{service} has no pod.", final=True, **_facts(env, service))


def _no_previous(env: Env, service: str, pod: Document) -> Problem:
    summary = f"No container of {service} ran before the one of now in the pod {pod['metadata']['name']}."
    return problem("log-no-previous", summary, final=True, **_facts(env, service))


def _not_injected(env: Env, service: str, pod: Document) -> Problem:
    summary = f"The pod {pod['metadata']['name']} of {service} has no {SIDECAR} container."
    return problem("log-not-injected", summary, final=True, **_facts(env, service))
