"""How far downloads are: a bar each on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

REPORT_EVERY_S = 5.0  # seconds between two lines about one download
MIB = 2**20


@dataclass
class _One:
    began: float
    had: int
    told: float
    done: int = 0
    total: int = 0


class Progress:
    """Downloads under way, by what they are. `now` gives seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._under_way: dict[str, _One] = {}

    def more(self, what: str, done: int, total: int) -> str:
        """`done` of `total` bytes are here (total 0: unknown); equal, it is over. Gives the line that is due, or ""."""
        now = self._now()
        if done == total:
            self._under_way.pop(what, None)
            return ""
        one = self._under_way.setdefault(what, _One(now, done, now))
        one.done, one.total = done, total
        if now - one.told < REPORT_EVERY_S:
            return ""
        one.told = now
        return f"{what}: {self._words(one)}"

    def rows(self) -> "list[tuple[str, RenderableType, str]]":
        """What, a bar, and how far: a row for each download."""
        from rich.progress_bar import ProgressBar

        return [
            (what, ProgressBar(one.total or None, one.done, width=20, pulse=not one.total), self._words(one))
            for what, one in list(self._under_way.items())
        ]

    def _words(self, one: _One) -> str:
        rate = (one.done - one.had) / MIB / max(self._now() - one.began, 0.001)
        of = f" of {one.total / MIB:.0f}" if one.total else ""
        return f"{one.done / MIB:.0f}{of} MiB, {rate:.1f} MiB/s"
