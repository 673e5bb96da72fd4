"""A first start that was cut short: minikube says "Done" to what it left, and only a new cluster helps."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bootstrap.minikube import ownership
from bootstrap.stages import cluster
from tests.doubles import told
from tests.minikube.conftest import World, node, scene
from tests.minikube.doubles import config

NO_CNI = (
    "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
    "message:docker: network plugin is not ready: cni config uninitialized"
)
PARTS = {"CoreDNS": ("deployments", "coredns"), "kube-proxy": ("daemonsets", "kube-proxy")}


def without_cni(world: World, since: str = "2026-01-01T00:00:00Z") -> None:
    found = node("False")
    found["status"]["conditions"][0] |= {"message": NO_CNI, "lastTransitionTime": since}
    world.api.put(found)


def lose(world: World, *parts: str) -> None:
    for part in parts:
        kind, name = PARTS[part]
        world.api.remove("apps/v1", kind, "kube-system", name)


def complete(world: World) -> None:
    scene(world.api)
    world.api.store.admissions[1:] = []  # one Pod Security Admission is enough
    world.up()


@pytest.fixture
def half_made(world: World) -> World:
    """An earlier run began the cluster, and was killed while the control plane booted. minikube starts it so."""
    ownership.claim(world.env, exists=False)
    world.minikube.profiles["small"] = config()
    lose(world, *PARTS)
    without_cni(world)

    def started() -> None:
        if "delete" in world.minikube.did:
            complete(world)
        world.up()

    world.minikube.started = started
    return world


@pytest.mark.parametrize("is_reachable", [False, True], ids=["no kubeconfig", "API answers"])
def test_it_is_made_anew_and_told(half_made: World, is_reachable: bool) -> None:
    if is_reachable:
        half_made.up()
    cluster.apply(half_made.env)
    assert cluster.check(half_made.env) is None
    assert half_made.minikube.did == ["delete", "start"] if is_reachable else ["start", "delete", "start"]
    assert (
        "The first start of small was cut short, so it has no CoreDNS, kube-proxy, CNI configuration: "
        "it is deleted and made anew."
    ) in half_made.said
    assert ownership.came_up(half_made.env)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(missing=st.sets(st.sampled_from([*PARTS, "CNI configuration"]), min_size=1))
def test_whatever_is_missing_is_named(world: World, missing: set[str]) -> None:
    ownership.forget(world.env)
    ownership.claim(world.env, exists=False)
    complete(world)
    world.minikube.profiles["small"] = config()
    world.minikube.ran.clear()
    world.said.clear()
    world.minikube.started = lambda: complete(world)
    lose(world, *(missing & PARTS.keys()))
    if "CNI configuration" in missing:
        without_cni(world)
    cluster.apply(world.env)
    assert world.minikube.did == ["delete", "start"]
    (said,) = (text for text in world.said if "cut short" in text)
    assert {part for part in (*PARTS, "CNI configuration") if part in said} == missing


def test_an_interrupted_one_that_is_complete_goes_on(world: World) -> None:
    ownership.claim(world.env, exists=False)
    world.minikube.profiles["small"] = config()
    world.up()
    cluster.apply(world.env)
    assert cluster.check(world.env) is None
    assert world.minikube.did == []


def test_a_node_that_has_just_started_is_waited_for(half_made: World) -> None:
    complete(half_made)
    without_cni(half_made, since="2999-01-01T00:00:00Z")
    cluster.apply(half_made.env)
    assert half_made.minikube.did == []
    found = told(cluster.check, half_made.env)
    assert found is not None
    assert (found.code, found.final) == ("node-not-ready", False)


def test_one_that_was_green_is_never_deleted(world: World) -> None:
    cluster.apply(world.env)
    assert cluster.check(world.env) is None
    lose(world, *PARTS)
    without_cni(world)
    world.minikube.ran.clear()
    cluster.apply(world.env)
    assert world.minikube.did == []
    found = told(cluster.check, world.env)
    assert found is not None
    assert (found.code, found.final) == ("cni-config-missing", True)


def test_one_with_a_volume_is_never_deleted(half_made: World) -> None:
    meta = {"name": "pvc-1"}
    half_made.api.put({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": meta, "spec": {}})
    half_made.up()
    cluster.apply(half_made.env)
    assert half_made.minikube.did == []


@pytest.mark.parametrize("marks", [{"came_up": True}, {}], ids=["started", "no word of it"])
def test_one_of_an_older_version_is_never_deleted(half_made: World, marks: dict[str, bool]) -> None:
    record = {"checkout": str(half_made.env.root.resolve()), "since": 1, **marks}
    ownership.file(half_made.env).write_text(json.dumps({"small": record}))
    half_made.up()
    cluster.apply(half_made.env)
    assert half_made.minikube.did == []
    assert told(cluster.check, half_made.env)


def test_the_mark_of_an_older_cluster_of_the_name_does_not_count(half_made: World) -> None:
    ownership.note_up(half_made.env, "the uid of a cluster that was deleted by hand")
    half_made.up()
    cluster.apply(half_made.env)
    assert half_made.minikube.did == ["delete", "start"]
    assert cluster.check(half_made.env) is None


def test_the_mark_of_an_older_version_becomes_that_of_this_cluster(world: World) -> None:
    cluster.apply(world.env)
    ownership.note_up(world.env)
    assert ownership.was_green(world.env, "any")
    assert cluster.check(world.env) is None
    assert not ownership.was_green(world.env, "any")


def test_minikube_ending_well_is_no_proof(world: World) -> None:
    cluster.apply(world.env)
    assert not ownership.came_up(world.env)
    assert cluster.check(world.env) is None
    assert ownership.came_up(world.env)


def test_a_look_at_somebody_elses_cluster_marks_nothing(world: World) -> None:
    cluster.apply(world.env)
    ownership.forget(world.env)
    assert cluster.check(world.env) is None
    assert not ownership.file(world.env).exists() or not ownership.came_up(world.env)


@pytest.mark.closes("cluster", "the node has a network for pods", "cni-config-missing")
def test_a_node_without_cni_is_told_with_a_way_out(half_made: World) -> None:
    half_made.up()
    found = told(cluster.check, half_made.env)
    assert found is not None
    assert found.code == "cni-config-missing"
    assert "cni config uninitialized" in found.evidence
    assert "./inv down --purge\n./inv up" in found.remedy
    assert found.code in cluster.stage(()).retry_apply_on, "one that never was green is made anew"
