"""Tools of a run that was killed: the next run finds them by the marker, and leaves those of a living one alone."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bootstrap.core.env import Env, owner_of
from tests.doubles import small_env
from tests.processes.helpers import marked
from tests.waits import until

CHECKOUT = Path(__file__).resolve().parents[2]
RUN = """
import sys
from pathlib import Path
from bootstrap.core.env import Env
from bootstrap.manifest import load
Env(load(Path(sys.argv[1]) / "environment.toml"), {"PATH": "/usr/bin:/bin"}).run(["sleep", "61"], timeout=60)
"""


@contextmanager
def running(env: Env) -> Iterator["subprocess.Popen[bytes]"]:
    """A run that waits for its tool."""
    with subprocess.Popen([sys.executable, "-c", RUN, str(env.root)], cwd=CHECKOUT) as run:
        until(lambda: marked(owner_of(env.root)))
        yield run
        run.kill()


def test_a_tool_of_a_killed_run_is_found_and_ended(tmp_path: Path) -> None:
    env = small_env(tmp_path)
    with running(env):
        pass
    assert [process.name() for process in env.processes.strays()] == ["sleep"]
    assert env.processes.stop_strays() == 1
    assert not marked(owner_of(env.root))


def test_a_tool_of_a_run_that_goes_on_beside_is_left_alone(tmp_path: Path) -> None:
    env = small_env(tmp_path)
    with running(env):
        there = marked(owner_of(env.root))
        assert env.processes.stop_strays() == 0
        assert marked(owner_of(env.root)) == there
    assert env.processes.stop_strays() == 1
