"""Fixtures for the gates: a small environment in a folder of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from bootstrap.broker import choice
from bootstrap.core.env import Env
from bootstrap.problems.problem import Problem, ProblemsFound
from bootstrap.stages import preflight_local, redpanda
from tests.docker_doubles import FakeContainer, FakeEngine
from tests.doubles import FakeBroker, small_env

IMAGE = "redpandadata/redpanda:v25.3.1"


@pytest.fixture
def env(tmp_path: Path) -> Env:
    """Two services, `shop` and `mailer`; the state folder is made, nothing runs."""
    root = tmp_path / "checkout"
    root.mkdir()
    env = small_env(root)
    preflight_local.apply(env)
    return env


@pytest.fixture
def problems() -> Callable[[Callable[[], object]], tuple[Problem, ...]]:
    """What a call fails with."""

    def found(call: Callable[[], object]) -> tuple[Problem, ...]:
        with pytest.raises(ProblemsFound) as failed:
            call()
        return failed.value.problems

    return found


@pytest.fixture
def engine(env: Env) -> FakeEngine:
    """The engine of `env`, which has chosen Redpanda; a broker answers behind every port."""
    engine: Any = FakeEngine(images=(IMAGE,))
    broker: Any = FakeBroker()
    env.docker_of = lambda _: engine
    env.broker_at = lambda _: broker
    choice.choose(env, "redpanda", print)
    return cast(FakeEngine, engine)


@pytest.fixture
def container(env: Env, engine: FakeEngine) -> FakeContainer:
    """The broker's container, up."""
    redpanda.apply(env)
    (made,) = engine.there.values()
    engine.called.clear()
    return made
