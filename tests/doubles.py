"""Doubles for the doors of the core: simulated time, scripted HTTP, commands and brokers, a small environment."""

import heapq
import io
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bootstrap.clients.command import Completed
from bootstrap.clients.http import Answer
from bootstrap.clients.kafka import BrokerError, TopicFacts
from bootstrap.core.env import Env
from bootstrap.core.runner import Done
from bootstrap.manifest import load
from bootstrap.problems.problem import Problem, ProblemsFound

KUBERNETES = "1.36.2"
MANIFEST = """\
name = "small"
namespace = "small"

[cluster]
profile = "small"
kubernetes = "1.36.2"
cpus = 2
memory_mb = 4096

[tools]
minikube = "1.38.1"
helm = "4.1.4"

[broker]
image = "redpandadata/redpanda:v25.3.1"
memory_mb = 512

[broker.listeners]
host = 21700
cluster = 21701

[topics.orders]
partitions = 2
retention_hours = 24
cleanup = "delete"
dead_letter = "orders-dead"

[topics.orders-dead]
partitions = 1
retention_hours = 48
cleanup = "delete"

[dapr]
version = "1.18.1"

[dapr.pod_security]
app = "restricted"
system = "restricted"

[services.shop]
path = "services/shop"
port = 21710
node_port = 30080
app_id = "shop"
publishes = ["orders"]

[services.mailer]
path = "services/mailer"
port = 21711
app_id = "mailer"
state = true
subscribes = ["orders"]
env = { SHOP = "{url:shop}" }
"""


def told(check: Callable[[Env], Problem | None], env: Env) -> Problem | None:
    """What a gate says at one look, whether it returns or raises it."""
    try:
        return check(env)
    except ProblemsFound as failed:
        return failed.problems[0]


def small_env(root: Path, **reachable_urls: Any) -> Env:
    """An environment of two services, `shop` and `mailer`, in `root`; both are modules that do nothing."""
    (root / "environment.toml").write_text(MANIFEST)
    (root / "services" / "shared" / "taskapp").mkdir(parents=True)
    (root / "services" / "shared" / "taskapp" / "__init__.py").write_text("")
    for name in ("shop", "mailer"):
        module = root / "services" / name / name
        module.mkdir(parents=True)
        (module / "__init__.py").write_text("")
        (module / "__main__.py").write_text("import time\n\ntime.sleep(60)\n")
        (root / "services" / name / "requirements.txt").write_text("")
    env = Env(
        manifest=load(root / "environment.toml"), environ={"PATH": "/usr/bin:/bin", "HOME": str(root)}, **reachable_urls
    )
    env.local.mkdir(parents=True)
    return env


class Gone(io.StringIO):
    """A pipe whose reader has ended."""

    def write(self, _: str) -> int:
        raise BrokenPipeError


class Simulated:
    """Workers on simulated time. A call runs when it is started; it ends after the seconds that it `spends`."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._spent = 0.0
        self._order = itertools.count()
        self._ends: list[tuple[float, int, Done]] = []
        self.interrupt_at = math.inf
        self.hung: list[str] = []

    def spend(self, seconds: float) -> None:
        """From inside a call: it takes that long. Infinity: it never ends."""
        self._spent += seconds

    def now(self) -> float:
        return self._now

    def start(self, key: str, call: Callable[[], Problem | None]) -> None:
        self._spent = 0.0
        try:
            done = Done(key, value=call())
        except Exception as error:  # noqa: BLE001 - as a thread does, whatever it is
            done = Done(key, error=error)
        if math.isinf(self._spent):
            self.hung.append(key)
        else:
            heapq.heappush(self._ends, (self._now + self._spent, next(self._order), done))

    def next(self, until: float | None) -> Done | None:
        end = self._ends[0][0] if self._ends else math.inf
        until = math.inf if until is None else until
        if min(end, until) >= self.interrupt_at:
            self._now, self.interrupt_at = self.interrupt_at, math.inf
            raise KeyboardInterrupt
        assert min(end, until) < math.inf, "the runner waits for something that never happens"
        self._now = max(self._now, min(end, until))
        return heapq.heappop(self._ends)[2] if end <= until else None


@dataclass
class Web:
    """The door for HTTP: what each URL answers; all others are away. `asked` keeps what was asked."""

    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __call__(self, method: str, url: str, body: object = None, timeout: float = 2.0) -> Answer:
        self.asked.append(f"{method} {url}")
        return self.answers.get(url, Answer(0, "[Errno 111] Connection refused"))


@dataclass
class FakeBroker:
    """A broker that keeps topics in a dict. With `trouble` it refuses; what it was asked to change is in `calls`.

    With `full` it takes no record.
    """

    there: dict[str, TopicFacts] = field(default_factory=dict)
    trouble: str = ""
    full: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list)

    def topics(self, names: list[str] | None = None) -> dict[str, TopicFacts]:
        self._refuse()
        return {name: facts for name, facts in self.there.items() if names is None or name in names}

    def create(self, name: str, partitions: int, config: Mapping[str, str]) -> None:
        self._refuse()
        self.calls.append(("create", name))
        self.there[name] = TopicFacts(partitions, dict(config))

    def configure(self, name: str, config: Mapping[str, str]) -> None:
        self._refuse()
        self.calls.append(("configure", name))
        self.there[name] = TopicFacts(self.there[name].partitions, {**self.there[name].config, **config})

    def round_trip(self, topic: str) -> None:
        self._refuse()
        assert topic in self.there
        if self.full:
            raise BrokerError(self.full)

    def _refuse(self) -> None:
        if self.trouble:
            raise BrokerError(self.trouble)


@dataclass
class Shell:
    """The door for subprocesses: the first answer whose words are all in the command; `ran` keeps the commands."""

    answers: list[tuple[tuple[str, ...], Completed]] = field(default_factory=list)
    ran: list[tuple[str, ...]] = field(default_factory=list)

    def answer(self, *words: str, exit: int = 0, stdout: str = "", stderr: str = "") -> None:  # noqa: A002
        self.answers.append((words, Completed(words, exit, stdout, stderr, 0.0)))

    def __call__(self, argv: Sequence[str], **_: object) -> Completed:
        self.ran.append(tuple(argv))
        line = " ".join(argv)
        for words, done in self.answers:
            if all(word in line for word in words):
                return Completed(tuple(argv), done.exit, done.stdout, done.stderr, done.seconds)
        raise AssertionError(f"no answer for: {line}")
