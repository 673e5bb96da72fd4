"""Logs as JSON lines on stdout, with the trace id of the work under way.

Messages name what happened and the ids involved; never secrets or whole bodies.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

from taskapp import trace

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_QUIET_PATHS = ("/healthz", "/readyz")


class JsonLines(logging.Formatter):
    """One JSON object per record: time, level, service, message, trace_id, extras, exception."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Render a record."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
            "trace_id": trace.trace_id(),
        }
        line.update((k, v) for k, v in vars(record).items() if k not in _STANDARD and k not in line)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class _NoProbes(logging.Filter):
    """Leaves out the access log of health probes: several lines a second that say nothing."""

    def filter(self, record: logging.LogRecord) -> bool:
        args = record.args
        path = args[2] if isinstance(args, tuple) and len(args) > 2 else ""
        return not (isinstance(path, str) and path.partition("?")[0] in _QUIET_PATHS)


def configure(service: str, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send every logger of the process, uvicorn's included, to `stream` (stdout) as JSON lines."""
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(JsonLines(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate, logger.disabled = True, False
        logger.setLevel(logging.NOTSET)
    access = logging.getLogger("uvicorn.access")
    access.filters[:] = [_NoProbes()]
