import io
import json
import logging
from collections.abc import Iterator

import pytest

from taskapp.logging import JsonLines, configure
from taskapp.trace import tracing


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Gets the log of the test; the loggers are put back afterwards."""
    root, access = logging.getLogger(), logging.getLogger("uvicorn.access")
    before = (root.handlers[:], root.level, access.filters[:])
    stream = io.StringIO()
    configure("shop", "INFO", stream)
    yield stream
    root.handlers[:], access.filters[:] = before[0], before[2]
    root.setLevel(before[1])


def test_a_line_is_json_with_trace_and_extras(stream: io.StringIO) -> None:
    with tracing("00-" + "a" * 32 + "-" + "b" * 16 + "-01"):
        logging.getLogger("x").info("sold %d\n", 3, extra={"task_id": "t", "time": "not mine"})
    logging.getLogger("x").debug("too quiet")
    (line,) = stream.getvalue().splitlines()
    record = json.loads(line)
    assert record["message"] == "sold 3\n"
    assert (record["level"], record["service"], record["trace_id"], record["task_id"]) == (
        "INFO",
        "shop",
        "a" * 32,
        "t",
    )
    assert record["time"].endswith("+00:00")


def test_text_that_no_encoding_knows_is_escaped() -> None:
    record = logging.makeLogRecord({"msg": "half a character: \ud800", "levelname": "INFO"})
    line = JsonLines("shop").format(record)
    assert line.isascii()
    assert json.loads(line)["message"] == "half a character: \ud800"


def test_an_exception_stays_on_its_line(stream: io.StringIO) -> None:
    try:
        raise ValueError("why")
    except ValueError:
        logging.getLogger("x").exception("failed")
    (line,) = stream.getvalue().splitlines()
    assert "ValueError: why" in json.loads(line)["exception"]


def test_probes_are_not_logged(stream: io.StringIO) -> None:
    for path in ("/healthz", "/readyz?x=1", "/tasks"):
        logging.getLogger("uvicorn.access").info('%s - "%s %s HTTP/%s" %d', "me", "GET", path, "1.1", 200)
    (line,) = stream.getvalue().splitlines()
    assert "/tasks" in line
