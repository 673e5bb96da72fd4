"""The door for subprocesses, with real ones."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from bootstrap.clients.command import Cancelled, Completed, run
from tests.failures import failure
from tests.waits import until

CHECKOUT = Path(__file__).resolve().parents[1]


def sh(script: str, timeout: float = 20.0, cancelled: threading.Event | None = None) -> Completed:
    return run(["/bin/sh", "-c", script], timeout=timeout, cancelled=cancelled or threading.Event())


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def pids(file: Path) -> list[int]:
    return [int(word) for word in file.read_text().split()] if file.exists() else []


@pytest.mark.parametrize("code", [0, 1, 3, 127, 255])
def test_the_exit_code_is_the_callers_business(code: int) -> None:
    done = sh(f"echo out; echo err >&2; exit {code}")
    assert (done.exit, done.stdout, done.stderr) == (code, "out\n", "err\n")
    assert 0 < done.seconds < 20


def test_a_signal_is_a_negative_code() -> None:
    assert sh("kill -9 $$").exit == -9


def test_the_words_are_those_of_the_stream_that_was_used() -> None:
    assert sh("echo out; echo err >&2").words == "err"
    assert sh("echo out").words == "out"
    assert sh("true").words == ""
    assert len(sh("yes | head -c 100000").words) <= 4000


def test_the_command_is_shown_so_that_it_can_be_pasted() -> None:
    done = run(["/bin/echo", "a b", "$HOME", "it's"], timeout=5, cancelled=threading.Event())
    assert subprocess.run(done.shown, shell=True, capture_output=True, text=True, check=True).stdout == done.stdout  # noqa: S602


def test_a_program_that_is_still_open_for_writing_is_waited_for(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho done\n")
    program.chmod(0o755)
    with program.open("a") as held:
        threading.Timer(0.3, held.close).start()
        done = run([str(program)], timeout=20, cancelled=threading.Event())
    assert done.stdout == "done\n"


def test_a_run_that_ends_does_not_wait_for_a_program_that_is_open(tmp_path: Path) -> None:
    program, cancelled = tmp_path / "program", threading.Event()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    cancelled.set()
    with program.open("a"), pytest.raises(Cancelled):
        run([str(program)], timeout=20, cancelled=cancelled)


def test_odd_bytes_are_kept_readable() -> None:
    done = sh(r"printf 'caf\303\251 \377\376 \000 end'")
    assert done.stdout == "café \ufffd\ufffd \x00 end"


def test_much_output_on_both_streams_blocks_nothing() -> None:
    done = sh("(yes out | head -c 300000) & (yes err | head -c 300000 >&2) & wait")
    assert (len(done.stdout), len(done.stderr)) == (300000, 300000)


def test_nothing_can_be_read_from_the_terminal() -> None:
    assert sh("cat; echo end").stdout == "end\n"


def test_the_folder_and_the_environment(tmp_path: Path) -> None:
    argv = ["/bin/sh", "-c", "pwd; echo $A"]
    done = run(argv, timeout=5, cancelled=threading.Event(), cwd=tmp_path, environ={"A": "b"})
    assert done.stdout == f"{tmp_path}\nb\n"


@pytest.mark.parametrize("kind", ["missing", "not executable", "a folder", "no program", "in a missing folder"])
def test_a_program_that_cannot_be_started(tmp_path: Path, kind: str) -> None:
    program = tmp_path / "program"
    if kind == "a folder":
        program.mkdir()
    elif kind != "missing":
        program.write_text("\x7fELF" if kind == "no program" else "#!/bin/sh\n")
        program.chmod(0o644 if kind == "not executable" else 0o755)
    folder = tmp_path / "nowhere" if kind == "in a missing folder" else tmp_path
    found = failure(lambda: run([str(program)], timeout=5, cancelled=threading.Event(), cwd=folder))
    assert found.code == "command-missing"
    assert str(program) in found.summary
    assert found.evidence


@pytest.mark.parametrize(
    "script",
    [
        "sleep 60 & echo $$ $! > {file}; echo words; wait",
        "(trap '' TERM; while :; do sleep 0.1; done) & echo $$ $! > {file}; echo words; wait",
    ],
    ids=["heeds SIGTERM", "a child that ignores it"],
)
def test_a_timeout_ends_the_whole_group(tmp_path: Path, script: str) -> None:
    file = tmp_path / "pids"
    began = time.monotonic()
    found = failure(lambda: sh(script.format(file=file), timeout=1))
    assert found.code == "command-timeout"
    assert found.summary == "sh did not end within 1 s."
    assert found.evidence.startswith("$ /bin/sh -c ")
    assert found.evidence.endswith("words")
    assert 1 <= time.monotonic() - began < 8
    assert len(pids(file)) == 2
    until(lambda: not any(map(alive, pids(file))))


def test_a_cancelled_run_ends_the_whole_group(tmp_path: Path) -> None:
    file, cancelled = tmp_path / "pids", threading.Event()

    def cancel() -> None:
        until(lambda: len(pids(file)) == 2)
        cancelled.set()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(Cancelled):
        sh(f"sleep 60 & echo $$ $! > {file}; wait", cancelled=cancelled)
    thread.join()
    until(lambda: not any(map(alive, pids(file))))


def test_a_program_that_left_the_group_with_the_pipe_does_not_hold_the_caller(tmp_path: Path) -> None:
    file = tmp_path / "pids"
    try:
        assert failure(lambda: sh(f"setsid sleep 60 & echo $! > {file}", timeout=0.3)).code == "command-timeout"
    finally:
        for pid in pids(file):
            os.kill(pid, signal.SIGKILL)


CALLER = """
import sys, threading
from bootstrap.clients.command import run
run(["/bin/sh", "-c", "sleep 60 & echo $$ $! > " + sys.argv[1] + "; wait"], timeout=60, cancelled=threading.Event())
"""


def test_ctrl_c_ends_the_group_too(tmp_path: Path) -> None:
    file = tmp_path / "pids"
    argv = [sys.executable, "-c", CALLER, str(file)]
    with subprocess.Popen(argv, cwd=CHECKOUT, stderr=subprocess.PIPE, text=True) as caller:
        until(lambda: len(pids(file)) == 2)
        caller.send_signal(signal.SIGINT)
        _, words = caller.communicate(timeout=300)
    assert "KeyboardInterrupt" in words
    # A process closes its end of the pipes before it is gone.
    until(lambda: not any(map(alive, pids(file))))


def test_lines_are_heard_as_they_are_printed_each_once(tmp_path: Path) -> None:
    on_line: list[str] = []
    seen = tmp_path / "seen"

    def hear(line: str) -> None:
        on_line.append(line)
        seen.touch()

    # It goes on only when its first line was heard, and prints half a line then.
    script = f"echo first; until [ -e '{seen}' ]; do sleep 0.02; done; printf hal; sleep 0.2; echo f; printf last"
    done = run(["/bin/sh", "-c", script], timeout=20, cancelled=threading.Event(), on_line=hear)
    assert on_line == done.stdout.splitlines() == ["first", "half", "last"]
