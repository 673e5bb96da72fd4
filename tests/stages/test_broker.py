"""The gates `broker` and `topics`, on a scripted broker and on the real one from the wheel."""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from bootstrap.clients.kafka import Broker, BrokerError, TopicFacts
from bootstrap.core.env import Env
from bootstrap.core.processes import Spec
from bootstrap.local import layout
from bootstrap.problems.problem import Problem, ProblemsFound
from bootstrap.stages import broker, preflight_local, topics
from tests.doubles import FakeBroker, small_env
from tests.waits import until, until_open

ADVICE = "./inv down\n./inv up"
WANTED = {
    "orders": TopicFacts(2, {"retention.ms": "86400000", "cleanup.policy": "delete"}),
    "orders-dead": TopicFacts(1, {"retention.ms": "172800000", "cleanup.policy": "delete"}),
    topics.PROOF: TopicFacts(1, {"retention.ms": "3600000", "cleanup.policy": "delete"}),
}


def with_broker(env: Env, fake: FakeBroker) -> Env:
    env.broker_at = lambda _: cast(Broker, fake)
    return env


def gate(env: Env) -> Problem | None:
    return topics.check(env, layout.bootstrap_servers, ADVICE)


def make(env: Env) -> None:
    topics.apply(env, layout.bootstrap_servers)


@pytest.fixture
def alive(env: Env) -> Iterator[Env]:
    """A process stands for the broker."""
    env.processes.start(Spec("broker", ("/bin/sleep", "60"), {}, "/", "1"))
    yield env
    env.processes.stop(env.processes.names())


@pytest.mark.closes("broker (a wheel)", "its process lives", "broker-died")
def test_a_broker_that_died_is_named_with_its_last_words(env: Env) -> None:
    env.processes.start(Spec("broker", ("/bin/sh", "-c", "echo no memory left; exit 1"), {}, "/", "1"))
    until(lambda: env.processes.find("broker") is None)
    found = broker.check(with_broker(env, FakeBroker()))
    assert found is not None
    assert (found.code, found.final, found.evidence) == ("broker-died", True, "no memory left")


@pytest.mark.closes("broker (a wheel)", "it answers Kafka", "broker-unreachable")
def test_a_broker_that_does_not_answer_is_waited_for(alive: Env) -> None:
    found = broker.check(with_broker(alive, FakeBroker(trouble="no connection")))
    assert found is not None
    assert (found.code, found.final, found.evidence) == ("broker-unreachable", False, "no connection")
    assert str(alive.ports.all()["broker"]) in found.summary


def test_a_broker_that_answers_is_green(alive: Env) -> None:
    assert broker.check(with_broker(alive, FakeBroker())) is None


def test_a_missing_program_is_named(env: Env) -> None:
    def away(_: Env) -> Spec:
        raise RuntimeError("no binary for this platform")

    with pytest.raises(ProblemsFound) as failed:
        broker.apply(env, away)
    (found,) = failed.value.problems
    assert (found.code, found.final, found.evidence) == ("broker-missing", True, "no binary for this platform")


@pytest.mark.closes("topics", "every topic is there", "topic-missing")
def test_topics_are_created_exactly(env: Env) -> None:
    fake = FakeBroker()
    with_broker(env, fake)
    found = gate(env)
    assert found is not None
    assert (found.code, found.final) == ("topic-missing", False)
    make(env)
    assert gate(env) is None
    assert fake.there == WANTED
    make(env)
    assert fake.calls == [("create", name) for name in WANTED], "once each"


def test_other_topics_are_left_alone(env: Env) -> None:
    other = {"other": TopicFacts(7, {"retention.ms": "1"})}
    fake = FakeBroker(there=WANTED | other)
    with_broker(env, fake)
    make(env)
    assert gate(env) is None
    assert fake.calls == []


@pytest.mark.closes("topics", "it has its partitions", "topic-partitions-differ")
def test_other_partitions_are_named_and_never_changed(env: Env) -> None:
    fake = FakeBroker(there=WANTED | {"orders": TopicFacts(3, WANTED["orders"].config)})
    with_broker(env, fake)
    make(env)
    assert fake.calls == []
    found = gate(env)
    assert found is not None
    assert (found.code, found.final) == ("topic-partitions-differ", True)
    assert found.summary == "Topic orders has 3 partitions, not 2."
    assert found.remedy == ADVICE


@pytest.mark.closes("topics", "it has its retention and cleanup", "topic-config-differs")
@pytest.mark.parametrize(("key", "value"), [("retention.ms", "1"), ("cleanup.policy", "compact")])
def test_another_configuration_is_named_and_set(env: Env, key: str, value: str) -> None:
    fake = FakeBroker(there=WANTED | {"orders": TopicFacts(2, {**WANTED["orders"].config, key: value})})
    with_broker(env, fake)
    found = gate(env)
    assert found is not None
    assert (found.code, found.final) == ("topic-config-differs", False)
    assert f"{key}={value}" in found.summary
    make(env)
    assert fake.calls == [("configure", "orders")]
    assert gate(env) is None


def test_every_difference_is_found(env: Env) -> None:
    with_broker(env, FakeBroker(there={"orders": TopicFacts(9, {})}))
    codes = [p.code for p in topics.differences(env, layout.bootstrap_servers, ADVICE)]
    differing = ["topic-partitions-differ", "topic-config-differs", "topic-config-differs"]
    assert codes == [*differing, "topic-missing", "topic-missing"]


@pytest.mark.closes("topics", "a record makes its way", "topic-round-trip-failed")
def test_a_broker_that_takes_no_record_is_named(env: Env) -> None:
    with_broker(env, FakeBroker(there=dict(WANTED), full="KafkaStorageError: Disk error"))
    found = gate(env)
    assert found is not None
    assert (found.code, found.final) == ("topic-round-trip-failed", False)
    assert found.evidence == "KafkaStorageError: Disk error"


@pytest.mark.closes("topics", "the broker answers", "broker-unreachable")
def test_a_broker_that_is_away(env: Env) -> None:
    with_broker(env, FakeBroker(trouble="gone"))
    found = gate(env)
    assert found is not None
    assert (found.code, found.final) == ("broker-unreachable", False)
    with pytest.raises(ProblemsFound) as failed:
        make(env)
    assert [p.code for p in failed.value.problems] == ["topic-refused"]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Env]:
    """The broker of the wheel, started by its own stage."""
    env = small_env(tmp_path_factory.mktemp("real"))
    preflight_local.apply(env)
    broker.apply(env)
    until_open(lambda: broker.check(env))
    yield env
    assert env.processes.stop(["broker"]) == ["broker"]


def test_the_real_broker_gets_the_topics_exactly(real: Env) -> None:
    found = gate(real)
    assert found is None or found.code in ("topic-missing", "topic-partitions-differ")
    make(real)
    assert gate(real) is None
    make(real)
    assert gate(real) is None
    there = Broker(layout.bootstrap_servers(real)).topics()
    assert there["orders"].partitions == 2
    assert there["orders"].config["retention.ms"] == "86400000"
    assert there["orders"].config["cleanup.policy"] == "delete"
    assert there["orders-dead"].partitions == 1


def test_the_real_broker_with_other_partitions_and_configuration(real: Env) -> None:
    make(real)
    kafka = Broker(layout.bootstrap_servers(real))
    kafka.configure("orders", {"retention.ms": "1000", "cleanup.policy": "delete"})
    kafka.create("other", 5, {"retention.ms": "1000", "cleanup.policy": "compact"})
    found = gate(real)
    assert found is not None
    assert (found.code, "retention.ms=1000" in found.summary) == ("topic-config-differs", True)
    make(real)
    assert gate(real) is None
    assert kafka.topics(["other", "nowhere"])["other"].partitions == 5
    assert list(kafka.topics(["nowhere"])) == []
    bigger = real.manifest.topics["orders"].model_copy(update={"partitions": 4})
    grown = Env(real.manifest.model_copy(update={"topics": {"orders": bigger}}), real.environ)
    make(grown)
    found = gate(grown)
    assert found is not None
    assert found.code == "topic-partitions-differ"


def test_a_record_goes_through_the_real_broker(real: Env) -> None:
    make(real)
    kafka = Broker(layout.bootstrap_servers(real))
    kafka.round_trip(topics.PROOF)
    kafka.round_trip(topics.PROOF)
    with pytest.raises(BrokerError):
        Broker(f"127.0.0.1:{real.ports.all()['shop']}").round_trip(topics.PROOF)


def test_a_port_where_no_broker_listens(env: Env) -> None:
    found = gate(env)
    assert found is not None
    assert found.code == "broker-unreachable"
    assert found.evidence


def test_a_port_where_something_else_listens(env: Env, tmp_path: Path) -> None:
    serve = "import http.server as h; s = h.HTTPServer(('127.0.0.1', 0), h.BaseHTTPRequestHandler)"
    script = f"{serve}; print(s.server_port, flush=True); s.serve_forever()"
    env.processes.start(Spec("broker", (sys.executable, "-c", script), {}, "/", "1"))
    try:
        until(lambda: env.processes.tail("broker", 1))
        (env.local / "ports.json").write_text(f'{{"broker": {env.processes.tail("broker", 1)}}}')
        found = broker.check(env)
        assert found is not None
        assert found.code == "broker-unreachable"
    finally:
        env.processes.stop(["broker"])


def test_a_broker_whose_port_was_taken_in_between_says_so(env: Env) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        (env.local / "ports.json").write_text(f'{{"broker": {server.getsockname()[1]}}}')
        broker.apply(env)
        until(lambda: env.processes.find("broker") is None)
        found = broker.check(env)
    assert found is not None
    assert (found.code, found.final) == ("broker-port-in-use", True)
