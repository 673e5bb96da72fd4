"""The gate `broker`: a container of a scripted Docker Engine, in every state in which it is not what is wanted."""

from typing import Any

import pytest

from bootstrap.core.env import Env
from bootstrap.problems.catalogue import recognise
from bootstrap.stages import redpanda
from tests.docker_doubles import RECORDED, FakeContainer, recorded
from tests.doubles import FakeBroker


def code(env: Env) -> str:
    """The code of the problem for which the gate is closed; "" when it is open."""
    found = redpanda.check(env)
    return found.code if found else ""


@pytest.mark.closes("broker (Redpanda)", "the container is there", "broker-container-missing")
def test_the_gate_closes_when_there_is_no_container(env: Env, container: FakeContainer) -> None:
    container.remove(force=True)
    assert code(env) == "broker-container-missing"


@pytest.mark.closes("broker (Redpanda)", "the container runs", "broker-container-stopped")
def test_the_gate_closes_when_it_ended(env: Env, container: FakeContainer) -> None:
    case = recorded("container-exited")
    container.attrs["State"] = case["attrs"]["State"]
    container.log = case["logs"].encode()
    found = redpanda.check(env)
    assert found is not None
    assert found.code == "broker-container-stopped"
    assert "exit code 1" in found.summary
    assert found.evidence == case["logs"].strip()
    assert found.final


@pytest.mark.closes("broker (Redpanda)", "the container runs", "broker-out-of-memory")
def test_the_gate_closes_when_it_was_killed_for_memory(env: Env, container: FakeContainer) -> None:
    container.attrs["State"] = recorded("container-oom-killed")["attrs"]["State"]
    found = redpanda.check(env)
    assert found is not None
    assert found.code == "broker-out-of-memory"
    assert "512 MiB" in found.cause


@pytest.mark.closes("broker (Redpanda)", "the container runs", "broker-volume-full")
def test_the_gate_closes_when_its_volume_is_full(env: Env, container: FakeContainer) -> None:
    case = recorded("container-volume-full")
    container.attrs["State"] = case["attrs"]["State"]
    container.log = case["logs"].encode()
    found = redpanda.check(env)
    assert found is not None
    assert (found.code, found.final) == ("broker-volume-full", True)
    assert "docker image prune" in found.remedy
    assert "docker system prune" not in found.remedy, "it takes stopped containers too"


@pytest.mark.closes("broker (Redpanda)", "the container runs", "broker-aio-limit")
def test_the_gate_closes_when_the_kernel_gives_it_no_more_requests(env: Env, container: FakeContainer) -> None:
    container.attrs["State"] = recorded("container-volume-full")["attrs"]["State"]
    container.log = (RECORDED.parent / "redpanda-run" / "broker-aio-limit.txt").read_bytes()
    found = redpanda.check(env)
    assert found is not None
    assert (found.code, found.final) == ("broker-aio-limit", True)


def test_other_words_of_a_container_that_ended_are_not_taken_for_a_full_volume() -> None:
    assert recognise("redpanda", "run", recorded("container-exited")["logs"], "x") is None
    assert recognise("docker", "connect", recorded("container-volume-full")["logs"], "x") is None


@pytest.mark.closes("broker (Redpanda)", "its memory is bounded", "broker-memory-unbounded")
def test_the_gate_closes_when_its_memory_is_not_bounded(env: Env, container: FakeContainer) -> None:
    container.attrs["HostConfig"]["Memory"] = 0
    found = redpanda.check(env)
    assert found is not None
    assert (found.code, found.final) == ("broker-memory-unbounded", True)
    assert "'{{.MemoryLimit}} " in found.remedy
    redpanda.apply(env)
    assert code(env) == ""


@pytest.mark.closes("broker (Redpanda)", "it is published on loopback alone", "broker-port-not-published")
@pytest.mark.parametrize("bindings", [None, [("192.168.1.7", 0)], [("127.0.0.1", 1)], [("127.0.0.1", 0), ("::1", 0)]])
def test_the_gate_closes_when_the_port_is_not_published_on_loopback_alone(
    env: Env, container: FakeContainer, bindings: list[tuple[str, int]] | None
) -> None:
    port = env.ports.all()["broker"]
    shown = [{"HostIp": host, "HostPort": str(port + off)} for host, off in bindings] if bindings else None
    container.attrs["NetworkSettings"]["Ports"] = {"21700/tcp": shown}
    assert code(env) == "broker-port-not-published"


@pytest.mark.closes("broker (Redpanda)", "it answers Kafka", "broker-unreachable")
def test_the_gate_waits_while_kafka_does_not_answer(env: Env, container: FakeContainer) -> None:
    away: Any = FakeBroker(trouble="connection refused")
    env.broker_at = lambda _: away
    found = redpanda.check(env)
    assert found is not None
    assert found.code == "broker-unreachable"
    assert not found.final
