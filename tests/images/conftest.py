"""Real images: a base made from Debian, and an engine in which all services' images are built on it."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.clients import docker_engine
from bootstrap.core.env import Env
from bootstrap.images.layout import Engine
from bootstrap.manifest import load
from tests import parts
from tests.images.index import Index, served
from tests.local.conftest import copy_checkout

BASE = "inv-test/python:3.11-debian12"
PACKAGES = "python3-minimal,python3-venv,python3-pip,python-is-python3,ca-certificates"
NAME = "inv-test-app"


@pytest.fixture(scope="module")
def real_env(tmp_path_factory: pytest.TempPathFactory, docker_environ: dict[str, str]) -> Env:
    """A copy of the checkout, whose images are built on `BASE`, by a docker program that has BuildKit.

    Its name is another one: the engine may be the user's, with the app's own images in it.
    """
    checkout = copy_checkout(tmp_path_factory.mktemp("checkout, with space"))
    manifest = checkout.path / "environment.toml"
    manifest.write_text(manifest.read_text().replace('name = "taskapp"', f'name = "{NAME}"', 1))
    program = parts.buildkit(docker_environ)
    assert program is not None, "the part buildkit was found"
    path = f"{Path(program).parent}:{docker_environ['PATH']}"
    return Env(load(checkout.path / "environment.toml"), {**docker_environ, "PATH": path, "PYTHON_IMAGE": BASE})


@pytest.fixture(scope="module")
def real_engine(real_env: Env, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The engine with `BASE` in it. Its bridge has no way out, so builds use the network of this machine."""
    client = docker_engine.connect(real_env.environ)
    rootfs = tmp_path_factory.mktemp("debian")
    debootstrap(rootfs)
    packed = rootfs.with_suffix(".tar")
    subprocess.run(["tar", "--create", "--numeric-owner", "-C", str(rootfs), "--file", str(packed), "."], check=True)
    shutil.rmtree(rootfs)
    repository, _, tag = BASE.rpartition(":")
    client.api.import_image_from_file(str(packed), repository=repository, tag=tag)
    packed.unlink()
    yield Engine(client, real_env.environ, network="host")
    assert real_env.manifest.name == NAME
    for image in [*client.images.list(name=f"{NAME}/*"), *client.images.list(name=BASE)]:
        client.images.remove(str(image.id), force=True)
    client.close()


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    """A package index with a password, and nothing in it yet."""
    with served(tmp_path) as running:
        yield running


def debootstrap(target: Path) -> None:
    """Debian 12 with Python 3.11, pip and venv, without what only a machine of its own needs."""
    program = parts.debootstrap(os.environ)
    assert program is not None, "the part debootstrap was found"
    subprocess.run(
        [program, "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(target)],
        env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    shutil.rmtree(target / "var/cache/apt/archives")
    shutil.rmtree(target / "usr/share/doc")
