"""Waking a loop of the event loop's thread from any thread."""

import asyncio
from contextlib import suppress


class ThreadsafeEvent:
    """An event that any thread may set. Made inside the running event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()

    def set(self) -> None:
        """Wake who waits, or the next who will."""
        self._loop.call_soon_threadsafe(self._event.set)

    def clear(self) -> None:
        """Forget earlier calls of `set`."""
        self._event.clear()

    async def wait(self, seconds: float) -> None:
        """Return when set, after `seconds` at the latest."""
        await wait_for(self._event, seconds)


async def wait_for(event: asyncio.Event, seconds: float) -> None:
    """Return when `event` is set, after `seconds` at the latest."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
