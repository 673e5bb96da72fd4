import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from websocket_service.hub import GOING_AWAY, TRY_AGAIN_LATER, Hub, Limits

HELLO = {"type": "hello"}


class FakeSocket:
    """A browser: keeps what it hears, unless it is `stuck`; says `gone` at the end."""

    def __init__(self, *, stuck: bool = False) -> None:
        self.on_line: list[Any] = []
        self.closed: int | None = None
        self.reading = asyncio.Event()
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        if not stuck:
            self.reading.set()

    async def send_text(self, data: str) -> None:
        await self.reading.wait()
        self.on_line.append(json.loads(data))

    async def receive(self) -> Mapping[str, Any]:
        return await self.incoming.get()

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        await self.reading.wait()
        self.closed = code

    def leave(self) -> None:
        self.incoming.put_nowait({"type": "websocket.disconnect", "code": 1001})


async def eventually(condition: Callable[[], bool]) -> None:
    """Let the other tasks run until `condition` holds; each needs a few turns only."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not happen")


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await scenario()

    asyncio.run(bounded())


def test_everyone_hears_hello_and_then_every_message() -> None:
    async def scenario() -> None:
        hub = Hub()
        sockets = [FakeSocket(), FakeSocket()]
        served = [asyncio.create_task(hub.serve(socket, HELLO)) for socket in sockets]
        await eventually(lambda: len(hub) == 2)
        assert hub.broadcast("1", {"n": 1})
        assert hub.broadcast("2", {"n": 2})
        await eventually(lambda: all(len(socket.on_line) == 3 for socket in sockets))
        for socket in sockets:
            assert socket.on_line == [HELLO, {"n": 1}, {"n": 2}]
            socket.leave()
        await asyncio.gather(*served)
        assert len(hub) == 0
        assert [socket.closed for socket in sockets] == [None, None]

    run(scenario)


@given(st.lists(st.integers(0, 5), max_size=30))
def test_an_event_is_sent_once_however_often_it_comes(events: list[int]) -> None:
    async def scenario() -> None:
        hub, socket = Hub(), FakeSocket()
        served = asyncio.create_task(hub.serve(socket, HELLO))
        await eventually(lambda: len(hub) == 1)
        expected = list(dict.fromkeys(events))
        assert [n for n in events if hub.broadcast(str(n), {"n": n})] == expected
        await eventually(lambda: len(socket.on_line) == 1 + len(expected))
        assert [message["n"] for message in socket.on_line[1:]] == expected
        socket.leave()
        await served

    run(scenario)


def test_only_so_many_events_are_remembered() -> None:
    async def scenario() -> None:
        hub = Hub(Limits(remembered=2))
        assert [hub.broadcast(event, {}) for event in "abcbca"] == [True, True, True, False, False, True]

    run(scenario)


def test_a_slow_browser_is_sent_away_and_holds_up_nobody() -> None:
    async def scenario() -> None:
        hub, slow, quick = Hub(Limits(queue=3)), FakeSocket(stuck=True), FakeSocket()
        served = [asyncio.create_task(hub.serve(socket, HELLO)) for socket in (slow, quick)]
        await eventually(lambda: len(hub) == 2)

        async def quick_has_heard(count: int) -> None:
            await eventually(lambda: len(quick.on_line) == count)

        for sent in range(1, 11):
            hub.broadcast(str(sent), {"n": sent})
            await quick_has_heard(sent + 1)
        slow.reading.set()
        await served[0]
        assert slow.closed == TRY_AGAIN_LATER
        quick.leave()
        await served[1]
        assert quick.closed is None

    run(scenario)


def test_a_browser_that_never_reads_is_given_up() -> None:
    async def scenario() -> None:
        hub, dead = Hub(Limits(queue=1, close_timeout=0.05)), FakeSocket(stuck=True)
        served = asyncio.create_task(hub.serve(dead, HELLO))
        await eventually(lambda: len(hub) == 1)
        for n in range(5):
            hub.broadcast(str(n), {})
        await served
        assert (dead.closed, len(hub)) == (None, 0)

    run(scenario)


def test_one_connection_too_many_is_told_to_come_back_later() -> None:
    async def scenario() -> None:
        hub, first, second, third = Hub(Limits(clients=1)), FakeSocket(), FakeSocket(), FakeSocket()
        served = asyncio.create_task(hub.serve(first, HELLO))
        await eventually(lambda: len(hub) == 1)
        await hub.serve(second, HELLO)
        assert second.closed == TRY_AGAIN_LATER
        first.leave()
        await served
        third.leave()
        await hub.serve(third, HELLO)
        assert third.closed is None

    run(scenario)


def test_at_the_end_everyone_is_told_and_no_one_comes_in() -> None:
    async def scenario() -> None:
        hub, sockets, late = Hub(Limits(close_timeout=0.05)), [FakeSocket(), FakeSocket(stuck=True)], FakeSocket()
        served = [asyncio.create_task(hub.serve(socket, HELLO)) for socket in sockets]
        await eventually(lambda: len(hub) == 2)
        await hub.close()
        await asyncio.gather(*served)
        assert [socket.closed for socket in sockets] == [GOING_AWAY, None]
        await hub.serve(late, HELLO)
        assert late.closed == GOING_AWAY

    run(scenario)


@pytest.mark.parametrize("message", [{"text": "hi"}, {"bytes": b"\0"}])
def test_what_a_browser_says_is_ignored(message: dict[str, Any]) -> None:
    async def scenario() -> None:
        hub, socket = Hub(), FakeSocket()
        for _ in range(3):
            socket.incoming.put_nowait({"type": "websocket.receive", **message})
        served = asyncio.create_task(hub.serve(socket, HELLO))
        await eventually(lambda: socket.incoming.empty() and len(hub) == 1)
        hub.broadcast("1", {"n": 1})
        await eventually(lambda: {"n": 1} in socket.on_line)
        socket.leave()
        await served

    run(scenario)
