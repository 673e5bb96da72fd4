"""A pod that does not run, with all that is asked about it."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from bootstrap.clients.kubernetes_api import Document, path
from bootstrap.cluster.pods import events
from bootstrap.core.env import Env
from bootstrap.problems import redaction
from bootstrap.problems.problem import Problem

TAIL_LINES = 40  # lines of a log in which the cause is looked for
SHOWN_LINES = 15  # lines of a log that the user is shown
NAME_LABEL = "app.kubernetes.io/name"


def kubectl(env: Env, namespace: str) -> str:
    """The beginning of a command for this cluster and that namespace."""
    return f"kubectl --kubeconfig {shlex.quote(str(env.kubeconfig))} --context {env.context} --namespace {namespace}"


@dataclass(frozen=True)
class Container:
    """A container as the pod describes it. `init` is one that has to end before the others start."""

    name: str
    init: bool
    spec: Document
    status: Document

    @property
    def waiting(self) -> Document | None:
        return self._state("state", "waiting")

    @property
    def running(self) -> Document | None:
        return self._state("state", "running")

    @property
    def ended(self) -> Document | None:
        """How it ended, or, when it runs again or waits for that, how it ended the last time."""
        return self._state("state", "terminated") or self._state("lastState", "terminated")

    @property
    def is_down(self) -> bool:
        """Whether it ended and was not started again."""
        return self._state("state", "terminated") is not None

    @property
    def restarts(self) -> int:
        return int(self.status.get("restartCount", 0))

    @property
    def ready(self) -> bool:
        return bool(self.status.get("ready"))

    def _state(self, which: str, kind: str) -> Document | None:
        found: Document | None = (self.status.get(which) or {}).get(kind)
        return found


@dataclass(frozen=True)
class PodSnapshot:
    """One look at a pod. `events` are those that may be about it, `now` is the time of the look."""

    env: Env
    pod: Document
    events: list[Document]
    now: datetime

    @property
    def name(self) -> str:
        return str(self.pod["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.pod["metadata"]["namespace"])

    @property
    def shown(self) -> str:
        return f"pod {self.namespace}/{self.name}"

    @property
    def phase(self) -> str:
        """Return "Pending", "Running", "Succeeded" or "Failed", "" where the API does not say."""
        return str(self.pod.get("status", {}).get("phase", ""))

    def containers(self) -> Iterator[Container]:
        """In the order in which they start."""
        told = self.pod.get("status", {})
        for kind in ("initContainers", "containers"):
            singular = kind.removesuffix("s")
            statuses = {one["name"]: one for one in told.get(f"{singular}Statuses", ())}
            for spec in self.pod["spec"].get(kind, ()):
                init = kind == "initContainers" and spec.get("restartPolicy") != "Always"
                yield Container(spec["name"], init, spec, statuses.get(spec["name"], {}))

    def condition(self, kind: str) -> Document:
        """The condition of that type, {} where it is not there."""
        found = self.pod.get("status", {}).get("conditions", ())
        return next((one for one in found if one["type"] == kind), {})

    def said(self, container: str = "") -> list[Document]:
        """The events about the pod, or about one of its containers, newest last."""
        meta = self.pod["metadata"]
        return events.about(self.events, uid=meta.get("uid", ""), name=self.name, container=container)

    def log(self, container: Container) -> str:
        """The last lines of the run of a container that ended last, "" where they are gone."""
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        query: dict[str, object] = {"container": container.name, "tailLines": TAIL_LINES}
        previous = not container.is_down and container.ended is not None
        try:
            if previous:
                query["previous"] = "true"
            return self.env.cluster.text(path("v1", "pods", self.namespace, self.name, "log"), **query)
        except (ApiException, HTTPError, OSError):
            return ""

    def facts(self, container: str = "") -> dict[str, Any]:
        """What the rows of the catalogue are filled with."""
        labels = self.pod["metadata"].get("labels", {})
        return {
            "pod": self.name,
            "container": container,
            "namespace": self.namespace,
            "service": labels.get(NAME_LABEL) or labels.get("app") or container,
            "kubectl": kubectl(self.env, self.namespace),
            "context": self.env.context,
        }

    def with_evidence(self, found: Problem, words: str, log: str = "") -> Problem:
        """The problem with all that is known of it: the state's words, the pod's warnings, its last words. Secrets are
        taken out."""
        warnings = events.text(self.said())
        last = "\n".join(log.strip().splitlines()[-SHOWN_LINES:])
        parts = (words.strip(), f"events:\n{warnings}" if warnings else "", f"last words:\n{last}" if last else "")
        evidence = redaction.text("\n".join(part for part in parts if part), tuple(self.env.secrets))
        return replace(found, evidence=evidence)

    def seconds_since(self, stamp: str | None) -> float:
        """Seconds from a time stamp of the API until now; endless where there is none."""
        return (self.now - datetime.fromisoformat(stamp)).total_seconds() if stamp else float("inf")


def at(now: datetime | None) -> datetime:
    """The time of a look: `now`, or the clock's."""
    return now or datetime.now(UTC)
