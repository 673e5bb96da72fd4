"""A state store for tests that fails and lets others run at every step."""

import asyncio
from typing import Any

from taskapp.dapr import StateStore
from taskapp.errors import TransientError


class FaultyStore:
    """Passes calls on to `store`, and raises TransientError at call number `fails_at` (from 0), if given.

    With `after`, that call takes effect first: what a writer sees that dies, or loses the connection, before it hears
    the answer. Other tasks run before each call, so that concurrent ones really interleave. `calls` counts.
    """

    def __init__(self, store: StateStore, fails_at: int | None = None, *, after: bool = False) -> None:
        self.calls = 0
        self._store = store
        self._fails_at = fails_at
        self._after = after

    async def get(self, key: str) -> tuple[Any, str | None]:
        """See taskapp.dapr.StateStore."""
        failing = await self._begin()
        found = await self._store.get(key)
        self._end(failing)
        return found

    async def save(self, key: str, value: Any, etag: str | None = None) -> None:
        """See taskapp.dapr.StateStore."""
        failing = await self._begin()
        await self._store.save(key, value, etag)
        self._end(failing)

    async def _begin(self) -> bool:
        failing = self.calls == self._fails_at
        self.calls += 1
        await asyncio.sleep(0)
        if failing and not self._after:
            raise TransientError("the store failed before the call took effect")
        return failing

    def _end(self, failing: bool) -> None:
        if failing:
            raise TransientError("the store failed after the call took effect")
