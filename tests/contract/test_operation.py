"""Health, metadata, and what outlives the death of any part."""

import signal
import subprocess

import pytest

from tests.contract.world import World
from tests.waits import until


def test_healthy(world: World) -> None:
    for path in ("/v1.0/healthz", "/v1.0/healthz/outbound"):
        assert world.first.call("GET", path).status == 204


def test_metadata(world: World) -> None:
    known = world.first.call("GET", "/v1.0/metadata").json()
    assert known["id"] == "first"
    components = {(c["name"], c["type"], c["version"]) for c in known["components"]}
    assert components == {("pubsub", "pubsub.kafka", "v1"), ("statestore", "state.sqlite", "v1")}
    subscriptions = {s["topic"]: s for s in known["subscriptions"]}
    assert subscriptions["events"] == {
        "pubsubname": "pubsub",
        "topic": "events",
        "rules": [{"path": "/events/events"}],
        "deadLetterTopic": "events-dead",
        "type": "DECLARATIVE",
    }
    assert subscriptions["plain"]["deadLetterTopic"] == ""
    connection = known["appConnectionProperties"]
    assert (connection["port"], connection["protocol"]) == (world.app.port, "http")
    assert "subscriptions" not in world.second.call("GET", "/v1.0/metadata").json()


def test_metadata_with_the_sdk(world: World) -> None:
    known = world.first.sdk(lambda client: client.get_metadata())
    assert known.application_id == "first"
    assert {c.name for c in known.registered_components} == {"pubsub", "statestore"}


def test_it_listens_on_loopback_only(world: World) -> None:
    assert world.first.process
    pid = f"pid={world.first.process.pid},"
    listing = subprocess.run(["ss", "-ltnpH"], capture_output=True, text=True, check=True).stdout
    addresses = [line.split()[3] for line in listing.splitlines() if pid in line]
    assert len(addresses) in (2, 3)
    assert all("127.0.0.1" in address for address in addresses), addresses


def test_an_app_that_is_away_costs_no_event_its_attempts(world: World) -> None:
    world.app.stop()
    # A real sidecar learns of it from its probes; what is under way until then counts as attempts.
    until(lambda: not world.real or "App entered un-healthy status" in world.first.log.read_text(), "noticed")
    away = world.first.call("GET", "/v1.0/invoke/second/method/echo/x")
    assert (away.status, away.json()["errorCode"]) == (500, "ERR_DIRECT_INVOKE")
    event = world.publish()
    assert not world.app.got(event)
    world.app.start()
    until(lambda: bool(world.app.got(event)), "delivered when it is back")
    assert event not in world.dead()
    world.settle()


@pytest.mark.parametrize(
    ("world", "number"),
    [
        ("built-in", signal.SIGKILL),
        # A daprd's ordered stop is its own affair, and joining the group again takes it many seconds.
        ("built-in", signal.SIGTERM),
        pytest.param("daprd", signal.SIGKILL, marks=pytest.mark.real("daprd")),
    ],
    indirect=["world"],
)
def test_nothing_is_lost_with_the_sidecar(world: World, number: int) -> None:
    world.first.sdk(lambda client: client.save_state("statestore", "kept", "1"))
    stuck = world.publish(script=("RETRY", "RETRY", "SUCCESS"))
    waiting = [world.publish() for _ in range(3)]
    until(lambda: bool(world.app.got(stuck)), "under way")
    code = world.first.end(number)
    assert code == (-number if number == signal.SIGKILL else 0)
    world.first.start()
    world.settle()
    until(lambda: all(world.app.got(event) for event in (stuck, *waiting)), "all delivered")
    assert stuck not in world.dead()
    assert world.first.sdk(lambda client: client.get_state("statestore", "kept")).data == b"1"


def test_a_broker_that_comes_back_empty(world: World) -> None:
    for _ in range(3):
        world.publish()
    world.stop_broker()
    if not world.real:
        until(lambda: world.first.call("GET", "/v1.0/healthz").status == 500, "the sidecar says so")
    world.start_broker()
    if world.real:
        # A daprd keeps its old offsets through this; it is started anew.
        world.first.end(signal.SIGKILL)
        world.first.start()
    world.settle()
    event = world.publish()
    until(lambda: bool(world.app.got(event)), "delivered")
