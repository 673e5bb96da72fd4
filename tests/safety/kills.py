"""Runs of `up` that are killed at a moment of their own log."""

import json
import random
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.local.conftest import LIMIT, Checkout

LOOK = 0.002  # seconds


@dataclass(frozen=True)
class Moment:
    """So many seconds after that change of that stage; 0: the boundary itself."""

    stage: str
    phase: str
    seconds: float = 0.0


def logs(checkout: Checkout) -> set[Path]:
    """The logs of all runs that are kept."""
    return set((checkout.path / ".inv/runs").glob("*/events.jsonl"))


def changes(log: Path) -> list[dict[str, Any]]:
    """The changes of stages in a log, which may be half written."""
    lines = log.read_text().split("\n")[:-1]
    return [event for event in map(json.loads, lines) if event["kind"] == "stage"]


def durations(checkout: Checkout) -> dict[str, float]:
    """The seconds of each stage in the newest run."""
    began: dict[str, float] = {}
    took: dict[str, float] = {}
    for event in changes(max(logs(checkout))):
        began.setdefault(event["stage"], event["at"])
        if event["phase"] == "green":
            took[event["stage"]] = event["at"] - began[event["stage"]]
    return took


def moments(took: dict[str, float], luck: random.Random, more: int) -> list[Moment]:
    """Both boundaries of every stage, and so many moments inside of stages; shuffled."""
    found = [Moment(stage, phase) for stage in took for phase in ("applying", "green")]
    inside = [luck.choice(sorted(took)) for _ in range(more)]
    found += [Moment(stage, "applying", luck.uniform(0, took[stage])) for stage in inside]
    luck.shuffle(found)
    return found


def killed(checkout: Checkout, moment: Moment) -> bool:
    """Runs `up` until that moment and kills it; False when it had ended before."""
    before = logs(checkout)
    child = checkout.start("up", "--on", "local")
    try:
        _wait(checkout, child, before, moment)
        child.send_signal(signal.SIGKILL)
        printed, _ = child.communicate(timeout=LIMIT)
    except BaseException:
        child.kill()
        raise
    assert child.returncode in (0, -signal.SIGKILL), printed
    return child.returncode != 0


def _wait(checkout: Checkout, child: "subprocess.Popen[str]", before: set[Path], moment: Moment) -> None:
    deadline = time.monotonic() + LIMIT
    while child.poll() is None:
        assert time.monotonic() < deadline, f"{moment} never came"
        for log in logs(checkout) - before:
            if any((event["stage"], event["phase"]) == (moment.stage, moment.phase) for event in changes(log)):
                time.sleep(moment.seconds)
                return
        time.sleep(LOOK)
