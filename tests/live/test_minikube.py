"""Holds the real minikube to the recording that the scripted one is held to."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.cli import commands
from bootstrap.core.env import Env
from bootstrap.minikube import profile
from bootstrap.tools import install
from tests.live.world import SETTINGS
from tests.local.conftest import copy_checkout
from tests.minikube import life

pytestmark = [pytest.mark.live, pytest.mark.real("docker")]


@pytest.fixture
def settings() -> Iterator[None]:
    """Put minikube's settings back as they were: its `delete`, called by hand, forgets the active profile."""
    path = Path.home() / SETTINGS
    before = path.read_bytes() if path.exists() else None
    yield
    if before is not None:
        path.write_bytes(before)


@pytest.fixture
def other(settings: None, tmp_path: Path) -> Iterator[Env]:
    """An environment with a profile and ports of its own, which nothing has brought up."""
    checkout = copy_checkout(tmp_path / "checkout")
    manifest = checkout.path / "environment.toml"
    text = manifest.read_text().replace('profile = "taskapp"', 'profile = "taskapp-life"')
    text = re.sub(r"^node_port = 30", "node_port = 32", text, flags=re.MULTILINE)
    manifest.write_text(text.replace("memory_mb = 6144", "memory_mb = 3072"))
    env = commands.open_env(checkout.path, checkout.environ)
    env.minikube.mkdir(parents=True)
    install.obtain(env, "minikube")
    yield env
    profile.run(env, "delete", timeout=life.LIMIT_S)


def test_the_life_of_a_profile_is_as_recorded(other: Env, tmp_path: Path) -> None:
    told = life.lived(other)
    (tmp_path / life.RECORDED.name).write_text(json.dumps(told, indent=1) + "\n")  # to be looked at, or to be kept
    assert told == life.recorded()
