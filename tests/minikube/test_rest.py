"""A cluster that was paused, stopped or deleted by hand: it is said at once, and `up` lets it go on."""

from collections.abc import Callable

import pytest

from bootstrap.cli import commands
from bootstrap.cli.diagnosis import look
from bootstrap.cli.status import status
from bootstrap.minikube import lost_node, rest
from bootstrap.problems.problem import ProblemsFound
from bootstrap.stages import cluster
from bootstrap.targets import minikube as place
from tests.docker_doubles import said
from tests.doubles import told
from tests.minikube.conftest import World
from tests.minikube.doubles import NODE_IMAGE, config


def paused_by_minikube(world: World) -> None:
    world.minikube.apiserver = "Paused"


def paused_by_docker(world: World) -> None:
    world.machine.there["small"].pause()
    world.minikube.host = "Paused"


def stopped(world: World) -> None:
    world.machine.there["small"].stop(1)
    world.minikube.host = "Stopped"


def deleted(world: World) -> None:
    world.machine.there["small"].remove(force=True)
    world.minikube.host = "Nonexistent"


def engine_stopped(world: World) -> None:
    world.machine.raises["get"] = said("daemon-not-running")


@pytest.fixture
def running(world: World) -> World:
    """The cluster is green, and its node a container of this machine's engine."""
    cluster.apply(world.env)
    assert cluster.check(world.env) is None
    world.machine.containers.create(name="small", labels={}, mem_limit="1m").start()
    world.machine.called.clear()
    world.minikube.ran.clear()
    world.said.clear()
    world.minikube.resumed = world.api.mend
    return world


@pytest.mark.closes(
    "cluster", "the cluster is not at rest", "cluster-paused", "cluster-stopped", "cluster-node-missing"
)
@pytest.mark.parametrize(
    ("leave", "code"),
    [
        (paused_by_minikube, "cluster-paused"),
        (paused_by_docker, "cluster-paused"),
        (stopped, "cluster-stopped"),
        (deleted, "cluster-node-missing"),
        (engine_stopped, "docker-not-running"),
    ],
)
def test_status_says_it_and_what_to_type(
    running: World, leave: Callable[[World], None], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    running.api.refuse_connections()
    leave(running)
    before = len(running.minikube.ran)
    assert status(running.env, as_json=False) == 1
    printed = capsys.readouterr().out
    assert f"[{code}]" in printed
    assert printed.count("[") == 1, "one problem, and no gate beside it"
    assert "./inv up" in printed
    assert "./inv status" not in printed
    assert [words[0] for words in running.minikube.ran[before:]] in ([], ["status"])
    found = told(cluster.check, running.env)
    assert found is not None
    assert found.code == code
    assert code in [one.problem.code for one in look(running.env).findings]
    with pytest.raises(ProblemsFound) as failed:
        commands.verify(running.env, as_json=False)
    assert failed.value.problems[0].code == code
    with pytest.raises(ProblemsFound) as failed:
        commands.logs(running.env, "shop")
    assert failed.value.problems[0].code == code


def test_a_cluster_that_answers_is_not_asked_about_further(running: World) -> None:
    assert rest.check(running.env) is None
    assert running.minikube.ran == []


def test_a_node_that_runs_and_does_not_answer_is_the_gates_to_tell(running: World) -> None:
    running.api.refuse_connections()
    assert rest.check(running.env) is None
    found = told(cluster.check, running.env)
    assert found is not None
    assert found.code == "cluster-unreachable"
    assert "./inv status" not in found.remedy


@pytest.mark.parametrize("leave", [paused_by_minikube, paused_by_docker])
def test_up_lets_a_paused_cluster_go_on_without_a_start(running: World, leave: Callable[[World], None]) -> None:
    running.api.refuse_connections()
    leave(running)
    if leave is paused_by_docker:
        running.machine.there["small"].unpause = lambda: go_on(running)  # type: ignore[method-assign]
    cluster.apply(running.env)
    assert running.minikube.did == (["unpause"] if leave is paused_by_minikube else [])
    assert running.said == ["The cluster small is paused: it goes on."]
    assert cluster.check(running.env) is None


def go_on(world: World) -> None:
    world.machine.does("unpause small")
    world.minikube.host = "Running"
    world.api.mend()


def test_paused_twice(running: World) -> None:
    running.api.refuse_connections()
    paused_by_minikube(running)
    paused_by_docker(running)

    def go() -> None:
        running.machine.does("unpause small")
        running.minikube.host = "Running"

    running.machine.there["small"].unpause = go  # type: ignore[method-assign]
    cluster.apply(running.env)
    assert (running.machine.called[-1], running.minikube.did) == ("unpause small", ["unpause"])
    assert cluster.check(running.env) is None


def test_an_unpause_after_which_nothing_answers_is_followed_by_a_start(running: World) -> None:
    running.api.refuse_connections()
    paused_by_minikube(running)
    running.minikube.resumed = bool

    def started() -> None:
        running.api.mend()
        running.up()

    running.minikube.started = started
    cluster.apply(running.env)
    assert running.minikube.did == ["unpause", "start"]
    assert cluster.check(running.env) is None


def test_a_pause_in_the_middle_of_a_run_is_ended_by_the_gate() -> None:
    assert {"cluster-paused", "cluster-stopped", "cluster-node-missing"} <= set(cluster.stage(()).retry_apply_on)


def test_down_stops_a_node_that_docker_paused(running: World) -> None:
    running.machine.there["small"].pause()
    assert rest.stop(running.env)
    assert running.machine.called == ["pause small", "unpause small"]
    assert running.minikube.did == ["stop"]


def test_the_place_says_it(running: World) -> None:
    running.api.refuse_connections()
    paused_by_minikube(running)
    found = place.at_rest(running.env)
    assert found is not None
    assert found.summary == "The cluster small is paused, by `minikube pause`."


PREPARED = "run {image} small:/var rm -rf /var/tmp/minikube/kubeadm.yaml"


def come_back(world: World) -> None:
    world.api.mend()
    world.up()


@pytest.mark.parametrize("separator", ["none", "@"], ids=["pulled", "from an archive, without its digest"])
def test_a_node_that_was_deleted_is_made_anew_from_its_volume(running: World, separator: str) -> None:
    """minikube would take the settings in the volume for those of a node that is set up, and start no control plane."""
    image = config()["KicBaseImage"].partition(separator)[0]
    running.machine.image_names.add(image)
    running.machine.volume_names["small"] = {}
    running.api.refuse_connections()
    deleted(running)
    running.minikube.started = lambda: come_back(running)
    running.machine.called.clear()
    cluster.apply(running.env)
    assert running.machine.called == [PREPARED.format(image=image)]
    assert running.minikube.did == ["start"]
    assert "The node of small is gone: minikube makes the node anew from its volume." in running.said


@pytest.mark.parametrize("node_is", ["there", "deleted too"])
def test_without_minikubes_own_record_the_node_is_made_anew_from_its_volume(running: World, node_is: str) -> None:
    """As after `rm -rf ~/.minikube`: minikube deletes the container itself, and goes on with the old volume."""
    running.minikube.profiles.clear()
    running.machine.there["small"].attrs["Image"] = NODE_IMAGE
    running.machine.image_names.add(NODE_IMAGE)
    running.machine.volume_names["small"] = {}
    if node_is == "deleted too":
        deleted(running)
    running.api.refuse_connections()
    running.minikube.started = lambda: come_back(running)
    running.machine.called.clear()
    cluster.apply(running.env)
    signed = " ".join(lost_node.CERTIFICATES)
    assert f"{PREPARED.format(image=NODE_IMAGE)} {signed}" in running.machine.called, "by the authority of before"
    assert running.minikube.did == ["start"], "nothing of it is deleted: it was green, and may hold data"
    assert "minikube's record of small is gone: minikube makes the node anew from its volume." in running.said


@pytest.mark.parametrize("lacks", ["volume", "image", "nothing but a start"])
def test_otherwise_a_start_is_left_to_minikube(running: World, lacks: str) -> None:
    if lacks != "image":
        running.machine.image_names.add(config()["KicBaseImage"])
    if lacks != "volume":
        running.machine.volume_names["small"] = {}
    running.api.refuse_connections()
    (stopped if lacks == "nothing but a start" else deleted)(running)
    running.minikube.started = lambda: come_back(running)
    running.machine.called.clear()
    cluster.apply(running.env)
    assert not [call for call in running.machine.called if call.startswith("run")]
    assert running.minikube.did == ["start"]
