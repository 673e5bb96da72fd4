"""The runner's own overhead: the wall time of a graph of sleeping stages over the graph's critical path.

.venv/bin/python -m benchmarks.runner_overhead [STAGES] [ROUNDS]
"""

import random
import statistics
import sys
import time
from typing import cast

from bootstrap.core.env import Env
from bootstrap.core.runner import Runner
from bootstrap.core.stage import Stage
from bootstrap.problems.problem import Problem

BOUND = 1.05
WIDTH = 10  # stages that could run side by side


def graph(count: int, longest: float, seed: int) -> tuple[tuple[Stage, ...], float]:
    """That many stages, each sleeping up to `longest` seconds in its work, and the critical path in seconds."""
    dice = random.Random(seed)  # noqa: S311 - not for secrets
    stages: list[Stage] = []
    ends: dict[str, float] = {}
    for index in range(count):
        before = [stage.name for stage in stages[max(0, index - 2 * WIDTH) : max(0, index - WIDTH)]]
        needs = tuple(dice.sample(before, min(3, len(before))))
        seconds = dice.uniform(0.2, 1.0) * longest

        def apply(_: Env, seconds: float = seconds) -> None:
            time.sleep(seconds)

        def check(_: Env) -> Problem | None:
            return None

        stages.append(Stage(f"s{index}", needs, apply, check, "it"))
        ends[f"s{index}"] = max((ends[need] for need in needs), default=0.0) + seconds
    return tuple(stages), max(ends.values())


def measure(count: int, longest: float, seed: int) -> float:
    """Wall time over critical path of one run."""
    stages, critical = graph(count, longest, seed)
    began = time.monotonic()
    found = Runner(stages, cast(Env, None), lambda _: None).run()
    if found:
        raise RuntimeError(f"no stage fails here, and yet: {found}")
    return (time.monotonic() - began) / critical


def main(count: int = 200, rounds: int = 5, longest: float = 0.2) -> None:
    ratios = [measure(count, longest, seed) for seed in range(rounds)]
    each = ", ".join(f"{ratio:.3f}" for ratio in ratios)
    print(f"runner over {count} stages: {statistics.median(ratios):.3f} × the critical path ({each}); bound {BOUND}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
