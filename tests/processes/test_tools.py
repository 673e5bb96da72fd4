"""Tools of a run that was killed: the next run finds them by the marker."""

import threading
from pathlib import Path

from bootstrap.command import Completed
from tests.doubles import small_env
from tests.processes.helpers import until


def test_a_tool_of_a_killed_run_is_found_and_ended(tmp_path: Path) -> None:
    env = small_env(tmp_path)
    ended: list[Completed] = []
    run = threading.Thread(target=lambda: ended.append(env.run(["sleep", "61"], timeout=60)))
    run.start()
    # As the next run sees it: a process with the marker that no record names.
    until(lambda: [p.name() for p in env.processes.strays()] == ["sleep"])
    assert env.processes.stop_strays() == 1
    run.join(timeout=10)
    assert [done.exit for done in ended] == [-15]
