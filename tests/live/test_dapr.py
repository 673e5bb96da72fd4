"""Dapr's control plane as pods: it is deleted, its parts are broken one at a time, and the sidecars outlive it."""

import json

import pytest

from bootstrap.cluster import namespaces
from bootstrap.core.env import Env
from tests.live.world import kubectl
from tests.local.conftest import Checkout
from tests.waits import until

pytestmark = [pytest.mark.live, pytest.mark.real("docker")]

STATES = "jsonpath={.items[*].status.containerStatuses[*].state} {.items[*].status.containerStatuses[*].lastState}"
PARTS = ("dapr-operator", "dapr-sentry", "dapr-sidecar-injector")


@pytest.fixture(scope="module", autouse=True)
def is_up(live: Checkout) -> None:
    live.inv("up", "--on", "minikube")


def wait_until_refused(env: Env, part: str) -> None:
    """Wait until the kubelet says that it cannot start the container: before that, there is nothing to diagnose."""
    states = ("-n", namespaces.SYSTEM, "get", "pods", "-l", f"app={part}", "-o", STATES)
    until(lambda: "/nothing" in kubectl(env, *states), f"the kubelet refuses {part}")


@pytest.mark.parametrize("part", PARTS)
def test_a_broken_part_is_named_and_mended(live: Checkout, env: Env, part: str) -> None:
    wrong = [{"op": "replace", "path": "/spec/template/spec/containers/0/command", "value": ["/nothing"]}]
    kubectl(env, "-n", namespaces.SYSTEM, "patch", "deployment", part, "--type=json", "-p", json.dumps(wrong))
    kubectl(env, "-n", namespaces.SYSTEM, "delete", "pod", "-l", f"app={part}", "--wait=false")
    wait_until_refused(env, part)
    shown = live.inv("diagnose", exit=1)
    assert part in shown
    assert "/nothing" in shown
    assert "up and proven" in live.inv("up")


@pytest.mark.parametrize("part", PARTS)
def test_sidecars_survive_the_restart_of_a_part(live: Checkout, env: Env, part: str) -> None:
    kubectl(env, "-n", namespaces.SYSTEM, "rollout", "restart", f"deployment/{part}")
    kubectl(env, "-n", namespaces.SYSTEM, "rollout", "status", f"deployment/{part}", "--timeout=100s")
    before = kubectl(env, "-n", env.manifest.namespace, "get", "pods", "-o", "name")
    live.inv("verify")
    assert kubectl(env, "-n", env.manifest.namespace, "get", "pods", "-o", "name") == before


def test_services_trust_a_control_plane_that_was_made_anew(live: Checkout, env: Env) -> None:
    """It has a root certificate of its own then, which every sidecar takes at its start."""
    kubectl(env, "delete", "namespace", namespaces.SYSTEM)
    assert "up and proven" in live.inv("up")
    kubectl(env, "-n", env.manifest.namespace, "rollout", "restart", "deployment/backend-api")
    kubectl(env, "-n", env.manifest.namespace, "rollout", "status", "deployment/backend-api", "--timeout=200s")
    live.inv("verify")
