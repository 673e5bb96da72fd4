"""Retry policies of a Dapr Resiliency, with daprd's own numbers for what the resource does not say."""

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

INITIAL, MULTIPLIER, JITTER, LONGEST, ELAPSED = 0.5, 1.5, 0.5, 60.0, 900.0
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")


def seconds(duration: str) -> float:
    """A Go duration ("1m30s", "500ms") in seconds; a bare number is seconds too. Raises ValueError."""
    text = str(duration).strip()
    parts = _PART.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return sum(float(number) * _UNITS[unit] for number, unit in parts)
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{duration!r} is no duration; write it like 500ms, 15s or 1m30s") from None


@dataclass(frozen=True)
class Retry:
    """`duration` is the pause of a constant policy, `longest` the longest of an exponential one, both in seconds.

    `times` is how often to try again after the first attempt; negative: without end.
    """

    exponential: bool = False
    duration: float = 5.0
    longest: float = LONGEST
    times: int = -1
    statuses: tuple[range, ...] = (range(100, 600),)

    def pauses(self, uniform: Callable[[float, float], float] = random.uniform) -> Iterator[float]:
        """Seconds to wait before each further attempt."""
        interval, total, count = INITIAL, 0.0, 0
        while self.times < 0 or count < self.times:
            pause = self.duration
            if self.exponential:
                pause = uniform(interval * (1 - JITTER), interval * (1 + JITTER))
                interval = min(interval * MULTIPLIER, self.longest)
                if (total := total + pause) > ELAPSED:
                    return
            count += 1
            yield pause

    def matches(self, status: int) -> bool:
        """Whether an HTTP answer with that status is worth another attempt."""
        return any(status in statuses for statuses in self.statuses)


NEVER = Retry(times=0)


def parse(policy: Mapping[str, Any]) -> Retry:
    """One entry of `spec.policies.retries`. Raises ValueError."""
    codes = (policy.get("matching") or {}).get("httpStatusCodes")
    times = policy.get("maxRetries")
    return Retry(
        exponential=policy.get("policy") == "exponential",
        duration=seconds(policy.get("duration", "5s")),
        longest=seconds(policy.get("maxInterval", "60s")),
        times=-1 if times is None else int(times),
        statuses=_statuses(str(codes)) if codes else Retry.statuses,
    )


def _statuses(text: str) -> tuple[range, ...]:
    ends = [part.split("-") for part in text.replace(" ", "").split(",")]
    return tuple(range(int(part[0]), int(part[-1]) + 1) for part in ends)
