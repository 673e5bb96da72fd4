"""Fixtures for the gates: a small environment in a folder of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.env import Env
from bootstrap.problem import Failed, Problem
from bootstrap.stages import preflight
from tests.doubles import small_env


@pytest.fixture
def env(tmp_path: Path) -> Env:
    """Two services, `shop` and `mailer`; the state folder is made, nothing runs."""
    root = tmp_path / "checkout"
    root.mkdir()
    env = small_env(root)
    preflight.apply(env)
    return env


@pytest.fixture
def problems() -> Callable[[Callable[[], object]], tuple[Problem, ...]]:
    """What a call fails with."""

    def found(call: Callable[[], object]) -> tuple[Problem, ...]:
        with pytest.raises(Failed) as failed:
            call()
        return failed.value.problems

    return found
