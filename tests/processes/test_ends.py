"""How processes end: whole groups, in time, and after a runner that was killed."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from bootstrap.core.processes import OWNER, Processes
from tests.processes.helpers import marked, pid_of, spec
from tests.waits import until

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "script",
    [
        "sleep 60 & sleep 60 & wait",
        "(trap '' TERM; while :; do sleep 0.1; done) & wait",
        "trap '' TERM; (trap '' TERM; while :; do sleep 0.1; done) & while :; do sleep 0.1; done",
    ],
    ids=["children", "a child that ignores SIGTERM", "all ignore SIGTERM"],
)
def test_the_whole_group_ends(processes: Processes, owner: str, script: str) -> None:
    processes.start(spec("a", script))
    until(lambda: len(marked(owner)) >= 2)
    assert processes.stop(["a"], grace=0.3) == ["a"]
    until(lambda: not marked(owner))


def test_children_that_outlived_their_killed_leader_are_strays(processes: Processes, owner: str) -> None:
    processes.start(spec("a", "sleep 60 & wait"))
    until(lambda: len(marked(owner)) == 2)
    os.kill(pid_of(processes, "a"), signal.SIGKILL)
    until(lambda: processes.find("a") is None)
    assert processes.stop_strays() == 1
    assert not marked(owner)


def test_sigterm_comes_first_and_has_its_grace(processes: Processes, tmp_path: Path) -> None:
    ready, said = tmp_path / "ready", tmp_path / "said"
    processes.start(spec("a", f"trap 'echo bye > {said}; exit 0' TERM; : > {ready}; while :; do sleep 0.05; done"))
    until(ready.exists)
    processes.stop(["a"])
    assert said.read_text() == "bye\n"


def test_a_process_that_ignores_sigterm_is_killed_after_its_grace(processes: Processes, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    processes.start(spec("a", f"trap '' TERM; : > {ready}; while :; do sleep 0.05; done"))
    until(ready.exists)
    began = time.monotonic()
    assert processes.stop(["a"], grace=0.2) == ["a"]
    assert 0.2 <= time.monotonic() - began < 4
    assert processes.find("a") is None


def test_several_share_one_grace(processes: Processes, tmp_path: Path) -> None:
    """Told to end, each waits until all were told: were they stopped one after another, the first would be killed."""
    told = f"while [ $(ls {tmp_path}/told.* | wc -l) -lt 4 ]; do sleep 0.02; done"
    for name in "abcd":
        heed = f"trap ': > {tmp_path}/told.{name}; {told}; : > {tmp_path}/ended.{name}; exit 0' TERM"
        processes.start(spec(name, f"{heed}; : > {tmp_path}/ready.{name}; while :; do sleep 0.05; done"))
    until(lambda: len(list(tmp_path.glob("ready.*"))) == 4)
    assert processes.stop(list("abcd"), grace=10) == list("abcd")
    assert len(list(tmp_path.glob("ended.*"))) == 4


STARTER = """
import sys
from pathlib import Path
from bootstrap.core.processes import Processes, Spec
processes = Processes(Path(sys.argv[1]), sys.argv[2])
print("go", flush=True)
for index in range(8):
    processes.start(Spec(f"p{index}", ("/bin/sleep", "60"), {}, "/tmp", "1"))
"""


def becoming(owner: str) -> Iterator[int]:
    """Children of a killed `STARTER` on their way to their program: as the starter, and then as the shell."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            is_its = owner in process.cmdline() or process.environ().get(OWNER) == owner
            if is_its and process.status() != psutil.STATUS_ZOMBIE and process.name() != "sleep":
                yield process.pid


def found(processes: Processes) -> tuple[set[int], set[int]]:
    """Those that run by their records, and the strays."""
    recorded = {process.pid for name in processes.names() if (process := processes.find(name))}
    return recorded, {process.pid for process in processes.strays()}


@pytest.mark.parametrize("seed", range(30))
def test_a_starter_killed_at_any_moment_leaves_nothing_that_is_not_found(
    processes: Processes, tmp_path: Path, owner: str, seed: int
) -> None:
    delay = random.Random(seed).uniform(0, 0.02)  # noqa: S311 - not for secrets
    argv = [sys.executable, "-c", STARTER, str(tmp_path / "processes"), owner]
    with subprocess.Popen(argv, cwd=CHECKOUT, stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"go\n"
        time.sleep(delay)  # the moment is what is tested
        starter.kill()
    # In the moment of its exec one shows nothing by which it could be told: it may be in one view, not in the other.
    until(lambda: not any(becoming(owner)) and set().union(*found(processes)) == marked(owner), "each one is found")
    recorded, strays = found(processes)
    assert not recorded & strays
    for name in processes.names():
        record = tmp_path / "processes" / f"{name}.json"
        assert json.loads(record.read_text())["digest"]
    assert processes.stop_strays() == len(strays)
    processes.stop(processes.names())
    assert not marked(owner)
