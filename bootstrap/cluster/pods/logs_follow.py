"""What the pods of a service print from now on: containers come and go, and every one is read."""

import queue
import re
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from bootstrap.clients.kubernetes_api import Document, translate_errors
from bootstrap.cluster.pods.logs import TAIL_LINES, facts, log_of, no_pod, not_injected, pods, stamped, status_of, why
from bootstrap.cluster.pods.summary import SIDECAR, has
from bootstrap.core.env import Env
from bootstrap.problems.problem import ProblemsFound

API_AWAY_TIMEOUT_S = 30.0  # seconds for which the API may be away


def lines(
    env: Env, service: str, *, sidecar: bool = False, tail: int = TAIL_LINES, every: float = 1.0
) -> Iterator[str]:
    """What `logs.lines` tells, and what comes from now on, without end; new pods are looked for `every` so many
    seconds. Raises `ProblemsFound` as that does.
    """
    return _Following(env, service, SIDECAR if sidecar else service, tail).lines(every)


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
        """Every line, without end. Raises `ProblemsFound` where there is nothing to read, and nothing to wait for."""
        self._look(first=True)
        looked = on_line = time.monotonic()
        while True:
            # By the clock, not when nothing is said: one pod that never stops would hide all others.
            if (left := looked + every - time.monotonic()) <= 0:
                try:
                    self._look()
                    on_line = time.monotonic()
                except ProblemsFound as failed:
                    # The API may come back; then every log is read on from where it broke off.
                    if failed.problems[0].final or time.monotonic() - on_line > API_AWAY_TIMEOUT_S:
                        raise
                looked = time.monotonic()
                continue
            try:
                pod, line = self._said.get(timeout=left)
            except queue.Empty:
                continue
            stamp, text = stamped(line)
            # A log that is read again after a break repeats lines; the API takes whole seconds.
            if not stamp or stamp > self._last.get(pod, ""):
                self._last[pod] = stamp or self._last.get(pod, "")
                yield f"{pod}  {text}" if len(self._readers) > 1 else text

    def _look(self, first: bool = False) -> None:
        with translate_errors(f"The pods of {self.service} cannot be listed.", **facts(self.env, self.service)):
            found = pods(self.env, self.service)
            if first and not found:
                raise ProblemsFound(no_pod(self.env, self.service))
            for pod in found:
                self._attend(pod, first)
            if not self._readers:
                for pod in found:
                    if not has(pod, self.container):
                        raise ProblemsFound(not_injected(self.env, self.service, pod))
                    if (known := why(self.env, pod)) and known.final:
                        raise ProblemsFound(known)

    def _attend(self, pod: Document, first: bool) -> None:
        name, status = pod["metadata"]["name"], status_of(pod, self.container)
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
        # The next look says what is there, and reads on.
        with (
            suppress(ProblemsFound),
            translate_errors(f"The log of {pod} cannot be read.", **facts(self.env, self.service)),
        ):
            for line in self.env.cluster.lines(log_of(self.env, pod), **query):
                self._said.put((pod, line))
