"""What holds for every test: real parts (`real`), live tests (`--live`), and where the smoke suite is left out."""

import difflib
import fcntl
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Generator
from functools import cache
from pathlib import Path
from typing import IO

import pytest
from hypothesis import settings

from tests.parts import PARTS

pytest_plugins = ["tests.engine", "tests.apiserver.fixtures"]

# The smoke suite asks a running app: `inv up` and `inv verify` run it.
collect_ignore = ["tests/smoke"]

# How long an example takes says something about the machine, not about the code.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

SETTLED = 3.0  # seconds until the addresses of a new interface no longer change
APART = 60.0  # seconds that a test waits for one that it should not meet
PROPERTY = "real part: "
# Files whose few tests take minutes. They begin first: one that is left for the end keeps a single process at work.
LONGEST_FIRST = (
    "tests/safety/test_local.py",
    "tests/local/test_end_to_end.py",
    "tests/local/test_bad_luck.py",
    "tests/images/test_real.py",
    "tests/scripted/test_kills.py",
    "tests/local/test_redpanda.py",
    "tests/safety/test_elsewhere.py",
)
# What `--fast` leaves out beside those and all that needs a real part: whole processes, and inputs by the thousand.
SLOW = (
    "services/backend-api/tests/test_kill.py",
    "tests/contract/",
    "tests/manifest/test_bulk.py",
    "tests/manifest/test_mangled.py",
    "tests/old_cases/",
    "tests/scripted/",
    "tests/test_parts.py",
    "tests/test_smoke_suite.py",
    "tests/tools/test_downloads.py",
    "tests/wrapper/",
)


@cache
def find(part: str) -> str | None:
    """Where the part is; asked once in a run."""
    return PARTS[part](os.environ)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--live", action="store_true", help="also run the tests against a real minikube")
    parser.addoption("--fast", action="store_true", help="leave out what needs a real part or takes long")


def pytest_configure(config: pytest.Config) -> None:
    # A shell's background job ignores these, and so would all that the tests start and end by them.
    for sign, wanted in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(sign) is signal.SIG_IGN:
            signal.signal(sign, wanted)
    config.pluginmanager.register(PartsLine())
    config.pluginmanager.register(Figures())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        for part in parts_of(item):
            if part not in PARTS:
                near = difflib.get_close_matches(part, PARTS, 1, 0.0)[0]
                raise pytest.UsageError(f"{item.nodeid} needs {part!r}, which tests/parts.py does not have: {near!r}?")
    items.sort(key=_turn)
    left_out = {item for item in items if _is_left_out(item, config)}
    if left_out:
        config.hook.pytest_deselected(items=[*left_out])
        items[:] = [item for item in items if item not in left_out]


def _is_left_out(item: pytest.Item, config: pytest.Config) -> bool:
    if item.get_closest_marker("live") and not config.getoption("--live"):
        return True
    is_slow = parts_of(item) or item.nodeid.startswith((*LONGEST_FIRST, *SLOW))
    return bool(config.getoption("--fast") and is_slow)


def _turn(item: pytest.Item) -> int:
    file = item.nodeid.partition("::")[0]
    return LONGEST_FIRST.index(file) if file in LONGEST_FIRST else len(LONGEST_FIRST)


def parts_of(item: pytest.Item) -> list[str]:
    """The real parts that a test needs."""
    return [str(part) for mark in item.iter_markers("real") for part in mark.args]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Keeps browsers and Docker Engines apart, in every process of this run.

    A container that comes or goes changes the addresses of the machine, and Chromium then drops what is under way.
    """
    engine = {"docker", "buildkit"} & {*parts_of(item)}
    if not engine and "browser" not in getattr(item, "fixturenames", ()):
        return (yield)
    with (Path(tempfile.gettempdir()) / f"inv-test-addresses-{os.getuid()}.lock").open("a") as lock:
        _take(lock, fcntl.LOCK_SH if engine else fcntl.LOCK_EX)
        if not engine:
            time.sleep(max(0.0, SETTLED + Path(lock.name).stat().st_mtime - time.time()))
        try:
            return (yield)
        finally:
            if engine:
                os.utime(lock.name)


def _take(lock: IO[str], kind: int) -> None:
    """Waits for a lock, but not for ever: who holds it may itself wait for an engine that this process has."""
    deadline = time.monotonic() + APART
    while time.monotonic() < deadline:
        try:
            return fcntl.flock(lock, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.1)
    return None


def pytest_runtest_setup(item: pytest.Item) -> None:
    for part in parts_of(item):
        place = find(part)
        # Properties travel with the report, from the processes of pytest-xdist too.
        item.user_properties.append((f"{PROPERTY}{part}", place or ""))
        if place is None and os.environ.get("CI") == "true":
            pytest.fail(
                f"This test needs {part}, which is not on this machine; with CI=true it must be.", pytrace=False
            )
        if place is None:
            pytest.skip(f"needs {part}, which is not on this machine")


class PartsLine:
    """One line at the end of a run: which real parts its tests had, and which were missing."""

    def __init__(self) -> None:
        self.tests: Counter[tuple[str, str]] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "setup":
            real = [
                (name.removeprefix(PROPERTY), str(place)) for name, place in report.user_properties if PROPERTY in name
            ]
            self.tests.update(real)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        words = [
            f"{part} {place or 'is missing'} ({count} test{'s' if count > 1 else ''})"
            for (part, place), count in sorted(self.tests.items())
        ]
        if words:
            terminalreporter.write_line(f"real parts: {', '.join(words)}")


class Figures:
    """What tests tell with `record_property("figures", …)`, each in one line at the end of a run."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self.lines += [str(text) for name, text in report.user_properties if name == "figures"]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for line in sorted(self.lines):
            terminalreporter.write_line(f"figures: {line}")
