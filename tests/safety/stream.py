"""Tasks that are created, changed and completed over REST without a pause, and what must have come of them."""

import threading
import time
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

import httpx

PATIENCE = 90.0  # seconds that a service may be away
BREATH = 0.4  # seconds between tasks: a stream, not a load test
AGAIN = 0.1  # seconds before the same is tried again
Task = dict[str, Any]


class Stream:
    """A user who does one thing after another, and does it again when no answer came, as at-least-once demands.

    `urls` are the services' base URLs. `broken` is what a user would have to give up with.
    """

    def __init__(self, urls: dict[str, str]) -> None:
        self.urls = urls
        self.tasks: list[Task] = []
        self.broken: Exception | None = None
        self._run = uuid.uuid4().hex
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(PATIENCE * 2)
        assert not self._thread.is_alive()

    def wrong(self) -> list[str]:
        """What is not, or not yet, as it must be: a sentence for each task."""
        following = Counter(task["previous_id"] for task in self._all())
        return [words for task in self.tasks for words in self._wrong(task, following[task["id"]])]

    def _wrong(self, task: Task, following: int) -> list[str]:
        now = self._ask("GET", "backend-api", f"/tasks/{task['id']}")
        entries = self._ask("GET", "audit-service", f"/history/{task['id']}")["entries"]
        seen = [entry["sequence"] for entry in entries]
        said = []
        if seen != list(range(1, now["version"] + 1)):
            said.append(f"{task['title']}: its history has {seen}, of {now['version']}")
        elif len({entry["event_id"] for entry in entries}) != len(entries) or kinds(entries) != task["did"]:
            said.append(f"{task['title']}: its history tells {kinds(entries)}, not {task['did']}")
        if following != (task["recurrence"] is not None):
            said.append(f"{task['title']}: {following} next occurrences")
        sent = self._ask("GET", "notification-service", f"/notifications?task_id={task['id']}")["notifications"]
        if len(sent) != (task["remind_at"] is not None):
            said.append(f"{task['title']}: {len(sent)} notifications")
        return said

    def _all(self) -> list[Task]:
        found, at = [], "/tasks?limit=200"
        while at:
            page = self._ask("GET", "backend-api", at)
            found += page["items"]
            at = page["next"]
        return found

    def _work(self) -> None:
        try:
            while not self._stop.wait(BREATH):
                self._one(len(self.tasks))
        except (httpx.HTTPError, AssertionError) as error:
            self.broken = error

    def _one(self, number: int) -> None:
        soon = datetime.now(UTC) + timedelta(seconds=1)
        more = [{}, {"recurrence": "daily", "due_at": soon.isoformat()}, {"remind_at": soon.isoformat()}][number % 3]
        body = {"title": f"stream {number}", **more}
        key = {"Idempotency-Key": f"{self._run}-{number}"}
        task: Task = self._ask("POST", "backend-api", "/tasks", json=body, headers=key)
        did = ["created", "updated"]
        self._ask("PATCH", "backend-api", f"/tasks/{task['id']}", json={"description": "changed"})
        if not task["remind_at"]:  # a completed task reminds nobody
            self._ask("POST", "backend-api", f"/tasks/{task['id']}/complete")
            did.append("completed")
        self.tasks.append(task | {"did": did})

    def _ask(self, method: str, service: str, path: str, **more: Any) -> Any:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                address = self.urls[service] + path
                answer = httpx.request(method, address, timeout=15.0, trust_env=False, verify=False, **more)  # noqa: S501
                if answer.status_code < 500:
                    assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
                    return answer.json()
                answer.raise_for_status()
            except httpx.HTTPError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(AGAIN)


def kinds(entries: list[dict[str, Any]]) -> list[str]:
    """What happened to a task, in order: "created", "updated", …"""
    return [entry["type"].split(".")[-2] for entry in entries]
