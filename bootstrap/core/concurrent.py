"""Calls at the same time, within a time."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

Value = TypeVar("Value")


def run_concurrently(calls: Mapping[str, Callable[[], Value]], seconds: float) -> dict[str, Value | Exception]:
    """The answer of each call, or the exception that it raised; `TimeoutError` for one that is late.

    All begin at once, on daemon threads: what is late after `seconds` is left behind and keeps nobody waiting.
    """
    answers: dict[str, Value | Exception] = {}

    def ask(name: str) -> None:
        try:
            answers[name] = calls[name]()
        except Exception as error:  # noqa: BLE001 - handed to the caller
            answers[name] = error

    threads = [threading.Thread(target=ask, args=(name,), name=name, daemon=True) for name in calls]
    for thread in threads:
        thread.start()
    until = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    late = TimeoutError(f"no answer within {seconds:.0f} s")
    return {name: answers.get(name, late) for name in calls}
