"""How well the stages of a run overlap: its wall time, its longest chain of needs, and the same steps in a row.

    .venv/bin/python -m benchmarks.chain [EVENTS.jsonl]

Reads what a run wrote down about itself (`.inv/runs/*/events.jsonl`, by default the newest `up`). A stage takes from
its start until its gate is green; the longest chain is the one that no overlap can shorten.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bootstrap import pipeline
from bootstrap.cli import commands

ROOT = Path(__file__).parents[1]


def times(lines: Sequence[str]) -> tuple[dict[str, float], float]:
    """Seconds of each stage that became green, and of the whole run. Raises ValueError for a run that failed."""
    began: dict[str, float] = {}
    took: dict[str, float] = {}
    for event in map(json.loads, lines):
        if event["kind"] == "end" and not event["green"]:
            raise ValueError("that run did not become green")
        if event["kind"] != "stage":
            continue
        if event["phase"] == "applying":
            began[event["stage"]] = event["at"]
        if event["phase"] == "green":
            took[event["stage"]] = event["at"] - began[event["stage"]]
    return took, max((began[name] + took[name] for name in took), default=0.0)


def longest(took: Mapping[str, float], needs: Mapping[str, Sequence[str]]) -> tuple[float, list[str]]:
    """The chain of stages that need each other with the longest time, in seconds, and its stages."""
    best: dict[str, tuple[float, list[str]]] = {}
    for name in took:  # the order of a pipeline: needs come first
        before = max((best[n] for n in needs.get(name, ()) if n in best), default=(0.0, []))
        best[name] = (before[0] + took[name], [*before[1], name])
    return max(best.values(), default=(0.0, []))


def main(file: Path | None = None) -> None:
    env = commands.open_env(ROOT, {})
    runs = sorted((env.state / "runs").glob("*-up/events.jsonl"))
    file = file or runs[-1]
    took, wall = times(file.read_text().splitlines())
    stages = [stage for stage in pipeline.stages(env) if stage.name in took]
    chain, names = longest({s.name: took[s.name] for s in stages}, {s.name: s.needs for s in stages})
    for stage in stages:
        print(f"{'*' if stage.name in names else ' '} {stage.name:<24} {took[stage.name]:8.2f} s")
    print(f"wall: {wall:.2f} s; longest chain (*): {chain:.2f} s, wall = {wall / chain:.3f} of it (target 1.05)")
    row = sum(took.values())
    print(f"the same steps in a row: {row:.2f} s = {row / wall:.2f} of the wall (target 1.6)")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
