"""The engine in the node: where minikube says it is, over TLS, and that it is the node's."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap.core.env import Env
from bootstrap.minikube import docker_env
from bootstrap.problems.problem import ProblemsFound
from bootstrap.stages import docker_env as stage
from tests import certificates
from tests.doubles import told
from tests.minikube.conftest import World
from tests.scripted.engine import Engine
from tests.scripted.serving import BehindTls


class Node:
    """The node's engine, behind TLS on loopback: it runs one container. Its certificates lie in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = certificates.write(folder)
        self.engine = Engine()
        self.container = str(self.engine.put_container("etcd", {})["Id"])
        self.tls = BehindTls(self.engine, folder, is_away=lambda: False)

    def variables(self, **changes: str) -> str:
        """As `minikube docker-env` prints them."""
        found = {
            "DOCKER_HOST": f"tcp://127.0.0.1:{self.tls.port}",
            "DOCKER_TLS_VERIFY": "1",
            "DOCKER_CERT_PATH": str(self.folder),
            "MINIKUBE_ACTIVE_DOCKERD": "small",
            "SSH_AGENT_PID": "",
            "SSH_AUTH_SOCK": "",
        }
        return json.dumps(found | changes) + "\n"


@pytest.fixture
def node(world: World, tmp_path: Path) -> Iterator[Node]:
    """The cluster runs, and minikube tells where its node's engine is."""
    found = Node(tmp_path / "certs")
    world.up()
    world.minikube.docker_env = (0, found.variables())
    world.api.put(pod("etcd-small", f"docker://{found.container}"))
    yield found
    found.tls.stop()


def pod(name: str, container: str, state: str = "running") -> dict[str, Any]:
    status = {"name": name, "containerID": container, "state": {state: {}}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "kube-system"},
        "spec": {"containers": [{"name": name}]},
        "status": {"containerStatuses": [status]},
    }


def code(env: Env) -> str:
    found = told(stage.check, env)
    assert found is not None
    assert "{" not in found.cause + found.remedy
    return found.code


def test_the_engine_is_the_nodes(world: World, node: Node) -> None:
    stage.apply(world.env)
    assert stage.check(world.env) is None
    engine = docker_env.engine(world.env)
    assert engine.environ["DOCKER_HOST"] == f"tcp://127.0.0.1:{node.tls.port}"
    assert engine.client.version()["Version"] == "29.2.0"


def test_minikube_is_asked_once_in_a_run_and_again_when_the_cluster_has_moved(world: World, node: Node) -> None:
    for _ in range(3):
        stage.apply(world.env)
        stage.check(world.env)
    assert [words[0] for words in world.minikube.ran] == ["docker-env"]
    world.env.kubeconfig.write_text(world.env.kubeconfig.read_text() + "\n")
    stage.check(world.env)
    assert [words[0] for words in world.minikube.ran] == ["docker-env"] * 2


def another_run(world: World) -> Env:
    """What the next command sees: nothing is remembered but what lies in files."""
    return replace(world.env)


def test_minikube_is_not_asked_again_for_a_node_that_runs_on(world: World, node: Node) -> None:
    machine = world.machine.containers.create(name="small", labels={}, mem_limit="1m")
    machine.start()
    for _ in range(3):
        assert stage.check(another_run(world)) is None
    assert [words[0] for words in world.minikube.ran] == ["docker-env"]
    node.engine.containers.clear()
    found = told(stage.check, another_run(world))
    assert found is not None
    assert found.code == "docker-env-elsewhere", "what was remembered is no proof: its engine was asked"


def test_minikube_is_asked_again_for_a_node_that_was_started_anew_or_a_damaged_file(world: World, node: Node) -> None:
    machine = world.machine.containers.create(name="small", labels={}, mem_limit="1m")
    machine.start()
    stage.check(another_run(world))
    machine.attrs["State"]["StartedAt"] = "2026-11-23T08:00:00Z"
    assert stage.check(another_run(world)) is None
    (world.env.state / "docker-env.json").write_text('{"node": "')
    assert stage.check(another_run(world)) is None
    machine.stop(timeout=1)
    assert stage.check(another_run(world)) is None, "no node that is known: minikube has the word"
    assert [words[0] for words in world.minikube.ran] == ["docker-env"] * 4


def test_the_shells_engine_builder_and_certificates_play_no_part(world: World, node: Node) -> None:
    theirs = {
        "DOCKER_HOST": "tcp://127.0.0.1:1",
        "DOCKER_CONFIG": "/home/dev/.config/docker",
        "DOCKER_CONTEXT": "production",
        "BUILDX_BUILDER": "elsewhere",
        "HTTPS_PROXY": "http://192.0.2.2:3128",
        "NO_PROXY": "intra.example",
        "REQUESTS_CA_BUNDLE": "/nowhere.pem",
    }
    world.env.environ = {**world.env.environ, **theirs}
    assert stage.check(world.env) is None
    given = docker_env.engine(world.env).environ
    assert given["BUILDX_BUILDER"] == "default"
    assert given["DOCKER_CONFIG"] == "/home/dev/.config/docker", "where its plugins are, and its logins"
    assert "DOCKER_CONTEXT" not in given
    assert given["HTTPS_PROXY"] == "http://192.0.2.2:3128", "builds need it"
    assert given["NO_PROXY"] == given["no_proxy"] == "intra.example,127.0.0.1"


@pytest.mark.closes("docker-env", "it is the node's", "docker-env-elsewhere")
def test_another_engine_is_told_by_the_containers_that_it_lacks(world: World, node: Node) -> None:
    node.engine.containers.clear()
    assert code(world.env) == "docker-env-elsewhere"


def test_any_container_of_the_node_proves_it(world: World, node: Node) -> None:
    world.api.put(pod("coredns", "docker://0000000000"))
    world.api.put(pod("dead", "docker://1111111111", state="terminated"))
    assert stage.check(world.env) is None


@pytest.mark.closes("docker-env", "it is the node's", "docker-env-unproven")
def test_a_node_on_which_nothing_runs_yet_proves_nothing(world: World, node: Node) -> None:
    world.api.put(pod("etcd-small", "", state="waiting"))
    assert code(world.env) == "docker-env-unproven"


def test_a_certificate_that_another_authority_signed_is_refused(world: World, node: Node, tmp_path: Path) -> None:
    certificates.write(tmp_path / "others")
    (node.folder / "ca.pem").write_bytes((tmp_path / "others" / "ca.pem").read_bytes())
    found = told(stage.check, world.env)
    assert found is not None
    assert "certificate" in found.evidence.lower()


@pytest.mark.closes("docker-env", "the engine answers", "docker-env-away")
def test_an_engine_that_is_away_is_told(world: World, node: Node) -> None:
    node.tls.stop()
    assert code(world.env) == "docker-env-away"


@pytest.mark.closes("docker-env", "it is reached over TLS, here or in the node", "docker-env-unsafe")
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"DOCKER_HOST": "tcp://192.0.2.7:2376"}, "neither this machine nor a node"),
        ({"DOCKER_HOST": "tcp://example.com:2376"}, "neither this machine nor a node"),
        ({"DOCKER_HOST": "ssh://docker@127.0.0.1:22"}, "no TCP port"),
        ({"DOCKER_HOST": "tcp://127.0.0.1"}, "no TCP port"),
        ({"DOCKER_HOST": "tcp://[::1:2376"}, "cannot be read"),
        ({"DOCKER_HOST": "tcp://127.0.0.1:port"}, "cannot be read"),
        ({"DOCKER_TLS_VERIFY": ""}, "not reached over TLS"),
        ({"DOCKER_CERT_PATH": "/nowhere"}, "ca.pem, cert.pem, key.pem is missing"),
    ],
)
def test_what_is_not_safe_is_not_used(world: World, node: Node, changes: dict[str, str], why: str) -> None:
    world.minikube.docker_env = (0, node.variables(**changes))
    found = told(stage.check, world.env)
    assert found is not None
    assert (found.code, found.final) == ("docker-env-unsafe", True)
    assert why in found.summary
    assert node.engine.asked == []


def test_the_nodes_own_address_is_safe(world: World, node: Node) -> None:
    world.minikube.docker_env = (0, node.variables(DOCKER_HOST="tcp://192.168.49.2:2376"))
    assert docker_env.variables(world.env)["DOCKER_HOST"] == "tcp://192.168.49.2:2376"


@pytest.mark.closes("docker-env", "minikube tells where the engine is", "docker-env-failed")
@pytest.mark.parametrize("said", ["false exit code 80\n", "[]", "{}", '{"DOCKER_HOST": "tcp://127.0.0.1:1"}', ""])
def test_a_minikube_that_does_not_tell_is_waited_for_and_told(world: World, node: Node, said: str) -> None:
    world.minikube.docker_env = (80, said)
    stage.apply(world.env)
    found = told(stage.check, world.env)
    assert found is not None
    assert (found.code, found.final) == ("docker-env-failed", False)
    assert "docker-env --shell=none" in found.evidence
    world.minikube.docker_env = (0, node.variables())
    assert stage.check(world.env) is None


def test_a_cluster_that_does_not_answer_is_told(world: World, node: Node) -> None:
    world.api.refuse_connections()
    with pytest.raises(ProblemsFound) as failed:
        docker_env.engine(world.env)
    assert failed.value.problems[0].code == "cluster-unreachable"
