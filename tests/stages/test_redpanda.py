"""broker: Redpanda in a container, on a scripted Docker Engine with the real one's words."""

import shutil
from collections.abc import Callable

import pytest
from docker.errors import NotFound

from bootstrap.broker import lifecycle
from bootstrap.cli import commands
from bootstrap.clients.command import Cancelled
from bootstrap.core.env import Env
from bootstrap.core.ports import Ports
from bootstrap.local import layout
from bootstrap.problems.problem import Problem, ProblemsFound
from bootstrap.stages import preflight_local, redpanda
from tests.docker_doubles import FakeContainer, FakeEngine, FakeNetwork, recorded, said

IMAGE = "redpandadata/redpanda:v25.3.1"
Problems = Callable[[Callable[[], object]], tuple[Problem, ...]]


def code(env: Env) -> str:
    """The code of the problem for which the gate is closed; "" when it is open."""
    found = redpanda.check(env)
    return found.code if found else ""


def test_it_is_made_once_and_its_gate_opens(env: Env, engine: FakeEngine) -> None:
    redpanda.apply(env)
    name = next(iter(engine.there))
    assert engine.called == [f"volume {name}", f"create {name}", f"start {name}"]
    assert code(env) == ""
    redpanda.apply(env)
    assert len(engine.called) == 3


def test_it_is_bounded_on_loopback_alone_and_marked(env: Env, container: FakeContainer) -> None:
    port, settings = env.ports.all()["broker"], container.settings
    assert settings["ports"] == {"21700/tcp": ("127.0.0.1", port)}, "the listener for pods is published nowhere"
    assert settings["mem_limit"] == settings["memswap_limit"] == "512m"
    assert settings["image"] == IMAGE
    command = " ".join(settings["command"])
    assert command.startswith("redpanda start --mode dev-container ")
    assert " --set redpanda.auto_create_topics_enabled=false " in command, "topics are those of environment.toml alone"
    assert " --unsafe-bypass-fsync=false " in command, "what is acknowledged is on the disk"
    assert " --set redpanda.enable_metrics_reporter=false " in command, "nothing is told to anybody"
    assert " --set redpanda.core_balancing_continuous=false " in command, "no licence is asked for"
    assert "--smp 1 --memory 409M" in command
    assert "--kafka-addr host://0.0.0.0:21700,cluster://0.0.0.0:21701 " in command
    assert f"--advertise-kafka-addr host://127.0.0.1:{port},cluster://redpanda:21701 " in command
    assert container.name.startswith("small-redpanda-")
    assert list(settings["volumes"]) == [container.name]
    assert container.labels["inv.owner"] in container.name
    assert container.engine.volume_names[container.name] == {"inv.owner": container.labels["inv.owner"]}


def test_an_absent_image_is_pulled_and_that_is_said_once(env: Env, engine: FakeEngine) -> None:
    on_line: list[str] = []
    env.notify = on_line.append
    engine.image_names.clear()
    redpanda.apply(env)
    assert engine.called[0] == f"pull {IMAGE}"
    assert len(on_line) == 1
    assert IMAGE in on_line[0]


def test_a_pull_ends_when_the_run_is_cancelled(env: Env, engine: FakeEngine) -> None:
    engine.image_names.clear()
    env.cancelled.set()
    with pytest.raises(Cancelled):
        redpanda.apply(env)
    assert not engine.there


def test_a_pull_that_breaks_off_is_a_problem(env: Env, engine: FakeEngine, problems: Problems) -> None:
    engine.image_names.clear()
    engine.pulling = [{"status": "Pulling"}, {"error": recorded("pull-registry-unreachable")["explanation"]}]
    (found,) = problems(lambda: redpanda.apply(env))
    assert found.code == "registry-unreachable"
    assert f"docker pull {IMAGE}" in found.remedy


@pytest.mark.parametrize(
    ("call", "case", "expected"),
    [
        ("pull", "pull-manifest-unknown", "image-not-in-registry"),
        ("pull", "pull-registry-unreachable", "registry-unreachable"),
        ("create", "image-not-found", "image-not-in-registry"),
        ("create", "name-conflict", "broker-name-taken"),
        ("create", "disk-full", "docker-disk-full"),
        ("start", "port-already-allocated", "broker-port-taken"),
        ("start", "port-taken-by-program", "broker-port-taken"),
        ("start", "program-not-in-image", "docker-failed"),
        ("get", "daemon-not-running", "docker-not-running"),
    ],
)
def test_what_the_engine_refuses_is_named(
    env: Env, engine: FakeEngine, problems: Problems, call: str, case: str, expected: str
) -> None:
    engine.image_names.clear()
    engine.raises[call] = said(case)
    (found,) = problems(lambda: redpanda.apply(env))
    assert found.code == expected
    assert found.final
    assert "{" not in found.cause + found.remedy
    assert found.evidence in str(said(case))


@pytest.mark.closes("broker (Redpanda)", "the container is this checkout's", "broker-name-taken")
def test_a_container_of_somebody_else_is_never_touched(env: Env, container: FakeContainer, problems: Problems) -> None:
    container.labels.clear()
    (found,) = problems(lambda: redpanda.apply(env))
    assert found.code == code(env) == "broker-name-taken"
    assert lifecycle.stop(env) == ""
    assert container.engine.called == []


def test_a_stopped_one_is_started(env: Env, container: FakeContainer) -> None:
    assert lifecycle.stop(env) == container.name
    assert lifecycle.stop(env) == ""
    redpanda.apply(env)
    assert container.engine.called == [f"stop {container.name}", f"start {container.name}"]
    assert code(env) == ""


@pytest.mark.closes("broker (Redpanda)", "the container is as it is to be", "broker-container-stale")
@pytest.mark.parametrize("state", ["running", "exited", "created", "paused", "dead"])
def test_one_with_other_settings_is_replaced_and_the_volume_stays(
    env: Env, container: FakeContainer, state: str
) -> None:
    container.labels["inv.spec"] = "another"
    container.attrs["State"]["Status"] = state
    assert code(env) == "broker-container-stale"
    redpanda.apply(env)
    calls, name = container.engine.called, container.name
    assert calls == [
        *([f"stop {name}"] if state == "running" else []),
        *(f"remove {name}", f"volume {name}", f"create {name}", f"start {name}"),
    ]
    assert code(env) == ""


@pytest.mark.parametrize("state", ["paused", "dead"])
def test_one_that_cannot_be_started_is_made_anew(env: Env, container: FakeContainer, state: str) -> None:
    container.attrs["State"]["Status"] = state
    assert code(env) == "broker-container-stopped"
    redpanda.apply(env)
    assert f"remove {container.name}" in container.engine.called
    assert code(env) == ""


def test_preflight_keeps_the_port_that_the_container_holds(env: Env, container: FakeContainer) -> None:
    port = env.ports.all()["broker"]
    assert layout.holds_port(env, "broker")
    env.ports = Ports(env.local / "ports.json", free=lambda asked: asked != port)
    preflight_local.apply(env)
    assert env.ports.all()["broker"] == port
    lifecycle.stop(env)
    assert not layout.holds_port(env, "broker")
    preflight_local.apply(env)
    assert env.ports.all()["broker"] != port
    assert code(env) == "broker-container-stale"


def test_preflight_says_first_that_docker_is_away(env: Env, engine: FakeEngine, problems: Problems) -> None:
    engine.raises["get"] = said("daemon-not-running")
    (found,) = problems(lambda: preflight_local.apply(env))
    assert found.code == "docker-not-running"
    assert "--broker wheel" in found.remedy


def test_an_engine_that_is_away_has_nothing_to_stop(env: Env, engine: FakeEngine, problems: Problems) -> None:
    engine.raises["get"] = said("daemon-not-running")
    assert lifecycle.stop(env) == ""
    engine.raises["get"] = said("socket-permission-denied")
    (found,) = problems(lambda: lifecycle.stop(env))
    assert found.code == "docker-forbidden"


def test_one_whose_network_was_deleted_is_made_anew(env: Env, container: FakeContainer) -> None:
    network = FakeNetwork("small", "1" * 64, {})
    container.engine.network_list.append(network)
    network.connect(container, "192.168.49.253")
    lifecycle.stop(env)
    redpanda.apply(env)
    assert container.engine.called[-1] == f"start {container.name}", "with its network there it goes on"
    lifecycle.stop(env)
    container.engine.network_list.clear()
    with pytest.raises(NotFound, match=r"network \w+ not found"):
        container.start()
    redpanda.apply(env)
    assert f"remove {container.name}" in container.engine.called
    assert code(env) == ""


def test_where_no_port_was_decided_the_stage_decides(env: Env, engine: FakeEngine) -> None:
    on_line: list[str] = []
    env.notify, wanted = on_line.append, env.manifest.broker.listeners.host
    (env.local / "ports.json").write_text('{"shop": 4}')
    env.ports = Ports(env.local / "ports.json", free=lambda asked: asked != wanted)
    assert code(env) == "broker-container-missing"
    redpanda.apply(env)
    decided = env.ports.all()
    assert decided == {"shop": 4, "broker": decided["broker"]}
    assert decided["broker"] != wanted
    assert on_line == [said for said in on_line if f"port {wanted} is taken" in said and str(decided["broker"]) in said]
    assert len(on_line) == 1
    assert code(env) == ""
    redpanda.apply(env)
    assert env.ports.all() == decided
    assert len(on_line) == 1


def test_purge_names_and_deletes_exactly_what_is_ours(env: Env, container: FakeContainer) -> None:
    engine, name = container.engine, container.name
    engine.volume_names["other"] = {}
    there = [f"the container {name} and its volume, with all topics and everything in them"]
    assert lifecycle.data(env) == there
    assert lifecycle.purge(env) == there
    assert (engine.there, list(engine.volume_names)) == ({}, ["other"])
    assert lifecycle.purge(env) == lifecycle.data(env) == []


def test_purge_leaves_what_somebody_else_made(env: Env, container: FakeContainer) -> None:
    container.labels.clear()
    container.engine.volume_names[container.name] = {}
    assert lifecycle.data(env) == lifecycle.purge(env) == []
    assert container.engine.called == []


def test_the_generation_tells_a_new_start(env: Env, engine: FakeEngine) -> None:
    assert lifecycle.running_fingerprint(env) == "broker:None:None"
    redpanda.apply(env)
    assert lifecycle.running_fingerprint(env).startswith("broker:0123456789ab:1")
    engine.raises["get"] = said("daemon-not-running")
    assert lifecycle.running_fingerprint(env) == ""


def test_a_state_folder_that_cannot_be_written_is_named(env: Env, engine: FakeEngine, problems: Problems) -> None:
    shutil.rmtree(env.local)
    env.local.write_text("a file is in the way")
    (found,) = problems(lambda: redpanda.apply(env))
    assert found.code == "state-not-writable"
    assert not engine.there


def test_down_says_where_the_topics_stay_and_a_purge_that_they_are_gone(
    env: Env, container: FakeContainer, capsys: pytest.CaptureFixture[str]
) -> None:
    env.place = "local"
    assert commands.down(env) == commands.OK
    name = container.name
    assert f"stopped the container {name}; its topics stay in the volume of the same name" in capsys.readouterr().out
    redpanda.apply(env)
    assert commands.down(env, purge=True) == commands.OK
    printed = capsys.readouterr().out
    assert "stay" not in printed, "what is deleted stays nowhere"
    assert printed.count(f"deleted the container {name} and its volume") == printed.count("deleted ") == 1
    assert container.engine.volume_names == {}


def test_data_of_two_places_is_named_once(
    env: Env, container: FakeContainer, capsys: pytest.CaptureFixture[str]
) -> None:
    env.place = "local"
    env.minikube.mkdir(parents=True)
    (tmp := env.root / "minikube").write_text("#!/bin/sh\nexit 1\n")
    tmp.chmod(0o755)
    env.environ = {**env.environ, "MINIKUBE": str(tmp), "XDG_CONFIG_HOME": str(env.root)}
    with pytest.raises(ProblemsFound):
        commands.down(env, purge=True, ask=lambda _: "no")
    assert capsys.readouterr().out.count(container.name) == 1
