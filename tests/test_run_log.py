"""The record of runs."""

import json
import time
from pathlib import Path
from typing import IO

from bootstrap.core import run_log
from bootstrap.core.run_log import RunLog
from bootstrap.core.runner import Event
from bootstrap.problems.catalogue import problem


def test_every_line_is_json_with_its_time(tmp_path: Path) -> None:
    log = RunLog(tmp_path, "up")
    found = problem("disk-full", "Full.", path=tmp_path, free=1, needed=2)
    log.event(Event("sources", "failed", 1.5, "Full.", (found,)))
    log.write("command", argv="uv pip", path=Path("/x"))
    log.close()
    stage, command = [json.loads(line) for line in (log.folder / "events.jsonl").read_text().splitlines()]
    assert abs(stage["time"] - time.time()) < 60
    assert (stage["kind"], stage["stage"], stage["phase"], stage["at"]) == ("stage", "sources", "failed", 1.5)
    assert stage["problems"][0]["code"] == "disk-full"
    assert (command["argv"], command["path"]) == ("uv pip", "/x")


def test_old_runs_go_away(tmp_path: Path) -> None:
    for number in range(run_log.RUNS_KEPT + 5):
        (tmp_path / "runs" / f"20250101-0000{number:02}-1-up").mkdir(parents=True)
    log = RunLog(tmp_path, "rebuild-shop")
    log.close()
    left = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert len(left) == run_log.RUNS_KEPT
    assert left[-1] == log.folder.name
    assert left[-1].endswith("-rebuild-shop")


def test_a_log_that_cannot_be_written_costs_the_log_alone(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("in the way")
    log = RunLog(tmp_path, "up")
    log.write("end", green=True)
    log.close()


def test_a_full_disk_costs_the_log_alone(tmp_path: Path) -> None:
    class Full(RunLog):
        def __init__(self, full: IO[str]) -> None:
            super().__init__(tmp_path, "up")
            self.close()
            self._file = full

    log = Full(Path("/dev/full").open("w"))  # noqa: SIM115 - the log closes it
    log.write("end", green=True)
    log.close()
