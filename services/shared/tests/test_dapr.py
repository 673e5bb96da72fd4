import asyncio
import gc
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from taskapp.connection import Connection, sidecar_check
from taskapp.dapr import Dapr, Sidecar
from taskapp.errors import Conflict, TransientError
from taskapp.events import CloudEvent
from taskapp.standin import FakeSidecar
from taskapp.testing import FakeDapr, make_task

Ports = Callable[[int], tuple[int, ...]]


async def state_semantics(store: Any) -> None:
    """What both the fake and the real client do."""
    assert await store.get("a") == (None, None)
    await store.save("a", {"n": 1})
    with pytest.raises(Conflict):
        await store.save("a", {"n": 2})
    value, etag = await store.get("a")
    assert value == {"n": 1}
    await store.save("a", {"n": 2}, etag)
    with pytest.raises(Conflict):
        await store.save("a", {"n": 3}, etag)
    with pytest.raises(Conflict):
        await store.save("new", {}, "some-etag")
    assert (await store.get("a"))[0] == {"n": 2}
    outcomes = await asyncio.gather(*(store.save("race", n) for n in range(8)), return_exceptions=True)
    assert sum(outcome is None for outcome in outcomes) == 1
    assert all(outcome is None or isinstance(outcome, Conflict) for outcome in outcomes)


def test_state_of_the_fake() -> None:
    asyncio.run(state_semantics(FakeDapr()))


def test_state_over_the_wire(free_ports: Ports) -> None:
    async def main() -> None:
        async with Dapr(*ports) as dapr:
            await state_semantics(dapr)

    ports = free_ports(2)
    with FakeSidecar((ports[0], ports[1])).running():
        asyncio.run(main())


FIRST_USE = textwrap.dedent("""
    import asyncio, sys, threading
    from taskapp.dapr import Dapr

    inside = threading.Event()

    def meet(event, args):
        # Whoever imports this first goes on when another thread is in the middle of the package too, if there is one.
        if event == "import" and args[0] == "dapr.clients.grpc._jobs" and threading.active_count() > 1:
            inside.wait(20)
        if event == "import" and args[0] == "dapr.clients.grpc._crypto":
            inside.set()

    async def main():
        async with Dapr(*map(int, sys.argv[1:])) as dapr:
            await asyncio.gather(*(dapr.save(f"a{n}", n) for n in range(3)), return_exceptions=True)
            await dapr.save("b", 1)
            print(await dapr.get("a0"), await dapr.get("b"))

    sys.addaudithook(meet)
    asyncio.run(main())
""")


def test_a_use_at_once_does_not_break_the_loading_of_the_sdk(free_ports: Ports) -> None:
    ports = free_ports(2)
    argv = [sys.executable, "-c", FIRST_USE, *map(str, ports)]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with FakeSidecar((ports[0], ports[1])).running():
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "(0, " in done.stdout
    assert "(1, " in done.stdout


def test_publish_carries_the_partition_key_and_reconnects(free_ports: Ports) -> None:
    event = CloudEvent.of_task("created", make_task())
    ports = free_ports(2)
    first = FakeSidecar((ports[0], ports[1]))
    second = FakeSidecar((ports[0], ports[1]))

    async def main() -> None:
        async with Dapr(*ports, timeout=2) as dapr:
            with pytest.raises(TransientError, match="does not answer"):
                await dapr.publish("task-events", event)
            with first.running():
                await dapr.publish("task-events", event)
            with pytest.raises(TransientError):
                await dapr.publish("task-events", event)
            with second.running():
                await dapr.publish("reminders", event.to_json(), key="k")

    asyncio.run(main())
    assert [topic for topic, _ in first.published] == ["task-events"]
    assert first.published[0][1]["id"] == event.id
    assert first.metadata == [{"partitionKey": event.subject}]
    assert second.metadata == [{"partitionKey": "k"}]


def test_an_error_that_is_kept_does_not_delay_the_next_connection(free_ports: Ports) -> None:
    """gRPC pauses before it connects again as long as the call that failed is not freed, for a new client too."""
    ports = free_ports(2)
    first, second = FakeSidecar((ports[0], ports[1])), FakeSidecar((ports[0], ports[1]))

    async def main() -> None:
        async with Dapr(*ports, timeout=2) as dapr:
            with first.running():
                await dapr.publish("reminders", "{}", key="k")
            with pytest.raises(TransientError) as kept:
                await dapr.publish("reminders", "{}", key="k")
            with second.running():
                await dapr.publish("reminders", "{}", key="k")
            assert "unavailable" in str(kept.value)

    gc.disable()
    try:
        asyncio.run(main())
    finally:
        gc.enable()


def test_a_client_that_is_closed_is_replaced(free_ports: Ports) -> None:
    async def close(client: Any) -> None:
        await client.close()

    async def main() -> None:
        connection = Connection(*ports, timeout=5)
        await connection.call("close", close)
        with pytest.raises(TransientError, match=r"^read: .*closed"):
            await connection.call("read", lambda client: client.get_state("statestore", "a"))
        await connection.call("read", lambda client: client.get_state("statestore", "a"))
        await connection.close()

    ports = free_ports(2)
    with FakeSidecar((ports[0], ports[1])).running():
        asyncio.run(main())


def test_failures_name_what_was_tried(free_ports: Ports) -> None:
    def on_publish(topic: str, _event: dict[str, Any]) -> None:
        if topic == "refused":
            raise TransientError("the broker is away")
        released.wait(10)

    async def main() -> None:
        async with Dapr(*ports, timeout=0.5) as dapr:
            with suppress(TransientError):
                await dapr.get("warm-up")
            with pytest.raises(TransientError, match="publish on refused: internal: the broker is away"):
                await dapr.publish("refused", "{}")
            with pytest.raises(TransientError, match=r"publish on stalled: no answer within 0\.5 s"):
                await dapr.publish("stalled", "{}")
            assert (await dapr.invoke("backend-api", "POST", "/x?a=1", json={})).status == 404
        released.set()

    async def away() -> None:
        async with Dapr(*ports) as dapr:
            with pytest.raises(TransientError, match="invoke backend-api: "):
                await dapr.invoke("backend-api", "GET", "/x")

    released = threading.Event()
    ports = free_ports(2)
    with FakeSidecar((ports[0], ports[1]), on_publish).running():
        asyncio.run(main())
    asyncio.run(away())


def test_outbound_health(free_ports: Ports) -> None:
    ports = free_ports(2)
    with FakeSidecar((ports[0], ports[1])).running():
        asyncio.run(sidecar_check(ports[0])())
    with pytest.raises(TransientError, match=f"port {ports[0]}"):
        asyncio.run(sidecar_check(ports[0])())


@pytest.mark.parametrize(
    ("use", "what"),
    [
        (lambda dapr: dapr.publish("task-events", "{}"), "publish on task-events"),
        (lambda dapr: dapr.get("a"), "read state a"),
        (lambda dapr: dapr.save("a", 1), "write state a"),
        (lambda dapr: dapr.invoke("shop", "GET", "/"), "invoke shop"),
    ],
)
def test_without_a_sidecar_every_use_says_so(use: Callable[[Sidecar], Awaitable[object]], what: str) -> None:
    async def run() -> None:
        async with Dapr(None, None) as dapr:
            with pytest.raises(TransientError, match=f"^{what}: this service runs without a Dapr sidecar$"):
                await use(dapr)

    asyncio.run(run())
