"""What bad luck gets: a code, a cause and a remedy, or it is mended in passing; and the next `up` is green."""

import random
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.minikube.profile import DIRECT
from tests.apiserver import Document
from tests.apiserver.resources import Resource
from tests.scripted.commands import Command, wait_until
from tests.scripted.recorder import Recorder
from tests.scripted.world import World

pytestmark = pytest.mark.real("helm")

RECORDED = Path(__file__).parents[1] / "recorded"


@pytest.fixture(scope="module", autouse=True)
def begun(world: World) -> None:
    world.green("up")


@pytest.fixture(autouse=True)
def lucky(world: World) -> Iterator[None]:
    """Each test ends in a world that is green, where the next one begins; somebody else's things are as they were."""
    yield
    world.green("up")
    assert world.touched() == []


def fails(world: World, code: str, *words: str, args: tuple[str, ...] = ("up",), **environ: str) -> str:
    """The command ends with that problem and no other, and says these words and what to type."""
    ended = world.inv(*args, **environ)
    assert (ended.exit, set(ended.codes)) == (1, {code}), ended.printed
    for word in (*words, "what to type"):
        assert word in ended.printed, ended.printed
    return ended.printed


def edit(world: World, name: str = "shop") -> None:
    """A changed line: the next run builds the image and rolls it out."""
    main = world.root / f"services/{name}/{name}/__main__.py"
    main.write_text(f"{main.read_text()}# {random.random()}\n")  # noqa: S311 - nothing secret


def at(world: World, command: Command, stage: str, phase: str = "applying") -> None:
    """Waits until the run of that command comes to that phase of the stage."""
    wait_until(lambda: command.is_over or world.came(command, stage, phase), stage)


def test_docker_is_stopped(world: World) -> None:
    world.docker.stop()
    fails(world, "docker-not-running", "sudo service docker start")
    world.docker.start()


@pytest.mark.parametrize("code", ["build-disk-full", "build-engine-lost"])
def test_a_build_that_the_engine_does_not_end(world: World, code: str) -> None:
    edit(world)
    world.build_fails = (RECORDED / "image-build" / f"{code}.txt").read_text()
    fails(world, code, "The image of shop cannot be built.")
    world.build_fails = ""


def test_the_engine_in_the_node_ends_while_it_builds(world: World) -> None:
    edit(world)
    world.build_fails = "ERROR: failed to receive status: error reading from server: EOF"
    command = world.start("up")
    at(world, command, "images")
    world.engine_is_away = True
    ended = command.ended()
    world.engine_is_away, world.build_fails = False, ""
    assert (ended.exit, set(ended.codes)) == (1, {"docker-env-away"}), ended.printed
    assert ended.printed.count("✘ The Docker Engine in the node of small does not answer.") == 1, "for all images"


def test_minikube_was_deleted_by_hand(world: World) -> None:
    world.minikube.delete()
    assert "✔ smoke" in world.green("up")


def test_the_control_plane_of_dapr_was_deleted_by_hand(world: World) -> None:
    def roots() -> dict[str, str]:
        found = {}
        for pod in world.api.list("v1", "pods", "small"):
            for one in pod["spec"]["containers"]:
                if one["name"] == "daprd":
                    found[pod["metadata"]["labels"]["app.kubernetes.io/name"]] = one["env"][0]["value"]
        return found

    before, pods = roots(), world.pods()
    world.api.remove("v1", "namespaces", "", "dapr-system")
    assert "trusts another root certificate" in world.green("up")
    bundle = world.api.get("v1", "configmaps", "dapr-system", "dapr-trust-bundle")
    assert bundle
    assert roots() == dict.fromkeys(before, bundle["data"]["ca.crt"]) != before
    assert world.pods()["postgres"] == pods["postgres"], "what has no sidecar is not restarted"


def test_the_cluster_was_stopped_by_hand(world: World) -> None:
    before = world.pods()
    world.minikube.stop()
    assert "The cluster small is stopped: minikube starts it." in world.green("up")
    assert world.pods() == before


def test_the_cluster_is_paused(world: World) -> None:
    world.halt()
    world.minikube.paused = True
    assert "The cluster small is paused: it goes on." in world.green("up")


@pytest.mark.parametrize("stage", ["dapr", "images", "shop"])
def test_the_api_is_away_in_the_middle(world: World, stage: str) -> None:
    edit(world)
    command = world.start("up")
    at(world, command, stage)
    before = len(world.logged("stage", command))
    world.halt()

    def met() -> bool:
        since = world.logged("stage", command)[before:]
        return any(f'"phase": "{phase}"' in line for line in since for phase in ("waiting", "failed"))

    wait_until(lambda: command.is_over or met(), "that it is met")
    assert met(), command.printed
    world.boot()
    ended = command.ended()
    assert ended.exit == 0 or set(ended.codes) == {"cluster-unreachable"}, ended.printed


def test_the_injector_is_away_while_a_service_comes(world: World) -> None:
    edit(world)
    gone: list[str] = []

    def take_away(_: object, written: Document) -> None:
        if written["kind"] == "ReplicaSet" and written["metadata"]["name"].startswith("shop-") and not gone:
            gone.extend(pod["metadata"]["name"] for pod in world.api.list("v1", "pods", "dapr-system"))
            for name in gone:
                world.api.remove("v1", "pods", "dapr-system", name)

    world.api.react(take_away)
    assert re.search(r"The pod shop-\S+ was made without its sidecar: it is made anew", world.green("up"))
    assert gone


@pytest.mark.parametrize("how", ["removed", "stopped"])
def test_the_container_of_the_broker_is_away(world: World, how: str) -> None:
    (name,) = (one for one in world.machine.containers if one.startswith("small-redpanda"))
    with world.machine.lock:
        world.machine.stop(name)
        if how == "removed":
            del world.machine.containers[name]
    world.green("up")
    assert world.ours() == {"running"}


def test_a_node_port_is_taken(world: World) -> None:
    with socket.socket() as taker:
        taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taker.bind(("127.0.0.1", world.node_port))
        taker.listen()
        fails(world, "node-port-in-use", f"Port {world.node_port} on 127.0.0.1, for shop, is taken by")


@pytest.mark.parametrize("status", ["pending-install", "pending-upgrade", "pending-rollback"])
def test_a_release_was_left_pending(world: World, status: str) -> None:
    before = world.pods()
    secrets = [
        one for one in world.api.list("v1", "secrets", "small") if "version" in one["metadata"].get("labels", {})
    ]
    mine = [one for one in secrets if one["metadata"]["labels"]["name"] == "shop"]
    newest = max(mine, key=lambda one: int(one["metadata"]["labels"]["version"]))
    newest["metadata"]["labels"]["status"] = status
    world.api.put(newest)
    assert f"The release shop was left {status}" in world.green("up")
    assert world.pods() == before


def test_a_pod_is_refused(world: World) -> None:
    words = (RECORDED / "pod-admission/pod-refused-security.txt").read_text().partition("is forbidden: ")[2]

    def refuse(resource: Resource, new: Document, namespace: Document) -> str | None:
        is_shop = new["metadata"].get("labels", {}).get("app.kubernetes.io/name") == "shop"
        return words if resource.plural == "pods" and is_shop else None

    edit(world)
    world.api.admit(refuse)
    fails(world, "pod-refused-security", "No pod of small/shop can be made")
    world.api.store.admissions.remove(refuse)


def test_the_node_is_too_small_for_a_pod(world: World) -> None:
    edit(world)
    world.controllers.too_large.add("shop")
    fails(world, "pod-node-too-small", "No node has enough free memory", "describe nodes")
    world.controllers.too_large.clear()


def test_the_engine_is_too_small_for_the_cluster(world: World) -> None:
    world.machine.memory = 3 * 2**30
    fails(world, "cluster-too-large", "environment.toml")
    world.machine.memory = 16 * 2**30


def test_a_proxy_is_set(world: World) -> None:
    proxy = Recorder()
    named = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), proxy.url)
    edit(world)
    world.minikube.delete()
    world.green("up", **named)
    proxy.close()
    assert proxy.asked == []
    assert {environ["NO_PROXY"] for environ in world.minikube.environs if "HTTPS_PROXY" in environ} == {DIRECT}


def test_another_run_is_at_work(world: World) -> None:
    edit(world)
    world.slow = 1.0  # seconds: the first run is not over before the second one begins
    world.slow_down()
    first = world.start("up")
    at(world, first, "preflight", "green")
    fails(world, "environment-locked", f"(pid {first.pid})")
    world.slow = 0.0
    world.api.mend()
    assert first.ended().exit == 0
