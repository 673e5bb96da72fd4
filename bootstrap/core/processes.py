"""The processes of a local environment: started detached, recorded, found again, ended. Exactly ours, never others.

A process is ours when its environment carries this checkout's marker; a pid alone proves nothing (pids are used again,
also after a reboot). The child writes its own pid before it becomes the program, so that a runner killed at any moment
leaves no process that the next run does not find.
"""

import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType

import psutil

OWNER, NAME, RUN = "INV_OWNER", "INV_PROCESS", "INV_RUN"
# Appended by both who write it: a reader never meets an empty file.
LAUNCH = 'echo $$ >> "$1" && shift && exec "$@"'
# How long a process that becomes another program is waited for, and its age after which none does.
EXEC_TIMEOUT_S, NEW_PROCESS_S = 0.1, 10.0


@dataclass(frozen=True)
class Spec:
    """What a process is to be. Two specs that differ are two processes: a change of one restarts it.

    `key` says what the process is made from (a content hash).
    """

    name: str
    argv: tuple[str, ...]
    environ: Mapping[str, str]
    cwd: str
    key: str

    @property
    def digest(self) -> str:
        """Of all that the process depends on."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


class Processes:
    """The processes whose records lie in `folder`, owned by the environment `owner`.

    `inherited` are variables of the user's shell that each gets beside its own: another shell has others, and what
    runs is none the worse for it.
    """

    def __init__(self, folder: Path, owner: str, inherited: Mapping[str, str] = MappingProxyType({})) -> None:
        self._folder = folder
        self._owner = owner
        self._inherited = inherited

    def log(self, name: str) -> Path:
        """Where the process writes what it prints; the previous one's log has the suffix `.previous`."""
        return self._folder / f"{name}.log"

    def names(self) -> list[str]:
        """Every process that has a record, running or not."""
        return sorted(path.name.removesuffix(".json") for path in self._folder.glob("*.json"))

    def find(self, name: str) -> psutil.Process | None:
        """The running process of that name, if it is there and ours."""
        with suppress(OSError, ValueError, IndexError, psutil.Error):
            process = psutil.Process(int((self._folder / f"{name}.pid").read_text().split()[0]))
            environ = _environs([process])[process]
            if (environ.get(OWNER), environ.get(NAME)) == (self._owner, name):
                return process
        return None

    def runs(self, spec: Spec) -> bool:
        """Whether the process runs exactly as `spec` says."""
        return self.find(spec.name) is not None and self._digest(spec.name) == spec.digest

    def was_started(self, spec: Spec) -> bool:
        """Whether the last start of that name was of this very spec, running or not."""
        return self._digest(spec.name) == spec.digest

    def start(self, spec: Spec) -> bool:
        """Makes the process run as `spec` says; False when it already did."""
        if self.runs(spec):
            return False
        self.stop([spec.name])
        self._folder.mkdir(parents=True, exist_ok=True)
        log, pid = self.log(spec.name), self._folder / f"{spec.name}.pid"
        if log.exists():
            log.replace(log.with_suffix(".log.previous"))
        pid.unlink(missing_ok=True)
        record = self._folder / f"{spec.name}.json"
        draft = record.with_suffix(".draft")
        draft.write_text(json.dumps({"digest": spec.digest, "argv": spec.argv, "started": time.time()}))
        draft.replace(record)
        with log.open("ab") as output:
            child = subprocess.Popen(
                ["/bin/sh", "-c", LAUNCH, "sh", str(pid), *spec.argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=spec.cwd,
                env={**self._inherited, **spec.environ, OWNER: self._owner, NAME: spec.name},
                start_new_session=True,
            )
        # The pid is on record before anybody looks for it; the child writes the same one.
        with pid.open("a") as file:
            file.write(f"{child.pid}\n")
        _CHILDREN.append(child)
        return True

    def stop(self, names: list[str], grace: float = 5.0) -> list[str]:
        """Ends the processes of those names, all at once: SIGTERM, then SIGKILL after `grace` seconds.

        Returns the names of those that ran.
        """
        found = [(name, process) for name in names if (process := self.find(name))]
        self._end([process for _, process in found], grace)
        return [name for name, _ in found]

    def strays(self) -> list[psutil.Process]:
        """Processes that carry our marker and belong to no recorded one: left by a run that was killed.

        A command of a run that goes on beside this one, such as `inv verify`, is none.
        """
        recorded = {process.pid for name in self.names() if (process := self.find(name))}
        environs = _environs([*psutil.process_iter()])
        return [p for p, environ in environs.items() if self._is_left(p, environ) and _group(p) not in recorded]

    def stop_strays(self) -> int:
        """Ends them; returns how many there were."""
        strays = self.strays()
        self._end(strays, grace=2.0)
        return len(strays)

    def forget(self) -> None:
        """Removes the records of processes that do not run; logs stay."""
        for name in self.names():
            if self.find(name) is None:
                for suffix in (".json", ".pid"):
                    (self._folder / f"{name}{suffix}").unlink(missing_ok=True)

    def tail(self, name: str, lines: int = 25) -> str:
        """The last lines that the process printed."""
        with suppress(OSError), self.log(name).open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 20_000))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
        return ""

    def _digest(self, name: str) -> str:
        with suppress(OSError, ValueError, AttributeError):
            return str(json.loads((self._folder / f"{name}.json").read_text()).get("digest"))
        return ""

    def _is_left(self, process: psutil.Process, environ: Mapping[str, str]) -> bool:
        return environ.get(OWNER) == self._owner and not _goes_on(environ.get(RUN, ""), process)

    def _end(self, processes: list[psutil.Process], grace: float) -> None:
        leaders = [process for process in processes if _group(process) == process.pid]
        left = processes
        for sign, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
            for process in left:
                with suppress(ProcessLookupError, PermissionError):
                    # Each that we started leads a group of its own: its children end with it.
                    (os.killpg if process in leaders else os.kill)(process.pid, sign)
            left = _wait(left, seconds)
            if not left:
                break
        for process in leaders:  # children that did not heed the first signal
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)


def _goes_on(run: str, process: psutil.Process) -> bool:
    """Whether the run with that pid, which started the process, still runs; a later program of that pid is another."""
    with suppress(psutil.Error, ValueError):
        starter = psutil.Process(int(run))
        return starter.create_time() <= process.create_time() and not _ended(starter)
    return False


def _group(process: psutil.Process) -> int:
    """The process group that it belongs to; 0 when it is gone."""
    with suppress(ProcessLookupError, PermissionError):
        return os.getpgid(process.pid)
    return 0


def _environs(processes: list[psutil.Process]) -> dict[psutil.Process, Mapping[str, str]]:
    """Their environments; empty for one that ended, and for somebody else's.

    While a process becomes another program it shows none for a moment: that moment is waited for, once for all.
    """
    found = {process: _environ(process) for process in processes}
    until = time.monotonic() + EXEC_TIMEOUT_S
    while (new := [p for p, environ in found.items() if not environ and _is_new(p)]) and time.monotonic() < until:
        time.sleep(0.002)
        found |= {process: _environ(process) for process in new}
    return found


def _environ(process: psutil.Process) -> Mapping[str, str]:
    with suppress(psutil.Error, OSError):
        environ: dict[str, str] = process.environ()
        return environ
    return {}


def _is_new(process: psutil.Process) -> bool:
    """Whether it may yet become another program; what has none, such as a thread of the kernel, does not."""
    with suppress(psutil.Error, OSError):
        return time.time() - process.create_time() < NEW_PROCESS_S and bool(process.exe()) and not _ended(process)
    return False


def _ended(process: psutil.Process) -> bool:
    """Gone, or dead and not yet collected by its parent, which on some machines takes seconds."""
    with suppress(psutil.NoSuchProcess):
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    return True


def _wait(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Waits for their end; returns those that still run."""
    deadline = time.monotonic() + seconds
    while (left := [process for process in processes if not _ended(process)]) and time.monotonic() < deadline:
        time.sleep(0.01)
    _reap()
    return left


_CHILDREN: list["subprocess.Popen[bytes]"] = []


def _reap() -> None:
    """Collects children of this very program that ended: a dead child that nobody collects looks alive."""
    _CHILDREN[:] = [child for child in _CHILDREN if child.poll() is None]
