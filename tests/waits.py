"""Waiting in tests: for what is seen to become so, never for a time."""

import time
from collections.abc import Callable

from bootstrap.problems.problem import Problem

POLL = 0.005  # seconds
LIMIT = 120.0  # seconds after which it never comes, on a busy machine too


def until(so: Callable[[], object], what: str = "it came to be so") -> None:
    """Looks until `so()` is true; fails where it never is."""
    deadline = time.monotonic() + LIMIT
    while not so():
        assert time.monotonic() < deadline, f"not within {LIMIT:g} s: {what}"
        time.sleep(POLL)


def until_open(look: Callable[[], Problem | None]) -> None:
    """Looks until a gate is open, as the runner does: one that says that waiting cannot help fails at once."""
    deadline = time.monotonic() + LIMIT
    while found := look():
        assert not found.final, found
        assert time.monotonic() < deadline, found
        time.sleep(POLL)
