"""Which line of a service's own code raised which error, read from what the service printed."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.problems.tracebacks import Raised, in_checkout, in_image

RECORDED = Path(__file__).parent / "recorded"
CHAINED = """\
Traceback (most recent call last):
  File "/app/shop/settings.py", line 3, in load
    int("x")
ValueError: invalid literal for int() with base 10: 'x'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/app/shop/main.py", line 9, in <module>
    load()
    ^^^^^^
  File "/opt/venv/lib/python3.11/site-packages/lib.py", line 80, in wrap
    raise LibError from error
lib.errors.LibError
"""


def test_the_innermost_own_line_and_the_last_error() -> None:
    assert in_image(CHAINED, "services/shop") == Raised("services/shop/shop/main.py:9", "lib.errors.LibError")


def test_an_own_line_of_the_error_before() -> None:
    log = CHAINED.replace("/app/shop/main.py", "/usr/lib/main.py")
    assert in_image(log, "services/shop") == Raised("services/shop/shop/settings.py:3", "lib.errors.LibError")


def test_shared_code_is_in_its_own_folder() -> None:
    log = 'File "/app/taskapp/app.py", line 4, in create\n    go()\nRuntimeError: no\n'
    assert in_image(log, "services/shop") == Raised("services/shared/taskapp/app.py:4", "RuntimeError: no")


def test_code_that_cannot_be_read() -> None:
    log = '  File "/app/shop/a.py", line 2\n    def f(:\n          ^\nSyntaxError: invalid syntax\n'
    assert in_image(log, "services/shop") == Raised("services/shop/shop/a.py:2", "SyntaxError: invalid syntax")


def test_a_process_of_this_machine() -> None:
    log = '  File "/home/me/x/services/shop/shop/a.py", line 2, in f\n    g()\nKeyError: 1\n'
    assert in_checkout(log, "/home/me/x") == Raised("services/shop/shop/a.py:2", "KeyError: 1")
    assert in_checkout(log, "/home/me/other") is None


@pytest.mark.parametrize(
    "log", ["", "all is well", '{"no": "json', 'File "/app/a.py", line 1, in f\n    x\n', "[1]", "{}"]
)
def test_what_is_no_error(log: str) -> None:
    assert in_image(log, "services/shop") is None


def test_a_recorded_crash() -> None:
    [log] = (RECORDED / "kubernetes" / "traceback-crashloop" / "logs").glob("*[!s].txt")
    found = in_image(log.read_text(), "services/shop")
    assert found == Raised("services/shop/settings.py:13", "KeyError: 'DATABASE_URL'")


@given(st.text(), st.text(), st.integers(1, 10**6))
def test_it_is_found_among_any_other_lines(before: str, after: str, line: int) -> None:
    trace = f'  File "/app/shop/a.py", line {line}, in f\n    g()\nValueError: no'
    expected = Raised(f"services/shop/shop/a.py:{line}", "ValueError: no")
    shown = " ".join(before.split())
    assert in_image(f"{shown}\n{trace}\n", "services/shop") == expected
    assert in_image(json.dumps({"message": before, "exception": trace}), "services/shop") == expected
    in_image(f"{before}{trace}{after}", "services/shop")
