"""The record of every run, kept in the state folder."""

import json
import os
import shutil
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO

from bootstrap.core.runner import Event
from bootstrap.problems import redaction

RUNS_KEPT = 20


class RunLog:
    """The record of one run: `events.jsonl` in a folder of its own, one JSON object a line, flushed at once.

    No secret is written: those that can be recognised are left out, and so are the values in `secrets`.
    """

    def __init__(self, folder: Path, command: str, secrets: Collection[str] = ()) -> None:
        self._secrets = secrets
        began = time.time()
        stamp = f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(began))}.{int(began % 1 * 1e6):06d}"
        self.folder = folder / "runs" / f"{stamp}-{os.getpid()}-{command}"
        self._file: IO[str] | None = None
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._file = (self.folder / "events.jsonl").open("a")
            for old in sorted((folder / "runs").iterdir())[:-RUNS_KEPT]:
                shutil.rmtree(old, ignore_errors=True)

    def event(self, event: Event) -> None:
        self.write("stage", **asdict(event))

    def write(self, kind: str, **facts: object) -> None:
        """One line; `time` is seconds since the epoch. A full disk costs the log, never the run."""
        if self._file:
            with suppress(OSError, ValueError):
                told = redaction.document(facts, tuple(self._secrets))
                line = json.dumps({"time": round(time.time(), 3), "kind": kind, **told}, default=str)
                self._file.write(line + "\n")
                self._file.flush()

    def close(self) -> None:
        if self._file:
            with suppress(OSError):
                self._file.close()
