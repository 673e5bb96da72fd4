"""broker: a container of a real Docker Engine, from an image in Redpanda's place. The tests build on each other."""

import gc
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bootstrap import pipeline
from bootstrap.broker import choice, lifecycle
from bootstrap.broker.redpanda import labels
from bootstrap.broker.redpanda import name as name_of
from bootstrap.core.env import Env
from bootstrap.local import layout
from bootstrap.manifest import load
from bootstrap.stages import preflight_local, redpanda, topics
from bootstrap.targets import local as place
from tests import ports
from tests.doubles import small_env
from tests.engine import IMAGE
from tests.waits import until_open

if TYPE_CHECKING:
    from docker.models.containers import Container

pytestmark = pytest.mark.real("docker", "busybox")


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory, docker_environ: dict[str, str]) -> Iterator[Env]:
    """A small environment that has chosen Redpanda; nothing of it stays in the engine."""
    env = checkout(tmp_path_factory.mktemp("checkout"), IMAGE, docker_environ)
    preflight_local.apply(env)
    choice.choose(env, "redpanda", print)
    yield env
    name = name_of(env.manifest)
    for container in env.docker.containers.list(all=True, filters={"name": name}):
        container.remove(force=True)
    for volume in env.docker.volumes.list(filters={"name": name}):
        volume.remove()
    env.docker.close()


def checkout(root: Path, image: str, environ: Mapping[str, str], **reachable_urls: Any) -> Env:
    """A small environment with that image for its broker."""
    small_env(root)
    manifest = root / "environment.toml"
    manifest.write_text(manifest.read_text().replace("redpandadata/redpanda:v25.3.1", image))
    return Env(manifest=load(manifest), environ=environ, **reachable_urls)


def container(env: Env) -> "Container":
    return env.docker.containers.get(name_of(env.manifest))


def open_gate(env: Env) -> None:
    """Waits for the broker's gate."""
    until_open(lambda: redpanda.check(env))


def test_it_is_created_and_answers_kafka(env: Env) -> None:
    redpanda.apply(env)
    open_gate(env)
    made = container(env)
    assert made.attrs["HostConfig"]["Memory"] == 512 * 2**20
    assert layout.holds_port(env, "broker")
    before = place.running_fingerprint(env)
    redpanda.apply(env)
    assert place.running_fingerprint(env) == before
    assert next(iter(choice.lines(env, follow=False))) == "start number 1 on this volume"


def test_the_topics_stage_works_on_it(env: Env) -> None:
    stage = next(s for s in pipeline.stages(env) if s.name == "topics")
    stage.apply(env)
    until_open(lambda: stage.check(env))
    there = env.broker_at(layout.bootstrap_servers(env)).topics()
    assert set(there) == {*env.manifest.topics, topics.PROOF}


def test_stop_ends_it_and_the_next_start_goes_on(env: Env) -> None:
    made, before = container(env).id, place.running_fingerprint(env)
    assert lifecycle.stop(env) == name_of(env.manifest)
    closed = redpanda.check(env)
    assert closed is not None
    assert closed.code == "broker-container-stopped"
    assert "ready" in closed.evidence
    redpanda.apply(env)
    open_gate(env)
    assert container(env).id == made
    assert place.running_fingerprint(env) != before
    assert "start number 2 on this volume" in list(choice.lines(env, follow=False))


def test_one_that_is_killed_is_named_and_started_again(env: Env) -> None:
    container(env).kill()
    closed = redpanda.check(env)
    assert closed is not None
    assert "exit code 137" in closed.summary
    redpanda.apply(env)
    open_gate(env)


def test_with_a_port_that_another_container_took_it_is_replaced_and_its_volume_stays(env: Env) -> None:
    before, port = container(env), env.ports.all()["broker"]
    lifecycle.stop(env)
    command = ["--kafka-addr", "x://0.0.0.0:9092", "--advertise-kafka-addr", "x://127.0.0.1:9092"]
    other = env.docker.containers.create(IMAGE, command, ports={"9092/tcp": ("127.0.0.1", port)})
    try:
        other.start()
        redpanda.apply(env)
        open_gate(env)
    finally:
        other.remove(force=True, v=True)
    assert env.ports.all()["broker"] != port
    assert container(env).id != before.id
    (started,) = [text for text in choice.lines(env, follow=False) if "on this volume" in text]
    assert int(started.split()[2]) >= 4


def test_a_container_of_somebody_else_is_left_alone(env: Env) -> None:
    lifecycle.stop(env)
    container(env).rename("inv-test-aside")
    other = env.docker.containers.create(IMAGE, ["true"], name=name_of(env.manifest))
    try:
        with pytest.raises(Exception, match="broker-name-taken"):
            redpanda.apply(env)
        assert lifecycle.stop(env) == ""
        assert container(env).id == other.id
    finally:
        other.remove(force=True, v=True)
        env.docker.containers.get("inv-test-aside").rename(name_of(env.manifest))


def test_a_missing_image_is_named(env: Env, tmp_path: Path) -> None:
    on_line: list[str] = []
    image = f"localhost:{ports.free()}/redpanda:v25.3.1"  # a registry that is away
    away = checkout(tmp_path, image, env.environ, notify=on_line.append)
    preflight_local.apply(away)
    try:
        with pytest.raises(Exception, match="registry-unreachable"):
            redpanda.apply(away)
        assert any(image in said for said in on_line)
    finally:
        away.docker.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_logs_are_followed_to_its_end(env: Env) -> None:
    redpanda.apply(env)
    open_gate(env)
    following = choice.lines(env, follow=True)
    assert "on this volume" in next(following)
    lifecycle.stop(env)
    assert any("ready" in text for text in following)
    # The SDK leaves the socket of a stream to the garbage collector.
    del following
    gc.collect()


def test_down_stops_it_and_keeps_its_volume(env: Env) -> None:
    redpanda.apply(env)
    open_gate(env)
    assert choice.BROKERS["redpanda"].stop(env)
    assert container(env).status == "exited"
    assert not layout.holds_port(env, "broker")
    assert env.docker.volumes.get(name_of(env.manifest))


def test_a_full_volume_is_named(env: Env, tmp_path: Path) -> None:
    other = checkout(tmp_path, IMAGE, env.environ)
    preflight_local.apply(other)
    # A disk on which no file can be made.
    full = {"type": "tmpfs", "device": "tmpfs", "o": "size=4k,nr_inodes=1"}
    other.docker.volumes.create(name_of(other.manifest), driver="local", driver_opts=full, labels=labels(other))
    try:
        redpanda.apply(other)
        deadline = time.monotonic() + 20
        while (found := redpanda.check(other)) is None or not found.final:
            assert time.monotonic() < deadline, found
        assert found.code == "broker-volume-full"
    finally:
        assert len(lifecycle.purge(other)) == 1
        assert lifecycle.data(other) == []
        other.docker.close()
