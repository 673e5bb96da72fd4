"""What users do to the node and the engine by hand: `status` says it, and `up` goes on without losing a task."""

import json
import subprocess
import urllib.request
from collections.abc import Iterator

import pytest

from bootstrap.core.env import Env
from bootstrap.tools import versions
from tests.live.world import control, kubectl
from tests.local.conftest import Checkout

pytestmark = [pytest.mark.live, pytest.mark.real("docker")]

TITLE = "kept by the cluster"


@pytest.fixture(scope="module", name="up")
def bring_up(live: Checkout) -> None:
    live.inv("up", "--on", "minikube")


@pytest.fixture
def tasks(live: Checkout, up: None) -> Iterator[str]:
    """The URL of the tasks, one of which is there before and must be there afterwards."""
    url = json.loads(live.inv("status", "--json"))["services"]["backend-api"]["url"]
    body = json.dumps({"title": TITLE}).encode()
    request = urllib.request.Request(f"{url}/tasks", body, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - a URL of our own
        made = json.load(answer)
    yield url
    with urllib.request.urlopen(f"{url}/tasks/{made['id']}", timeout=10) as answer:  # noqa: S310
        assert json.load(answer)["title"] == TITLE
    delete = urllib.request.Request(f"{url}/tasks/{made['id']}", method="DELETE")  # noqa: S310
    urllib.request.urlopen(delete, timeout=10).close()  # noqa: S310


def docker(*args: str) -> None:
    subprocess.run(["docker", *args], check=True, capture_output=True, timeout=120)


def test_a_node_that_was_restarted(live: Checkout, env: Env, tasks: str) -> None:
    docker("restart", env.context)
    assert "up and proven" in live.inv("up")


@pytest.mark.parametrize("by", ["minikube", "docker"])
def test_a_node_that_was_paused(live: Checkout, env: Env, tasks: str, by: str) -> None:
    if by == "minikube":
        program = versions.program(env, "minikube")
        subprocess.run([program, "-p", env.context, "pause"], check=True, capture_output=True, timeout=120)
    else:
        docker("pause", env.context)
    shown = live.inv("status", exit=1)
    assert "paused" in shown
    assert "./inv up" in shown
    assert "up and proven" in live.inv("up")


def test_a_node_that_was_stopped(live: Checkout, env: Env, tasks: str) -> None:
    docker("stop", env.context)
    assert "is not running" in live.inv("status", exit=1)
    assert "up and proven" in live.inv("up")


def test_a_kubelet_that_was_stopped(live: Checkout, env: Env, tasks: str) -> None:
    docker("exec", env.context, "systemctl", "stop", "kubelet")
    kubectl(env, "wait", "--for=condition=Ready=Unknown", "node", "--all", "--timeout=100s")  # the API waits for 50 s
    assert "kubelet-silent" in live.inv("diagnose", exit=1)
    assert "runs without its kubelet" in live.inv("up")


def test_an_engine_that_was_restarted(live: Checkout, tasks: str) -> None:
    control("engine-restart")
    assert "up and proven" in live.inv("up")


@pytest.mark.usefixtures("up")
def test_a_node_that_was_deleted(live: Checkout, env: Env) -> None:
    """Its data is in minikube's volume of the profile, which minikube takes for a new container."""
    docker("rm", "--force", env.context)
    assert live.inv("status", exit=1)
    assert "up and proven" in live.inv("up")
