import asyncio
from typing import Any

import pytest

from taskapp.documents import ATTEMPTS, LONGEST_PAUSE, update
from taskapp.errors import Conflict, TransientError
from taskapp.testing import FakeDapr
from taskapp.testing_faults import FaultyStore


class Contested(FakeDapr):
    """A store in which somebody else writes first, `times` times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    async def save(self, key: str, value: Any, etag: str | None = None) -> None:
        if self.times:
            self.times -= 1
            raise Conflict(key)
        await super().save(key, value, etag)


def attempt(store: Contested) -> list[float]:
    """Count one up, and give the pauses in between."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    asyncio.run(update(store, "n", lambda n: (n or 0) + 1, sleep=sleep))
    return pauses


def test_tries_again_after_short_pauses_of_random_length() -> None:
    store = Contested(ATTEMPTS - 1)
    pauses = attempt(store)
    assert store.state["n"][0] == 1
    assert len(set(pauses)) == len(pauses) == ATTEMPTS - 1
    assert max(pauses) <= LONGEST_PAUSE


def test_gives_up_after_the_last_attempt() -> None:
    with pytest.raises(TransientError, match="others wrote first"):
        attempt(Contested(ATTEMPTS))


def test_nothing_to_change_writes_nothing() -> None:
    store = Contested(ATTEMPTS)
    asyncio.run(update(store, "n", lambda n: None))
    assert store.state == {}


def test_no_update_of_several_writers_is_lost() -> None:
    dapr = FakeDapr()

    async def together() -> None:
        store = FaultyStore(dapr)
        await asyncio.gather(*(update(store, "n", lambda n: (n or 0) + 1) for _ in range(5)))

    asyncio.run(together())
    assert dapr.state["n"][0] == 5
