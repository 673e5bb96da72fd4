"""`up` from a company's mirror alone; then without the network, on the cluster of before and on a new one.

What a mirror must have is below one URL. In the machine of the mission every other name of the outside world is taken
away, so what is not asked of the mirror is not found. The tests build on each other, in order.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.core.env import Env
from tests.live.world import Belongings, control
from tests.local.conftest import Checkout

pytestmark = [pytest.mark.live, pytest.mark.real("docker")]

MIRROR = "https://mirror.test/artifacts"


@pytest.fixture(scope="module")
def fresh(live: Checkout, before: Belongings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """The checkout on a machine that has downloaded nothing: its caches are empty, and so is the engine in CI."""
    control("mirror-only")
    live.inv("down", "--purge", "--yes")
    if os.environ.get("CI") == "true":
        subprocess.run(["docker", "image", "prune", "--all", "--force"], check=True, capture_output=True)
    homes = {name: str(tmp_path_factory.mktemp(name)) for name in ("MINIKUBE_HOME", "XDG_CACHE_HOME")}
    environ = live.environ
    live.environ = environ | homes
    # uv's wheels may be in the cache of before; the package index is not what is tested.
    live.environ["UV_CACHE_DIR"] = environ.get("UV_CACHE_DIR") or str(Path.home() / ".cache" / "uv")
    yield live
    control("network-on")
    control("mirror-and-all")
    live.inv("down", "--purge", "--yes")
    live.environ = environ


def test_up_from_nothing_but_the_mirror(fresh: Checkout, env: Env) -> None:
    fresh.environ["INV_MIRROR"] = MIRROR
    assert "up and proven" in fresh.inv("up", "--on", "minikube")
    folder = Path(fresh.environ["MINIKUBE_HOME"]) / ".minikube"
    profile = json.loads((folder / "profiles" / env.context / "config.json").read_text())
    assert profile["KubernetesConfig"]["ContainerRuntime"] == "docker"
    assert "mirror.test" not in json.dumps(profile)


def test_a_second_up_asks_no_network_for_anything(fresh: Checkout) -> None:
    control("network-off")
    assert "up and proven" in fresh.inv("up")


def test_what_was_stopped_goes_on_without_the_network(fresh: Checkout) -> None:
    fresh.environ["INV_OFFLINE"] = "1"
    fresh.inv("down")
    assert "up and proven" in fresh.inv("up")


def test_a_new_cluster_is_made_without_the_network(fresh: Checkout) -> None:
    fresh.inv("down", "--purge", "--yes")
    assert "up and proven" in fresh.inv("up", "--on", "minikube")


def test_without_the_network_what_is_missing_is_told_at_once(fresh: Checkout) -> None:
    fresh.inv("down", "--purge", "--yes")
    manifest = fresh.path / "environment.toml"
    text = manifest.read_text()
    manifest.write_text(text.replace('[dapr]\nversion = "1.18.1"', '[dapr]\nversion = "1.18.0"'))
    try:
        printed = fresh.inv("up", "--on", "minikube", exit=1)
    finally:
        manifest.write_text(text)
    assert "offline-missing" in printed
    assert "ghcr.io/dapr/daprd:1.18.0" in printed
    assert "INV_KEEP=1" in printed
