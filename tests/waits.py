"""Waiting in tests: for what is seen to become so, never for a time."""

import time
from collections.abc import Callable

from bootstrap.problem import Problem

POLL = 0.005  # seconds


def until(so: Callable[[], object], seconds: float = 10.0, what: str = "it came to be so") -> None:
    """Looks until `so()` is true; fails where that takes longer."""
    deadline = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(POLL)


def until_open(look: Callable[[], Problem | None], seconds: float = 20.0) -> None:
    """Looks until a gate is open, as the runner does: one that says that waiting cannot help fails at once."""
    deadline = time.monotonic() + seconds
    while found := look():
        assert not found.final, found
        assert time.monotonic() < deadline, found
        time.sleep(POLL)
