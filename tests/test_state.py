"""The lock, the place, and scratch folders."""

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bootstrap.core import state
from bootstrap.problems.problem import Problem, ProblemsFound

CHECKOUT = Path(__file__).resolve().parents[1]
HOLDER = """
import sys
from pathlib import Path
from bootstrap.core.state import locked
with locked(Path(sys.argv[1]), "up"):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(folder: Path) -> "subprocess.Popen[str]":
    """A program that holds the lock until its input ends."""
    argv = [sys.executable, "-c", HOLDER, str(folder)]
    holder = subprocess.Popen(argv, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def refused(folder: Path) -> Problem:
    with pytest.raises(ProblemsFound) as failed, state.locked(folder, "down"):
        pass
    (found,) = failed.value.problems
    return found


def test_a_second_command_hears_who_holds_the_lock(tmp_path: Path) -> None:
    with hold(tmp_path / "state") as holder:
        found = refused(tmp_path / "state")
        assert (found.code, found.final) == ("environment-locked", True)
        assert re.fullmatch(rf"`inv up` \(pid {holder.pid}\) is at work on this environment for \d+ s\.", found.summary)
        assert f"kill {holder.pid}" in found.remedy
        holder.communicate()
    with state.locked(tmp_path / "state", "down"):
        pass


def test_the_lock_of_a_killed_holder_is_free(tmp_path: Path) -> None:
    with hold(tmp_path) as holder:
        holder.kill()
        holder.wait()
        with state.locked(tmp_path, "down"):
            assert json.loads((tmp_path / "lock").read_text())["pid"] == os.getpid()


def test_a_child_of_the_holder_does_not_keep_the_lock(tmp_path: Path) -> None:
    with state.locked(tmp_path, "up"):
        child = subprocess.Popen(["/bin/sleep", "60"])
    with child:
        with state.locked(tmp_path, "down"):
            pass
        child.kill()


@pytest.mark.parametrize("text", ["", "no json", "[]", '"x"', '{"pid": 1}', '{"pid": 4000000, "command": "up"}'])
def test_what_a_stale_lock_file_says_is_no_obstacle(tmp_path: Path, text: str) -> None:
    (tmp_path / "lock").write_text(text)
    with state.locked(tmp_path, "up"):
        assert json.loads((tmp_path / "lock").read_text())["command"] == "up"


@pytest.mark.parametrize("text", ["", "no json", "[]", "{}", '{"pid": "x", "command": 1, "since": null}'])
def test_a_holder_that_cannot_be_read_is_still_a_holder(tmp_path: Path, text: str) -> None:
    with state.locked(tmp_path, "up"):
        (tmp_path / "lock").write_text(text)
        found = refused(tmp_path)
        assert found.code == "environment-locked"
        assert found.summary == "Another command is at work on this environment."


def test_a_lock_is_given_back_when_its_command_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), state.locked(tmp_path, "up"):
        raise ZeroDivisionError
    with state.locked(tmp_path, "up"):
        pass


SCRATCH = """
import sys
from pathlib import Path
from bootstrap.core.state import scratch
with scratch(Path(sys.argv[1])) as folder:
    (folder / "chart").mkdir()
    (folder / "chart" / "values.json").write_text("{}")
    print(folder, flush=True)
    sys.stdin.read()
"""


def test_a_scratch_folder_is_one_s_own_and_goes_away(tmp_path: Path) -> None:
    with state.scratch(tmp_path / "state") as one, state.scratch(tmp_path / "state") as other:
        assert one != other
        assert one.is_relative_to(tmp_path / "state")
        assert one.stat().st_mode & 0o777 == 0o700
        (one / "file").write_text("x")
    assert not one.exists()
    assert not other.exists()


def test_the_scratch_folder_of_a_killed_command_is_removed_by_the_next_and_that_of_a_living_one_stays(
    tmp_path: Path,
) -> None:
    argv = [sys.executable, "-c", SCRATCH, str(tmp_path)]
    with subprocess.Popen(argv, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        made = Path(program.stdout.readline().strip())
        with state.locked(tmp_path, "up"):
            assert (made / "chart" / "values.json").exists()
        assert made.exists()
        program.kill()
    assert made.exists()
    with pytest.raises(ZeroDivisionError), state.locked(tmp_path, "up"):
        raise ZeroDivisionError
    assert not made.exists()


HELD = """
import fcntl, sys, time
with open(sys.argv[1], "a+") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def test_a_lock_that_a_dying_command_still_holds_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", HELD, str(tmp_path / "lock"), str(state.RETRY_TIMEOUT_S / 10)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        program.stdout.readline()
        with state.locked(tmp_path, "up"):
            pass


@pytest.mark.parametrize("kind", ["a file", "below a file", "nowhere"])
def test_a_state_folder_that_cannot_be_written(tmp_path: Path, kind: str) -> None:
    """Permissions do not stop root, a thing of another kind at that place does."""
    (tmp_path / "file").write_text("")
    folders = {"a file": tmp_path / "file", "below a file": tmp_path / "file" / "x", "nowhere": Path("/proc/nowhere")}
    found = refused(folders[kind])
    assert found.code == "state-not-writable"
    assert str(folders[kind]) in found.summary


def test_the_place_is_empty_before_the_first_start(tmp_path: Path) -> None:
    assert state.place(tmp_path) == ""
    (tmp_path / "place").write_text("local\n")
    assert state.place(tmp_path) == "local"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/x/y"), "disk-full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "disk-full"),
        (OSError(errno.EROFS, "Read-only file system", "/x/y"), "state-not-writable"),
        (PermissionError(errno.EACCES, "Permission denied", "/x/y"), "state-not-writable"),
        (FileNotFoundError(errno.ENOENT, "No such file", "/x/y"), ""),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), ""),
    ],
)
def test_trouble_with_the_disk_has_a_name(tmp_path: Path, error: OSError, code: str) -> None:
    found = state.trouble(error, tmp_path)
    assert (found.code if found else "") == code
    if found:
        assert (error.filename or str(tmp_path)) in found.summary
        assert found.final
