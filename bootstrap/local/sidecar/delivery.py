"""Subscriptions: each event to the app at least once, with retries, then to its dead-letter topic."""

import asyncio
import json
import logging
from collections.abc import Awaitable
from typing import Any, TypeVar

import httpx
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from bootstrap.local.sidecar import events
from bootstrap.local.sidecar.broker import BrokerAway, Message, Session
from bootstrap.local.sidecar.resources import Resources, Subscription

log = logging.getLogger("sidecar.delivery")
T = TypeVar("T")

APP_POLL_S = 0.1  # seconds between looks at an app that does not listen
REDELIVERY_S = 5.0  # seconds before an event that has no dead-letter topic goes through its retries again
TOPICS_POLL_SOON_S, TOPICS_POLL_S = (
    0.1,
    1.0,
)  # seconds between looks at the topics: while one is missing, and when all are there


class Dropped(Exception):
    """The app does not want this event, now or later."""


class Refused(Exception):
    """This attempt failed; another one may not."""


class Delivery:
    """Delivers to the app on loopback. `placed` holds the topics that are being read now."""

    def __init__(self, resources: Resources, app_port: int, client: httpx.AsyncClient) -> None:
        self._inbound, self._client = resources.inbound, client
        self._base = f"http://127.0.0.1:{app_port}"
        allowed = [s for s in resources.subscriptions if resources.may("subscriptionScopes", s.topic)]
        self._subscriptions = {s.topic: s for s in allowed}
        self.placed: dict[str, set[int]] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._idle: set[asyncio.Task[None]] = set()
        self._stopping = False

    @property
    def complete(self) -> bool:
        """Whether every subscription is in place."""
        return len(self.placed) == len(self._subscriptions)

    async def work(self, session: Session) -> None:
        """Read on this session until it breaks or topics come or go; then raise BrokerAway."""
        try:
            self.placed = self._present(session)
            async with asyncio.TaskGroup() as group:
                # One worker for each partition: an event that fails holds up its own partition only.
                for partition in session.assign(set(self.placed)):
                    worker = group.create_task(self._partition(session, partition))
                    self._workers.add(worker)
                    worker.add_done_callback(self._workers.discard)
                group.create_task(self._watch(session))
        except ExceptionGroup as group:
            expected, rest = group.split((OSError, KafkaError, BrokerAway))
            if rest or not expected:
                raise
            raise BrokerAway(str(expected.exceptions[0])) from group
        finally:
            self.placed = {}

    async def stop(self, grace: float) -> None:
        """Take no further event; let deliveries under way finish for `grace` seconds."""
        self._stopping = True
        workers = set(self._workers)
        for worker in workers & self._idle:
            worker.cancel()
        if workers:
            await asyncio.wait(workers, timeout=grace)

    async def _watch(self, session: Session) -> None:
        while True:
            await asyncio.sleep(TOPICS_POLL_S if self.complete else TOPICS_POLL_SOON_S)
            await session.look()
            if self._present(session) != self.placed:
                raise BrokerAway("topics have come or gone")

    def _present(self, session: Session) -> dict[str, set[int]]:
        return {name: parts for name, parts in session.topics.items() if parts and name in self._subscriptions}

    async def _partition(self, session: Session, partition: TopicPartition) -> None:
        subscription = self._subscriptions[partition.topic]
        while True:
            message = await self._idly(session.next(partition))
            await self._settle(session, subscription, message)
            await session.commit(message)

    async def _settle(self, session: Session, subscription: Subscription, message: Message) -> None:
        """Return when the event is done with: taken by the app, or on its dead-letter topic."""
        where = f"{subscription.topic}/{message.partition.partition}/{message.offset}"
        while True:
            try:
                await self._attempts(subscription, message, where)
                return
            except Dropped as error:
                reason = str(error)
                if not subscription.dead_letter:
                    log.warning("Dropped %s: %s", where, reason)
                    return
            except Refused as error:
                reason = str(error)
            if subscription.dead_letter:
                try:
                    await session.publish(subscription.dead_letter, message.value, message.key, message.headers)
                except (KafkaError, BrokerAway) as error:
                    reason = f"{subscription.dead_letter} does not take it: {error}"
                else:
                    log.warning("Put %s on %s: %s", where, subscription.dead_letter, reason)
                    return
            log.error("Cannot deliver %s; trying it anew: %s", where, reason)
            await self._idly(asyncio.sleep(REDELIVERY_S))

    async def _attempts(self, subscription: Subscription, message: Message, where: str) -> None:
        """Return when the app has taken the event. Raises Dropped, or Refused after the last attempt."""
        event = events.parse(message.value)
        if event is None:
            raise Refused("it is no CloudEvent")
        if events.expired(event):
            raise Dropped("it has expired")
        pauses = self._inbound.retry.pauses()
        while True:
            try:
                return await self._attempt(subscription, message.value)
            except httpx.ConnectError:
                # An app that is not up has refused nothing: this is no attempt.
                await self._idly(asyncio.sleep(APP_POLL_S))
            except Refused as error:
                pause = next(pauses, None)
                if pause is None:
                    raise
                extra = {"trace_id": str(event.get("traceparent", ""))[3:35]}
                log.warning("The app did not take %s; again in %.1f s: %s", where, pause, error, extra=extra)
                await self._idly(asyncio.sleep(pause))

    async def _attempt(self, subscription: Subscription, value: bytes) -> None:
        url, headers = self._base + subscription.route, {"content-type": events.CLOUD_EVENT}
        try:
            async with asyncio.timeout(self._inbound.timeout):
                answer = await self._client.post(url, content=value, headers=headers)
        except TimeoutError:
            raise Refused(f"no answer within {self._inbound.timeout} s") from None
        except httpx.ConnectError:
            raise
        except httpx.HTTPError as error:
            raise Refused(f"no answer: {type(error).__name__}") from None
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise Dropped(f"the app has no {subscription.route}")
        if not answer.is_success:
            raise Refused(f"status {answer.status_code}")
        match _status(answer.content):
            case "" | "SUCCESS":
                return
            case "DROP":
                raise Dropped("the app answered DROP")
            case status:
                raise Refused(f"the app answered {status}")

    async def _idly(self, waiting: Awaitable[T]) -> T:
        """Wait at a point where nothing is lost by not coming back."""
        worker: Any = asyncio.current_task()
        self._idle.add(worker)
        try:
            if self._stopping:
                worker.cancel()
            return await waiting
        finally:
            self._idle.discard(worker)


def _status(body: bytes) -> str:
    """The `status` of an app's answer. A body that says nothing of the kind is a success."""
    try:
        answer = json.loads(body)
    except ValueError:
        return ""
    status = answer.get("status", "") if isinstance(answer, dict) else ""
    return status if isinstance(status, str) else ""
