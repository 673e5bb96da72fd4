"""The broker of `local`: the choice and its memory, and what commands show of a broker in a container."""

import json
from pathlib import Path
from typing import Any, cast

import pytest

from bootstrap import pipeline
from bootstrap.broker import choice, lifecycle
from bootstrap.cli import commands
from bootstrap.cli import status as status_command
from bootstrap.core import state
from bootstrap.core.env import Env
from bootstrap.problems.problem import ProblemsFound
from bootstrap.stages import preflight_local, redpanda
from bootstrap.targets import local as place
from tests.docker_doubles import FakeEngine, said
from tests.doubles import FakeBroker, small_env

IMAGE = "redpandadata/redpanda:v25.3.1"


@pytest.fixture
def env(tmp_path: Path) -> Env:
    """A small environment on `local` whose engine is scripted; the broker is the one from the wheel."""
    engine: Any = FakeEngine(images=(IMAGE,))
    broker: Any = FakeBroker()
    env = small_env(tmp_path, docker_of=lambda _: engine, broker_at=lambda _: broker)
    (env.state / "place").write_text("local")
    preflight_local.apply(env)
    return env


@pytest.fixture
def engine(env: Env) -> FakeEngine:
    return cast(FakeEngine, env.docker)


def container(env: Env) -> str:
    """Redpanda chosen and up; the container's name."""
    choice.choose(env, "redpanda", print)
    redpanda.apply(env)
    return next(iter(cast(FakeEngine, env.docker).there))


def test_the_wheel_is_the_default_and_needs_no_docker(tmp_path: Path) -> None:
    def no_docker(_: object) -> Any:
        raise AssertionError("Docker was asked for")

    env = small_env(tmp_path, docker_of=no_docker)
    assert env.local_broker == "wheel"
    preflight_local.apply(env)
    assert choice.facts(env) is None
    assert place.running_fingerprint(env) == ""
    assert not place.is_started(env)


def test_the_choice_is_remembered(env: Env) -> None:
    choice.choose(env, "redpanda", print)
    choice.choose(env, "", print)
    assert env.local_broker == "redpanda"
    gate = next(stage for stage in pipeline.stages(env) if stage.name == "broker")
    assert gate.check is redpanda.check


def test_an_unknown_broker_is_a_problem_with_the_nearest(env: Env) -> None:
    with pytest.raises(ProblemsFound) as failed:
        commands.up(env, "local", "redpnada")
    (found,) = failed.value.problems
    assert found.code == "broker-unknown"
    assert found.remedy == "./inv up --on local --broker redpanda"
    assert "wheel, redpanda" in found.cause
    assert env.local_broker == "wheel"


def test_going_back_to_the_wheel_stops_the_container(env: Env, engine: FakeEngine) -> None:
    name = container(env)
    choice.choose(env, "wheel", print)
    assert engine.called[-1] == f"stop {name}"
    assert env.local_broker == "wheel"


def test_going_back_to_the_wheel_works_without_docker(env: Env, engine: FakeEngine) -> None:
    container(env)
    engine.raises["get"] = said("socket-permission-denied")
    on_line: list[str] = []
    choice.choose(env, "wheel", on_line.append)
    assert env.local_broker == "wheel"
    assert "could not be stopped" in on_line[0]


def test_a_container_started_anew_is_another_generation(env: Env, engine: FakeEngine) -> None:
    name = container(env)
    before = place.running_fingerprint(env)
    assert place.running_fingerprint(env) == before != ""
    engine.there[name].attrs["State"]["StartedAt"] = "2026-11-22T21:12:55.493635837Z"
    assert place.running_fingerprint(env) != before


def test_status_shows_the_container(env: Env, capsys: pytest.CaptureFixture[str]) -> None:
    container(env)
    assert status_command.status(env, as_json=True) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["gates"]["broker"] is None
    assert document["processes"]["broker"]["container"] == "0123456789ab"
    assert document["processes"]["broker"]["running"]
    status_command.status(env, as_json=False)
    assert "container 0123456789ab" in capsys.readouterr().out


def test_status_without_docker_names_that(env: Env, engine: FakeEngine, capsys: pytest.CaptureFixture[str]) -> None:
    container(env)
    (env.local / "processes" / "shop.json").write_text("{}")
    engine.raises["get"] = said("daemon-not-running")
    assert status_command.status(env, as_json=True) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["gates"]["broker"]["code"] == "docker-not-running"
    assert not document["processes"]["broker"]["running"]


def test_down_stops_the_container_and_keeps_it(
    env: Env, engine: FakeEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    name = container(env)
    assert place.is_started(env)
    assert commands.down(env) == 0
    printed = capsys.readouterr().out
    assert f"stopped the container {name}" in printed
    assert "volume" in printed
    assert name in engine.there
    assert not place.is_started(env)
    assert state.place(env.state) == "local"
    commands.down(env)
    assert "nothing was running" in capsys.readouterr().out


@pytest.mark.parametrize("follow", [False, True])
def test_logs_are_those_of_the_container(env: Env, capsys: pytest.CaptureFixture[str], follow: bool) -> None:
    container(env)
    assert commands.logs(env, "broker", follow=follow, sidecar=False) == 0
    assert capsys.readouterr().out == "one\ntwo\n"


def test_there_are_no_logs_before_the_first_container(env: Env) -> None:
    choice.choose(env, "redpanda", print)
    with pytest.raises(ProblemsFound, match="nothing-runs"):
        commands.logs(env, "broker", follow=False, sidecar=False)


def test_topics_with_other_partitions_are_lost_only_by_the_users_own_hand(env: Env) -> None:
    choice.choose(env, "redpanda", print)
    advice = lifecycle.empty(env.manifest)
    name = container(env)
    assert f"docker volume rm {name}" in advice
