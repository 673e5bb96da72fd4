"""Two checkouts on one machine: the second is refused the first one's profile, and with its own both run."""

import json
import re

import pytest

from tests.live.conftest import LIMIT
from tests.local.conftest import Checkout, copy_checkout

pytestmark = [pytest.mark.live, pytest.mark.real("docker")]


@pytest.fixture(scope="module")
def other(running_once: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    made = copy_checkout(tmp_path_factory.mktemp("other") / "checkout")
    made.limit = LIMIT
    return made


@pytest.fixture(scope="module")
def running_once(live: Checkout) -> Checkout:
    live.inv("up", "--on", "minikube")
    return live


def test_the_profile_of_another_checkout_is_refused(other: Checkout) -> None:
    assert "profile-not-ours" in other.inv("up", "--on", "minikube", exit=1)


def test_both_run_with_names_and_ports_of_their_own(running_once: Checkout, other: Checkout) -> None:
    manifest = other.path / "environment.toml"
    text = manifest.read_text().replace('profile = "taskapp"', 'profile = "taskapp-other"')
    text = re.sub(r"^node_port = 30", "node_port = 31", text, flags=re.MULTILINE)
    manifest.write_text(text.replace("memory_mb = 6144", "memory_mb = 4096"))
    try:
        assert "up and proven" in other.inv("up", "--on", "minikube")
        assert json.loads(running_once.inv("status", "--json"))["green"]
        other.inv("down", "--purge", "--yes")
        assert json.loads(running_once.inv("status", "--json"))["green"]
    finally:
        other.start("down", "--purge", "--yes").communicate(timeout=LIMIT)
