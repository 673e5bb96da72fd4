"""The one door for subprocesses: argv lists, a timeout, both streams kept, the command shown in a pasteable form."""

import csv
import errno
import io
import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import ProblemsFound

POLL_S = 0.05  # seconds between looks at `cancelled`
BUSY_TIMEOUT_S = 5.0  # seconds for which a program that was just written may be open in a child of another thread


@dataclass(frozen=True)
class Completed:
    """A command that ended. `exit` is negative for a signal; `seconds` is its wall time."""

    argv: tuple[str, ...]
    exit: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def shown(self) -> str:
        """The command as it can be pasted into a shell."""
        return shlex.join(self.argv)

    @property
    def words(self) -> str:
        """The last words of the tool, whichever stream it used."""
        return (self.stderr.strip() or self.stdout.strip())[-4000:]


def listed(*words: str) -> str:
    """One argument for a program that reads a list in it, as CSV: Helm's `--values`, docker's `--secret`."""
    argument = io.StringIO()
    csv.writer(argument, lineterminator="").writerow(words)
    return argument.getvalue()


class Cancelled(Exception):
    """The run is ending; the command's whole process group was ended."""


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    cancelled: threading.Event,
    cwd: Path | None = None,
    environ: Mapping[str, str] | None = None,
    on_line: Callable[[str], object] | None = None,
) -> Completed:
    """Runs a command to its end, whatever its exit code.

    `on_line` is told each line of its stdout, soon after it was printed. `timeout` is in seconds; at its end the
    command's process group is killed and `ProblemsFound` raised (`command-timeout`). Raises `ProblemsFound`
    (`command-missing`) when there is no such program, `Cancelled` when the run is ending.
    """
    began = time.monotonic()
    child = _begin(argv, cwd, environ, cancelled)
    told = 0
    try:
        while time.monotonic() - began <= timeout:
            try:
                stdout, stderr = child.communicate(timeout=POLL_S)
                told = _tell(on_line, stdout, told)
                return Completed(tuple(argv), child.returncode, stdout, stderr, time.monotonic() - began)
            except subprocess.TimeoutExpired as still:
                whole = bytes(still.output or b"").rpartition(b"\n")
                told = _tell(on_line, (whole[0] + whole[1]).decode(errors="replace"), told)
            if cancelled.is_set():
                raise Cancelled(shlex.join(argv))
    except BaseException:
        _end(child)  # also at a Ctrl-C that arrives here: the group has not heard of it
        raise
    stdout, stderr = _end(child)
    raise ProblemsFound(
        problem(
            "command-timeout",
            f"{Path(argv[0]).name} did not end within {timeout:.0f} s.",
            evidence=f"$ {shlex.join(argv)}\n{(stderr or stdout)[-2000:]}",
        )
    )


def _begin(
    argv: Sequence[str], cwd: Path | None, environ: Mapping[str, str] | None, cancelled: threading.Event
) -> "subprocess.Popen[str]":
    until = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            # A session of its own: a Ctrl-C on the terminal reaches this program alone, which then ends the group.
            return subprocess.Popen(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=cwd,
                env=dict(environ) if environ is not None else None,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            # Until its exec, a child has all open files of this program, also a tool that was being downloaded.
            if error.errno != errno.ETXTBSY or time.monotonic() > until:
                summary = f"The program {argv[0]} cannot be started."
                raise ProblemsFound(problem("command-missing", summary, evidence=str(error))) from error
        if cancelled.wait(POLL_S):
            raise Cancelled(shlex.join(argv))


def _tell(on_line: Callable[[str], object] | None, stdout: str, told: int) -> int:
    """Tells the lines after the first `told`; returns how many lines there are."""
    lines = stdout.splitlines() if on_line else []
    for line in lines[told:]:
        if on_line:
            on_line(line)
    return len(lines)


def _end(child: "subprocess.Popen[str]") -> tuple[str, str]:
    """Ends the whole group; returns what it printed until then."""
    said = ("", "")
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, sign)
        with suppress(subprocess.TimeoutExpired):
            said = child.communicate(timeout=2)
            break
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)  # children that did not heed the first signal
    child.poll()
    for stream in (child.stdout, child.stderr):
        if stream:
            stream.close()  # a program that left the group may hold the other end
    return said
