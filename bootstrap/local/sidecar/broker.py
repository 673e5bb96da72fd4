"""The connection to the Kafka-protocol broker: kept up, rebuilt from nothing when it breaks."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

log = logging.getLogger("sidecar.broker")
T = TypeVar("T")

RECONNECT_S = 0.25  # seconds between attempts to connect
FETCH_MS = 100


class BrokerAway(Exception):
    """There is no connection, or the topic does not exist."""


@dataclass(frozen=True)
class Message:
    """One record. `key` and `headers` are what the dead-letter topic gets too."""

    partition: TopicPartition
    offset: int
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


async def _answer(waiting: Awaitable[T]) -> T:
    """A call of the client library. When its connection breaks, some of them end as if we had cancelled them."""
    try:
        return await waiting
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task and task.cancelling():
            raise
        raise BrokerAway("it went away in the middle of a call") from None


class Session:
    """One unbroken connection. A broker that loses its memory loses its connections first, so that offsets which
    were read on one session are never committed on, nor consumption resumed from them in, another.
    """

    def __init__(self, producer: Any, consumer: Any, client: Any) -> None:
        self._producer, self._consumer, self._client = producer, consumer, client
        self.topics: dict[str, set[int]] = {}

    async def look(self) -> None:
        """Read all topics. Asking for none by name keeps brokers from creating them."""
        cluster = await _answer(self._client.fetch_all_metadata())
        self.topics = {name: set(cluster.partitions_for_topic(name) or ()) for name in cluster.topics()}

    async def publish(
        self, topic: str, value: bytes, key: bytes | None, headers: tuple[tuple[str, bytes], ...]
    ) -> None:
        """Send one record, acknowledged. Raises BrokerAway or KafkaError."""
        if topic not in self.topics:
            await self.look()
        if topic not in self.topics:
            raise BrokerAway(f"topic {topic} does not exist")
        await _answer(self._producer.send_and_wait(topic, value, key=key, headers=list(headers)))

    def assign(self, topics: set[str]) -> list[TopicPartition]:
        """Read these topics from the group's committed offsets on.

        There is one sidecar for each app on this machine, so nothing is gained by a group with members, and the
        seconds that it takes to join one are lost.
        """
        partitions = [TopicPartition(name, number) for name in topics for number in sorted(self.topics[name])]
        self._consumer.assign(partitions)
        return partitions

    async def next(self, partition: TopicPartition) -> Message:
        """Wait for the next record of one partition."""
        record = await _answer(self._consumer.getone(partition))
        return Message(partition, record.offset, record.key, record.value or b"", tuple(record.headers))

    async def commit(self, message: Message) -> None:
        """Never deliver this record of its partition again, nor one before it."""
        await _answer(self._consumer.commit({message.partition: message.offset + 1}))


class Connection:
    """Keeps one `Session` up and runs `work` on it; when either ends, both start anew."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._servers, self._fields = fields["brokers"], fields
        self.session: Session | None = None

    async def run(self, work: Callable[[Session], Coroutine[Any, Any, None]]) -> None:
        """Never returns; cancel it."""
        said = ""
        while True:
            try:
                await _answer(self._once(work))
            except (OSError, KafkaError, BrokerAway) as error:
                if said != (said := str(error) or type(error).__name__):
                    log.warning("No session with the broker at %s; trying anew: %s", self._servers, said)
            except Exception:
                # A defect must not end the deliveries for good while the process still looks alive.
                log.exception("The session with the broker at %s ended in a way unknown to it", self._servers)
            await asyncio.sleep(RECONNECT_S)

    async def _once(self, work: Callable[[Session], Coroutine[Any, Any, None]]) -> None:
        async with contextlib.AsyncExitStack() as stack:
            fence = await self._fence(stack)
            session = await self._connect(stack)
            log.info("Connected to the broker at %s", self._servers)
            await self._until_broken(session, fence, work)

    async def publish(
        self, topic: str, value: bytes, key: bytes | None = None, headers: tuple[tuple[str, bytes], ...] = ()
    ) -> None:
        """Send one record, acknowledged. Raises BrokerAway or KafkaError."""
        if self.session is None:
            raise BrokerAway(f"no connection to the broker at {self._servers}")
        await self.session.publish(topic, value, key, headers)

    async def _fence(self, stack: contextlib.AsyncExitStack) -> asyncio.StreamReader:
        host, _, port = self._servers.split(",")[0].rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        stack.callback(writer.close)
        return reader

    async def _connect(self, stack: contextlib.AsyncExitStack) -> Session:
        common = {"bootstrap_servers": self._servers, "client_id": self._fields.get("clientID", "sidecar")}
        client = AIOKafkaClient(**common)
        stack.push_async_callback(client.close)
        await client.bootstrap()
        producer = AIOKafkaProducer(
            **common, acks="all", max_request_size=int(self._fields.get("maxMessageBytes", "1048576"))
        )
        consumer = AIOKafkaConsumer(
            **common,
            group_id=self._fields["consumerGroup"],
            enable_auto_commit=False,
            # Some brokers look for new records only when a fetch begins; this bounds the delay.
            fetch_max_wait_ms=FETCH_MS,
            auto_offset_reset="earliest" if self._fields.get("initialOffset") == "oldest" else "latest",
        )
        for part in (producer, consumer):
            stack.push_async_callback(part.stop)
            await part.start()
        return Session(producer, consumer, client)

    async def _until_broken(
        self,
        session: Session,
        fence: asyncio.StreamReader,
        work: Callable[[Session], Coroutine[Any, Any, None]],
    ) -> None:
        async def broken() -> None:
            await fence.read()
            raise BrokerAway("it closed the connection")

        await session.look()
        self.session = session
        tasks = [asyncio.create_task(part) for part in (broken(), work(session))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self.session = None
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
