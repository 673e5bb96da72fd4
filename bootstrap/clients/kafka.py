"""The door for Kafka's protocol. Asking only, no judging: the topics stage compares."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import uuid4

T = TypeVar("T")
TIMEOUT_MS = 3000


@dataclass(frozen=True)
class TopicFacts:
    """A topic as the broker has it. `config` holds the broker's own strings."""

    partitions: int
    config: Mapping[str, str]


class BrokerError(Exception):
    """The broker is away or refused; the text is its or the client's own words."""


class Broker:
    """A Kafka-protocol broker at `bootstrap` ("host:port"). Every call opens a connection of its own and closes it."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap

    def topics(self, names: list[str] | None = None) -> dict[str, TopicFacts]:
        """The topics that exist, all or those of `names`, with their configuration."""

        async def ask(admin: Any) -> dict[str, TopicFacts]:
            from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

            there = [n for n in await admin.list_topics() if names is None or n in names]
            if not there:
                return {}
            described = await admin.describe_topics(there)
            answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, n) for n in there])
            configs: dict[str, dict[str, str]] = {}
            for answer in answers:
                for _code, _message, _type, name, entries, *_ in (tuple_of(r) for r in answer.resources):
                    configs[name] = {entry[0]: str(entry[1]) for entry in map(tuple_of, entries)}
            return {
                d["topic"]: TopicFacts(len(d["partitions"]), configs.get(d["topic"], {}))
                for d in described
                if d["error_code"] == 0
            }

        found: dict[str, TopicFacts] = self._call(ask)
        return found

    def create(self, name: str, partitions: int, config: Mapping[str, str]) -> None:
        """Creates a topic; nothing happens when it is there already."""

        async def ask(admin: Any) -> None:
            from aiokafka.admin import NewTopic

            answer = await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=dict(config))])
            refuse(answer.topic_errors, allowed=(0, 36))  # 36: it exists already

        self._call(ask)

    def configure(self, name: str, config: Mapping[str, str]) -> None:
        """Sets these configuration values of a topic; the others stay as they are."""

        async def ask(admin: Any) -> None:
            from bootstrap.clients.kafka_alter import SetTopicConfig

            # The client's own method speaks the older AlterConfigs, which not every broker knows.
            answer = await admin._send_request(SetTopicConfig(name, config))
            refuse(answer.resources, allowed=(0,))

        self._call(ask)

    def round_trip(self, topic: str) -> None:
        """Produces one small record to partition 0 of `topic`, which exists, and consumes that very record."""

        async def go() -> None:
            from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

            value, settings = uuid4().bytes, {"bootstrap_servers": self._bootstrap, "request_timeout_ms": TIMEOUT_MS}
            async with _open(AIOKafkaProducer(**settings)) as producer:
                sent = await producer.send_and_wait(topic, value, partition=0)
            async with _open(AIOKafkaConsumer(**settings, auto_offset_reset="none")) as consumer:
                partition = TopicPartition(topic, 0)
                consumer.assign([partition])
                consumer.seek(partition, sent.offset)
                try:
                    got = await asyncio.wait_for(consumer.getone(), TIMEOUT_MS / 1000)
                except TimeoutError as error:
                    raise BrokerError(f"the record at offset {sent.offset} of {topic} was not given back") from error
            if (got.offset, got.value) != (sent.offset, value):
                raise BrokerError(f"at offset {sent.offset} of {topic} is another record than the one sent")

        _quiet_run(go())

    def _call(self, ask: "Any") -> Any:
        async def go() -> Any:
            from aiokafka.admin import AIOKafkaAdminClient

            admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap, request_timeout_ms=TIMEOUT_MS)
            try:
                await admin.start()
                return await ask(admin)
            finally:
                await admin.close()

        return _quiet_run(go())


@asynccontextmanager
async def _open(client: Any) -> AsyncIterator[Any]:
    """A producer or consumer, started and stopped; the client's own context leaves one open that could not start."""
    try:
        await client.start()
        yield client
    finally:
        await client.stop()


def tuple_of(entry: Any) -> tuple[Any, ...]:
    """A row of a response, whichever of the client's two shapes it has."""
    return tuple(entry) if isinstance(entry, tuple | list) else tuple(entry.__dict__.values())


def refuse(rows: Any, allowed: tuple[int, ...]) -> None:
    """Raises `BrokerError` for a row with an error code that is not `allowed`."""
    from aiokafka.errors import for_code

    for row in map(tuple_of, rows):
        code = next(cell for cell in row if isinstance(cell, int))
        if code not in allowed:
            message = next((cell for cell in row if isinstance(cell, str) and " " in cell), "")
            raise BrokerError(f"{for_code(code).__name__}: {message or row}")


def _quiet_run(main: Coroutine[Any, Any, T]) -> T:
    """Runs it on an event loop of this thread, with the client's own logging silenced: `BrokerError` has the words."""
    import logging

    from aiokafka.errors import KafkaError

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        return asyncio.run(main)
    except (KafkaError, OSError) as error:
        raise BrokerError(str(error) or type(error).__name__) from error
