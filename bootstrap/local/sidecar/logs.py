"""Logs as JSON lines on stdout, in the shape of the services' own."""

import json
import logging
import sys
from datetime import UTC, datetime


class _Lines(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
            "trace_id": getattr(record, "trace_id", ""),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure(app: str) -> None:
    """Everything of the sidecar from INFO on; of the libraries only what is wrong."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Lines(f"{app}.sidecar"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("sidecar").setLevel(logging.INFO)
    # It reports each lost connection several times; the sidecar says it once.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
