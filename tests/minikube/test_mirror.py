"""INV_MIRROR, INV_OFFLINE and INV_KEEP for the cluster: what is taken from where, and what is told to be missing."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bootstrap.dapr import chart as dapr_chart
from bootstrap.images import layout, mirror, supply
from bootstrap.images.layout import Engine
from bootstrap.manifest import load
from bootstrap.minikube import cache, node_image, supplies
from bootstrap.stages import cluster, preflight_minikube
from bootstrap.targets import minikube as place
from bootstrap.tools.mirrors import cache as tools_cache
from tests.docker_doubles import FakeEngine
from tests.failures import failure
from tests.minikube.conftest import World
from tests.minikube.doubles import NODE_DIGEST, NODE_IMAGE
from tests.tools.mirror import mirror as served

PYTHON = "python:3.11-slim"
BASE = "https://me:let%20me%20in@mirror.test/artifacts/"
HOST = "mirror.test/artifacts"


@pytest.fixture
def node(world: World) -> FakeEngine:
    """The engine of the node, empty; Kubernetes is a version whose images are known."""
    known = world.env.manifest.cluster.model_copy(update={"kubernetes": "1.35.1"})
    world.env.manifest = world.env.manifest.model_copy(update={"cluster": known})
    return FakeEngine()


@pytest.fixture
def binaries(world: World, node: FakeEngine) -> Iterator[str]:
    """The base URL of a mirror with Kubernetes' programs."""
    with served() as there:
        for name in cache.BINARIES:
            url = cache.binary_url(world.env, name)
            there.put(name.encode(), url)
            there.put(hashlib.sha256(name.encode()).hexdigest().encode(), f"{url}.sha256")
        yield there.address


def up(world: World, node: FakeEngine) -> None:
    client: Any = node
    cluster.apply(world.env, lambda _: Engine(client, {}))


def set_to(world: World, **variables: str) -> None:
    world.env.environ = {**world.env.environ, **variables}


def needed(world: World) -> list[str]:
    """Every image that a new node needs of this machine's engine."""
    services = [layout.reference(world.env, name) for name in world.env.manifest.services]
    return [*supplies.images(world.env), *services, world.env.manifest.broker.image]


def whole(world: World) -> None:
    """Put on this machine all that a start without the network needs."""
    world.machine.image_names |= {NODE_IMAGE, *needed(world)}
    chart = dapr_chart.place(world.env)
    folder = node_image.home(world.env) / "cache" / "preloaded-tarball"
    name = f"preloaded-images-k8s-v18-v1.35.1-docker-overlay2-{cache._machine()}.tar.lz4"
    for file in (chart, folder / name):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("anything")


@pytest.mark.parametrize(
    ("reference", "pulled"),
    [
        (PYTHON, f"{HOST}/docker.io/library/python:3.11-slim"),
        ("redpandadata/redpanda:v25.3.1", f"{HOST}/docker.io/redpandadata/redpanda:v25.3.1"),
        ("ghcr.io/dapr/daprd:1.18.1", f"{HOST}/ghcr.io/dapr/daprd:1.18.1"),
        ("localhost/any:1", f"{HOST}/localhost/any:1"),
        ("registry:5000/any:1", f"{HOST}/registry:5000/any:1"),
    ],
)
def test_an_image_lies_in_the_mirror_below_its_registry(world: World, reference: str, pulled: str) -> None:
    assert mirror.source(world.env, reference) == reference
    set_to(world, INV_MIRROR=BASE)
    assert mirror.source(world.env, reference) == pulled


def test_an_image_is_pulled_from_the_mirror_with_its_login_and_gets_its_own_name(world: World) -> None:
    set_to(world, INV_MIRROR=BASE)
    supply.provide(world.env, PYTHON)
    at = f"{HOST}/docker.io/library/{PYTHON}"
    assert world.machine.called == [f"pull {at}", f"tag {at} {PYTHON}"]
    assert world.machine.logins == [{"username": "me", "password": "let me in"}]
    assert not any("let" in line for line in world.said)
    supply.provide(world.env, PYTHON)
    assert len(world.machine.called) == 2, "it is there"


def test_without_a_mirror_the_image_comes_from_its_registry(world: World) -> None:
    supply.provide(world.env, PYTHON)
    assert world.machine.called == [f"pull {PYTHON}"]
    assert world.machine.logins == [None]


def test_an_image_that_the_mirror_lacks_is_told_with_the_name_to_try(world: World) -> None:
    set_to(world, INV_MIRROR=BASE)
    at = f"{HOST}/docker.io/library/{PYTHON}"
    world.machine.absent = {at}
    found = failure(lambda: supply.provide(world.env, PYTHON))
    assert found.code == "image-not-in-registry"
    assert at in found.remedy


def test_a_fresh_cluster_is_made_of_what_the_mirror_has(world: World, node: FakeEngine, binaries: str) -> None:
    set_to(world, INV_MIRROR=binaries)
    up(world, node)
    (start,) = [words for words in world.minikube.ran if words[0] == "start"]
    assert {"--preload=false", f"--base-image={NODE_IMAGE}"} <= set(start)
    assert not any("mirror" in word or "repository" in word for word in start), "the profile does not know of it"
    home = node_image.home(world.env) / "cache"
    for name in cache.BINARIES:
        program = home / "linux" / cache._machine() / "v1.35.1" / name
        assert (program.read_text(), program.stat().st_mode & 0o777) == (name, 0o755)
    cached = home / "images" / cache._machine()
    saved = {str(file.relative_to(cached)): file.read_text() for file in cached.rglob("*") if file.is_file()}
    assert saved == {reference.replace(":", "_"): reference for reference in cache.images(world.env)}
    assert "registry.k8s.io/coredns/coredns:v1.13.1" in saved.values()
    assert node.image_names == set(supplies.images(world.env))
    pulls = [call.partition(" ")[2] for call in world.machine.called if call.startswith("pull")]
    assert all(one.startswith(binaries.removeprefix("http://")) for one in pulls)


def test_a_second_start_asks_the_mirror_for_nothing(world: World, node: FakeEngine, binaries: str) -> None:
    set_to(world, INV_MIRROR=binaries)
    up(world, node)
    world.machine.called.clear()
    node.called.clear()
    world.minikube.host = "Stopped"
    set_to(world, INV_MIRROR="https://nothing.invalid")
    up(world, node)
    assert (world.machine.called, node.called) == ([], [])


def test_a_node_image_of_another_build_is_taken_by_its_tag(world: World, node: FakeEngine) -> None:
    set_to(world, INV_MIRROR=BASE)
    at = f"{HOST}/{NODE_IMAGE}"
    world.machine.absent = {f"{at.rpartition(':')[0]}@{NODE_DIGEST}"}
    assert cache._node_image(world.env) == [f"--base-image={NODE_IMAGE}"]
    assert world.machine.called[-2:] == [f"pull {at}", f"tag {at} {NODE_IMAGE}"]
    assert "by its tag" in world.said[-1]


def test_a_base_image_of_the_user_stays_theirs(world: World, node: FakeEngine) -> None:
    set_to(world, INV_MIRROR=BASE, MINIKUBE_BASE_IMAGE="mine:1")
    assert cache._node_image(world.env) == []
    assert world.machine.called == []


def test_without_any_variable_minikube_and_the_node_take_what_they_need(world: World, node: FakeEngine) -> None:
    up(world, node)
    (start,) = [words for words in world.minikube.ran if words[0] == "start"]
    assert not any(word.startswith(("--preload", "--base-image")) for word in start)
    assert (world.machine.called, node.called) == ([], [])


def test_images_that_a_run_kept_are_loaded_into_a_new_node(world: World, node: FakeEngine) -> None:
    whole(world)
    set_to(world, INV_OFFLINE="1")
    up(world, node)
    assert node.image_names == set(needed(world)) - {world.env.manifest.broker.image}
    assert [call for call in world.machine.called if call.startswith("pull")] == []
    (start,) = [words for words in world.minikube.ran if words[0] == "start"]
    assert f"--base-image={NODE_IMAGE}" in start
    assert "--preload=false" not in start, "minikube has its archive"


def test_offline_an_image_that_is_not_here_is_told(world: World) -> None:
    set_to(world, INV_OFFLINE="1", INV_MIRROR=BASE)
    found = failure(lambda: supply.provide(world.env, PYTHON))
    assert found.code == "image-offline"
    assert PYTHON in found.summary
    assert "unset INV_OFFLINE" in found.remedy
    assert world.machine.called == []


@pytest.mark.closes("preflight (minikube)", "without the network all is here", "offline-missing")
def test_offline_all_that_is_missing_is_told_before_anything_is_started(world: World, node: FakeEngine) -> None:
    whole(world)
    set_to(world, INV_OFFLINE="1")
    assert list(supplies.findings(world.env)) == []
    world.machine.image_names.clear()
    dapr_chart.place(world.env).unlink()
    (found,) = preflight_minikube._offline(world.env)
    assert found.code == "offline-missing"
    assert f"image {NODE_IMAGE}, of minikube's node" in found.evidence
    assert f"{tools_cache(world.env)}/dapr-1.18.1.tgz" in found.evidence
    for reference in needed(world):
        assert f"image {reference}, in this machine's Docker Engine" in found.evidence.splitlines()
    assert "INV_KEEP=1" in found.remedy


def test_offline_minikube_s_own_cache_is_looked_at(world: World, node: FakeEngine) -> None:
    whole(world)
    for archive in (node_image.home(world.env) / "cache" / "preloaded-tarball").iterdir():
        archive.unlink()
    missing = list(cache.missing(world.env))
    assert missing[0] == "kubeadm 1.35.1, in minikube's cache"
    assert len(missing) == len(cache.BINARIES) + len(cache.images(world.env))


def test_offline_a_node_that_is_there_needs_nothing_of_it(world: World, node: FakeEngine) -> None:
    whole(world)
    set_to(world, INV_OFFLINE="1")
    world.machine.image_names = {world.env.manifest.broker.image}
    world.machine.containers.create(name="small", labels={}, mem_limit="1m")
    assert list(supplies.findings(world.env)) == []


@pytest.mark.closes(
    "preflight (minikube)", "the images of this Kubernetes are known to a mirror's user", "mirror-kubernetes-unknown"
)
def test_a_kubernetes_whose_images_are_not_known_is_told(world: World) -> None:
    set_to(world, INV_MIRROR=BASE)
    (found,) = preflight_minikube._offline(world.env)
    assert found.code == "mirror-kubernetes-unknown"
    assert "1.35" in found.remedy


def test_a_purge_leaves_the_caches(world: World, node: FakeEngine, binaries: str) -> None:
    set_to(world, INV_MIRROR=binaries)
    up(world, node)
    before = set(world.machine.image_names)
    cached = sorted(Path(node_image.home(world.env)).rglob("*"))
    place.down(world.env, purge=True)
    assert world.machine.image_names == before
    assert sorted(Path(node_image.home(world.env)).rglob("*")) == cached
    assert not any("--purge" in words or "--all" in words for words in world.minikube.ran)


def test_switches_of_dapr_s_values_bring_their_images(world: World) -> None:
    file = world.env.root / "infrastructure" / "dapr-values.yaml"
    file.parent.mkdir()
    file.write_text("global: {registry: registry.corp/dapr, actors: {enabled: true}, scheduler: {enabled: false}}")
    found = supplies.images(world.env)
    assert "registry.corp/dapr/placement:1.18.1" in found
    assert not any("scheduler" in one for one in found)


def test_a_failing_pull_ends_the_start(world: World, node: FakeEngine, binaries: str) -> None:
    set_to(world, INV_MIRROR=binaries)
    missing = mirror.source(world.env, "registry.k8s.io/pause:3.10.1")
    world.machine.absent = {missing}
    assert missing in failure(lambda: up(world, node)).remedy
    assert world.minikube.did == []


def test_the_guide_lists_what_a_mirror_must_have(world: World) -> None:
    root = Path(__file__).parents[2]
    world.env.manifest = load(root / "environment.toml")
    urls, wanted = supplies.asked_for(world.env)
    text = (root / "docs/guide.md").read_text(encoding="utf-8").partition("<!-- what a mirror must have")[2]
    listed = [line.strip() for line in text.partition("Python packages")[0].splitlines()[1:] if line.strip()]
    assert listed == [*(url.partition("://")[2] for url in urls), *wanted]
