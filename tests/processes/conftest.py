"""A marker and a folder of the test's own; nothing that carries the marker outlives the test."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.core.processes import Processes
from tests.processes.helpers import marked


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[str]:
    """A marker that nothing else carries; whatever still carries it at the end is ended."""
    name = f"test-{os.getpid()}-{tmp_path.name}"
    yield name
    for pid in marked(name):
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def processes(tmp_path: Path, owner: str) -> Processes:
    return Processes(tmp_path / "processes", owner)
