"""`inv --list` of this project against the same for an empty tasks.py, in turns.

.venv/bin/python -m benchmarks.list [ROUNDS]
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TARGET = 1.2
ROOT = Path(__file__).parents[1]


def seconds(folder: Path) -> float:
    """Wall time of one `inv --list` there. Invoke ends with an error where there is no task; the time counts."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "invoke", "--list"], cwd=folder, capture_output=True, check=False)
    return time.monotonic() - began


def measure(rounds: int) -> tuple[float, float, float]:
    """Medians over the rounds: seconds here, seconds with no tasks, and their ratio, taken pair by pair."""
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder)
        (empty / "tasks.py").touch()
        for place in (empty, ROOT):
            seconds(place)  # byte code and caches are there from now on
        pairs = [(seconds(ROOT), seconds(empty)) for _ in range(rounds)]
    here, there = zip(*pairs, strict=True)
    return statistics.median(here), statistics.median(there), statistics.median(a / b for a, b in pairs)


def main(rounds: int = 15) -> None:
    here, there, ratio = measure(rounds)
    print(f"inv --list: {here:.3f} s; empty tasks.py: {there:.3f} s; ratio {ratio:.2f}, target {TARGET}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
