"""Where nothing answers, or nothing is there, no gate that asks the world opens, and none of them fails by a bug."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pytest
from requests.exceptions import ReadTimeout
from urllib3.exceptions import ProtocolError

from bootstrap import pipeline
from bootstrap.clients.command import Completed
from bootstrap.clients.http import Answer
from bootstrap.core.env import Env
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound
from bootstrap.stages import preflight_local
from tests.apiserver import ApiServer
from tests.doubles import FakeBroker, small_env
from tests.machine.conftest import Engine

OF_FILES = {("local", "preflight"), ("minikube", "charts")}
"""Gates that ask nothing but this machine's own files."""


class Silent:
    """A client of which every call, however deep, ends with this error."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> "Silent":
        return Silent(self._error)

    def __call__(self, *_: object, **__: object) -> NoReturn:
        raise self._error


class SilentApi(Silent):
    """As `Silent`, and as the real one it says itself that nothing answers."""

    def answers(self, _: float) -> bool:
        return False


def never_ends(argv: Sequence[str], *, timeout: float, **_: object) -> Completed:
    raise ProblemsFound(problem("command-timeout", f"{Path(argv[0]).name} did not end within {timeout:.0f} s."))


def ends_wrong(argv: Sequence[str], **_: object) -> Completed:
    return Completed(tuple(argv), 1, "", "", 0.0)


def says_nothing(argv: Sequence[str], **_: object) -> Completed:
    return Completed(tuple(argv), 0, "", "", 0.0)


def closed(env: Env, place: str) -> dict[str, Problem]:
    """What each gate says, by stage; one that is open is not there.

    It is an answer within a moment, or a `ProblemsFound`.
    """
    env.place, found = place, {}
    for stage in pipeline.stages(env):
        if (place, stage.name) not in OF_FILES:
            try:
                said = stage.check(env)
            except ProblemsFound as failed:
                said = failed.problems[0]
            if said:
                found[stage.name] = said
    return found


def asked(env: Env, place: str) -> set[str]:
    env.place = place
    return {stage.name for stage in pipeline.stages(env) if (place, stage.name) not in OF_FILES}


@pytest.fixture
def env(tmp_path: Path) -> Env:
    """A checkout that was up before: its state folder and kubeconfig are there."""
    env = small_env(tmp_path, request=lambda *_, **__: Answer(0, "timed out"))
    env.environ = {"PATH": str(tmp_path), "HOME": str(tmp_path), "HELM": "/bin/true", "MINIKUBE": "/bin/true"}
    preflight_local.apply(env)
    env.kubeconfig.parent.mkdir(parents=True)
    env.kubeconfig.write_text("")
    return env


@pytest.mark.parametrize("broker", ["wheel", "redpanda"])
@pytest.mark.parametrize("place", ["minikube", "local"])
@pytest.mark.parametrize("runner", [never_ends, ends_wrong, says_nothing])
def test_no_gate_opens_where_nothing_answers(
    env: Env, place: str, broker: str, runner: Callable[..., Completed]
) -> None:
    away: Any = Silent(ReadTimeout("Read timed out."))
    api: Any = SilentApi(ProtocolError("Read timed out."))
    kafka: Any = FakeBroker(trouble="timed out")
    env.docker_of, env.cluster_at, env.broker_at, env.runner = lambda _: away, lambda *_: api, lambda _: kafka, runner
    (env.local / "broker").write_text(broker)
    found = closed(env, place)
    assert set(found) == asked(env, place)
    assert all("{" not in one.cause + one.remedy.replace("{{", "") for one in found.values())


@pytest.mark.parametrize("place", ["minikube", "local"])
def test_no_gate_opens_where_nothing_is_there(env: Env, api: ApiServer, place: str) -> None:
    """All answer, and have nothing: no program, an empty cluster, an empty engine, a broker without topics."""
    engine: Any = Engine()
    kafka: Any = FakeBroker()
    api.kubeconfig(env.kubeconfig, env.context)
    env.docker_of, env.broker_at, env.runner = lambda _: engine, lambda _: kafka, says_nothing
    assert set(closed(env, place)) == asked(env, place)
