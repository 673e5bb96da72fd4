"""Changing a document of the state store that others change at the same time."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from taskapp.dapr import StateStore
from taskapp.errors import Conflict, TransientError

ATTEMPTS = 10
FIRST_PAUSE = 0.01  # seconds, doubled after each attempt
LONGEST_PAUSE = 0.5  # seconds
_random = secrets.SystemRandom()


async def update(
    store: StateStore,
    key: str,
    change: Callable[[Any], Any],
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Replace the document at `key` by what `change` makes of it.

    `change` gets the present document (None when there is none) and returns the new one, or None to leave things
    as they are. It may be called several times and must have no effects of its own that matter if it is.

    When others write first, tries again after a pause of random length, so that writers do not meet again in step.
    Raises TransientError after the last attempt, and whatever the store raises.
    """
    for attempt in range(ATTEMPTS):
        present, etag = await store.get(key)
        changed = change(present)
        if changed is None:
            return
        try:
            await store.save(key, changed, etag)
        except Conflict:
            await sleep(_random.uniform(0, min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE)))
        else:
            return
    raise TransientError(f"write state {key}: others wrote first {ATTEMPTS} times in a row")
