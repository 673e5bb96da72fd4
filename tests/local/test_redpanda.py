"""`local` with a broker in a container, as a user would type it. The tests build on each other, in order."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.engine import IMAGE
from tests.local.conftest import Checkout

pytestmark = pytest.mark.real("docker", "busybox")


@pytest.fixture(scope="module", autouse=True)
def with_engine(checkout: Checkout, docker_environ: dict[str, str]) -> Iterator[None]:
    """The checkout with an engine and an image in Redpanda's place; its container and volume do not stay."""
    from bootstrap.clients import docker_engine

    checkout.environ |= {name: value for name, value in docker_environ.items() if name.startswith("DOCKER_")}
    manifest = checkout.path / "environment.toml"
    before = manifest.read_text()
    manifest.write_text(before.replace("redpandadata/redpanda:v25.3.1", IMAGE))
    assert manifest.read_text() != before
    yield
    checkout.inv("down")
    client = docker_engine.connect(docker_environ)
    for container in client.containers.list(all=True, filters={"ancestor": IMAGE}):
        container.remove(force=True)
        client.volumes.get(str(container.name)).remove()
    client.close()


def broker(checkout: Checkout, green: bool = True) -> dict[str, Any]:
    """The broker as `status` has it."""
    found: dict[str, Any] = checkout.status(green)["processes"]["broker"]
    return found


def test_up_runs_and_proves_the_app_on_it(checkout: Checkout) -> None:
    assert "up and proven" in checkout.inv("up", "--on", "local", "--broker", "redpanda")
    assert broker(checkout)["container"]
    assert "start number 1 on this volume" in checkout.inv("logs", "broker")
    assert json.loads(checkout.inv("verify", "--json"))["passed"]


def test_a_plain_up_goes_on_with_it_and_starts_nothing_anew(checkout: Checkout) -> None:
    before = broker(checkout)
    checkout.inv("up")
    after = broker(checkout)
    assert (after["container"], after["started"]) == (before["container"], before["started"])


def test_a_killed_container_is_noticed_and_healed(checkout: Checkout, docker_environ: dict[str, str]) -> None:
    from bootstrap.clients import docker_engine

    client = docker_engine.connect(docker_environ)
    client.containers.get(broker(checkout)["container"]).kill()
    client.close()
    assert checkout.status(green=False)["gates"]["broker"]["code"] == "broker-container-stopped"
    checkout.inv("up")
    assert "start number 2 on this volume" in checkout.inv("logs", "broker")


def test_the_wheel_takes_over_and_the_container_stops(checkout: Checkout) -> None:
    checkout.inv("up", "--broker", "wheel")
    assert broker(checkout)["pid"]
    checkout.inv("up", "--broker", "redpanda")
    assert broker(checkout)["container"]


def test_down_leaves_the_volume_alone(checkout: Checkout, docker_environ: dict[str, str]) -> None:
    from bootstrap.clients import docker_engine

    assert "its topics stay" in checkout.inv("down")
    assert [process.cmdline() for process in checkout.processes()] == []
    client = docker_engine.connect(docker_environ)
    (container,) = client.containers.list(all=True, filters={"ancestor": IMAGE})
    assert container.status == "exited"
    assert client.volumes.get(str(container.name))
    client.close()
    assert "not running" in checkout.inv("status", exit=1)
