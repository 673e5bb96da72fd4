"""Python's tracebacks in what a service printed: which line of its own code raised which error."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bootstrap.problems import redaction

IN_IMAGE = "/app/"  # where the Dockerfiles put the code of a service
SHARED = "services/shared"
LONGEST = 200  # characters of an error that a sentence takes
# The frames and what follows them; the header may be cut off with the beginning of the log.
_TRACE = re.compile(r'(?m)^[ \t]*File "[^"\n]+", line \d+.*\n(?:[ \t]+.*\n)*(?P<error>[A-Za-z_][\w.]*(?::.*)?)$')
_FRAME = re.compile(r'File "([^"\n]+)", line (\d+)')


@dataclass(frozen=True)
class Raised:
    """An error that nothing caught: `where` is `file:line` in the checkout, `error` its kind and words in one line."""

    where: str
    error: str


def in_image(log: str, path: str) -> Raised | None:
    """The error that ended the program in an image, where the code of the service in the folder `path` raised it."""
    return _last(log, IN_IMAGE, lambda file: f"{SHARED if file.startswith('taskapp/') else path}/{file}")


def in_checkout(log: str, root: str) -> Raised | None:
    """The error that ended a process whose code is below `root`, the checkout."""
    return _last(log, f"{root}/services/", lambda file: f"services/{file}")


def _last(log: str, own: str, shown: Callable[[str], str]) -> Raised | None:
    """Of the last error, the innermost frame below `own`."""
    traces = list(_TRACE.finditer(_plain(log)))
    if not traces:
        return None
    # Those before it may be what it was raised from.
    for trace in reversed(traces):
        frames = [(file, line) for file, line in _FRAME.findall(trace[0]) if file.startswith(own)]
        if frames:
            file, line = frames[-1]
            error = redaction.text(traces[-1]["error"])[:LONGEST]
            return Raised(f"{shown(file.removeprefix(own))}:{line}", error)
    return None


def _plain(log: str) -> str:
    """The log, and of lines in JSON the texts in them: a traceback is one text there."""
    return "\n".join(part for line in log.splitlines() for part in _texts(line))


def _texts(line: str) -> Iterator[str]:
    if line.startswith("{"):
        try:
            told = json.loads(line)
        except (ValueError, RecursionError):
            told = None
        if isinstance(told, dict):
            yield from (each for each in told.values() if isinstance(each, str))
            return
    yield line
