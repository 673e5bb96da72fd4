"""Topics in a dict, behind the scripted broker's container; and the door for Kafka that leads there."""

import json
import subprocess
from collections.abc import Mapping
from typing import Any

from bootstrap.clients.kafka import BrokerError, TopicFacts
from tests.scripted.engine import Engine
from tests.scripted.programs import Said


class Topics:
    """The program `kafka`: it prints what the broker at an address answers, and fails where none runs."""

    def __init__(self, machine: Engine) -> None:
        self.machine = machine
        self.there: dict[str, tuple[int, dict[str, str]]] = {}

    def is_running(self, port: str) -> bool:
        """Whether a container of ours runs that publishes this port ("": any)."""
        with self.machine.lock:
            for name, one in self.machine.containers.items():
                if name.startswith("small-redpanda") and one["State"]["Status"] == "running":
                    bound = [each["HostPort"] for all_ in one["NetworkSettings"]["Ports"].values() for each in all_]
                    return port in ("", *bound)
            return False

    def __call__(self, args: list[str], environ: dict[str, str]) -> Said:
        at, what, *more = args
        if not self.is_running(at.rpartition(":")[2]):
            yield f"Unable to bootstrap from {at}"
            return 1
        if what == "create":
            self.there.setdefault(more[0], (int(more[1]), json.loads(more[2])))
        elif what == "configure":
            partitions, config = self.there[more[0]]
            self.there[more[0]] = partitions, {**config, **json.loads(more[1])}
        yield json.dumps(self.there)
        return 0


class Door:
    """`bootstrap.clients.kafka.Broker`, through the program."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap

    def topics(self, names: list[str] | None = None) -> dict[str, TopicFacts]:
        found = self._ask("topics")
        return {name: TopicFacts(*facts) for name, facts in found.items() if names is None or name in names}

    def create(self, name: str, partitions: int, config: Mapping[str, str]) -> None:
        self._ask("create", name, str(partitions), json.dumps(dict(config)))

    def configure(self, name: str, config: Mapping[str, str]) -> None:
        self._ask("configure", name, json.dumps(dict(config)))

    def round_trip(self, topic: str) -> None:
        self._ask("topics")

    def _ask(self, *words: str) -> dict[str, Any]:
        done = subprocess.run(["kafka", self._bootstrap, *words], capture_output=True, text=True, check=False)
        if done.returncode:
            raise BrokerError(done.stdout)
        found: dict[str, Any] = json.loads(done.stdout)
        return found
