"""The running app as its users reach it: over HTTP, by the addresses of its services."""

import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Self, TypeVar

import httpx

# A failure shows the line of the test, not those in here.
__tracebackhide__ = True

DEADLINE = 15.0  # seconds within which everything that is to happen has happened
SETTLE = 1.0  # seconds in which a second one would show where there is to be one
PATIENCE = 3.0  # seconds of waiting after which the service to look at is asked whether it is there
STALE = timedelta(minutes=10)  # after which a task of a run that did not end well is deleted by the next one
FIRST_POLL, SLOWEST_POLL = 0.02, 0.25  # seconds

T = TypeVar("T")
Task = dict[str, Any]


class Wrong(AssertionError):
    """What a user would see is not right: what was expected, what was seen, and whose log to read."""

    def __init__(self, service: str, words: str) -> None:
        super().__init__(f"{words} Look at: ./inv logs {service}")
        self.words = words


class NotYet(Wrong):
    """An answer that may become the right one by waiting."""


class App:
    """Given the base URL of each service. `deadline` is in seconds.

    Used by several threads at once. As a context manager it deletes, at its end, every task that was made with one
    of its titles, and what earlier runs left behind.
    """

    def __init__(self, urls: Mapping[str, str], deadline: float = DEADLINE) -> None:
        self.urls = urls
        self.deadline = deadline
        self._titles: list[str] = []
        self._stopped = threading.Event()
        self._http = httpx.Client(timeout=deadline, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # A backend that cannot list or delete fails the tests that show it.
        with closing(self._http), suppress(Wrong):
            for task in self.get("backend-api", "/tasks?limit=200")["items"]:
                if task["title"] in self._titles or _left_behind(task):
                    self.delete(task)

    def stop(self) -> None:
        """Ends every wait of every thread."""
        self._stopped.set()

    def url(self, service: str) -> str:
        """The base URL of a service, without a slash at its end."""
        if service not in self.urls:
            raise Wrong(service, f"Nobody told the suite the address of {service}: INV_URLS has {sorted(self.urls)}.")
        return self.urls[service].rstrip("/")

    def title(self) -> str:
        """A title that nothing else has."""
        title = f"smoke {uuid.uuid4()}"
        self._titles.append(title)
        return title

    def request(self, service: str, method: str, path: str, **more: Any) -> httpx.Response:
        """Any answer of a service, whatever its status. Raises `Wrong` when there is none."""
        try:
            return self._http.request(method, self.url(service) + path, **more)
        except httpx.HTTPError as error:
            url = self.url(service) + path
            raise Wrong(
                service, f"{service} gives no answer to {method} {url}: {error or type(error).__name__}."
            ) from None

    def ask(self, service: str, method: str, path: str, *, expected: int = 200, **more: Any) -> Any:
        """The JSON of a good answer (None where it is empty). Raises `NotYet` for a status of 500 and more."""
        answer = self.request(service, method, path, **more)
        if answer.status_code != expected:
            words = f"{service} answers {method} {path} with {answer.status_code}, not {expected}: {_detail(answer)}"
            if answer.status_code >= 500:
                raise NotYet(service, words)
            raise Wrong(service, words)
        return answer.json() if answer.content else None

    def get(self, service: str, path: str) -> Any:
        """The JSON at a path."""
        return self.ask(service, "GET", path)

    def create(self, **fields: Any) -> Task:
        """A new task with a title of its own."""
        task: Task = self.ask("backend-api", "POST", "/tasks", expected=201, json={"title": self.title(), **fields})
        return task

    def complete(self, task: Task) -> None:
        """Completes a task."""
        self.ask("backend-api", "POST", f"/tasks/{task['id']}/complete")

    def delete(self, task: Task) -> None:
        """Deletes a task."""
        self.ask("backend-api", "DELETE", f"/tasks/{task['id']}", expected=204)

    def history(self, task: Task) -> list[str]:
        """What happened to a task, in order: "created", "updated", "completed", "deleted"."""
        entries = self.get("backend-api", f"/tasks/{task['id']}/history")["entries"]
        return [entry["type"].split(".")[-2] for entry in entries]

    def wait(self, service: str, expected: str, look: Callable[[], T], until: Callable[[T], object] = bool) -> T:
        """Looks until what is seen is right, and returns it.

        `expected` ends the sentence that begins with "Expected". Raises `Wrong`, which names `service` as the one to
        look at, when the deadline is over.
        """
        began = time.monotonic()
        pause, asked = FIRST_POLL, False
        while True:
            try:
                seen = look()
                if until(seen):
                    return seen
                words = f"{_shown(seen)}."
            except NotYet as error:
                words = error.words
            waited = time.monotonic() - began
            if waited > PATIENCE and not asked and service in self.urls:
                # Whoever is away at all is not waited for.
                self.request(service, "GET", "/healthz")
                asked = True
            if waited + pause > self.deadline:
                raise Wrong(service, f"Expected {expected}; after {self.deadline:g} s: {words}")
            self.pause(pause)
            pause = min(pause * 1.5, SLOWEST_POLL)

    def exactly_one(self, service: str, expected: str, look: Callable[[], list[T]]) -> T:
        """Looks until there is one, then a while longer for a second one."""
        self.wait(service, f"{expected}, exactly one", look)
        self.pause(SETTLE)
        found = look()
        if len(found) != 1:
            raise Wrong(service, f"Expected {expected}, exactly one; there are {len(found)}: {_shown(found)}.")
        return found[0]

    def pause(self, seconds: float) -> None:
        """Sleeps, unless the run ends."""
        if self._stopped.wait(seconds):
            raise KeyboardInterrupt


def _left_behind(task: Task) -> bool:
    ours = re.fullmatch(r"smoke [0-9a-f-]{36}", task["title"])
    return bool(ours) and datetime.fromisoformat(task["created_at"]) < datetime.now(UTC) - STALE


def _detail(answer: httpx.Response) -> str:
    """What an answer says in words: the detail of a problem (RFC 9457), else its text."""
    if answer.headers.get("content-type", "").startswith("application/problem+json"):
        return str(answer.json().get("detail"))
    return f"{answer.text:.300}"


def _shown(seen: object) -> str:
    return "nothing" if seen in (None, [], ()) else f"{seen!r:.400}"
