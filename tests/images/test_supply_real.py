"""A mirror as a real registry on loopback, and a real engine: an image is pulled from it, saved, and loaded again."""

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from bootstrap.clients import docker_engine
from bootstrap.core.env import Env
from bootstrap.images import mirror, supply
from bootstrap.images.layout import Engine
from tests import waits
from tests.doubles import small_env
from tests.engine import IMAGE, docker_environ, missing

__all__ = ["docker_environ"]

pytestmark = pytest.mark.real("docker", "busybox")


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A registry on a free port of loopback, which an engine asks by plain HTTP."""
    program = shutil.which("docker-registry")
    if program is None:
        missing("docker-registry is missing")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found = f"127.0.0.1:{free.getsockname()[1]}"
    storage = {"filesystem": {"rootdirectory": str(tmp_path / "registry")}}
    settings = {"version": 0.1, "log": {"level": "error"}, "storage": storage, "http": {"addr": found}}
    (tmp_path / "registry.yml").write_text(json.dumps(settings))  # which is YAML as well
    child = subprocess.Popen([str(program), "serve", str(tmp_path / "registry.yml")])
    waits.until(lambda: _listens(found), "the registry listens")
    yield found
    child.terminate()
    child.wait()


def _listens(address: str) -> bool:
    host, port = address.split(":")
    with suppress(ConnectionRefusedError), socket.create_connection((host, int(port)), 1):
        return True
    return False


@pytest.fixture
def env(tmp_path: Path, docker_environ: dict[str, str]) -> Env:
    (tmp_path / "checkout").mkdir()
    return replace(small_env(tmp_path / "checkout"), environ=docker_environ)


def test_an_image_goes_from_the_mirror_into_an_engine_and_between_engines(env: Env, address: str) -> None:
    env.environ = {**env.environ, "INV_MIRROR": f"http://{address}/artifacts"}
    client = docker_engine.connect(env.environ)
    reference = f"docker.io/{IMAGE}"
    at = mirror.source(env, IMAGE)
    assert at == f"{address}/artifacts/{reference}"
    repository, _, tag = at.rpartition(":")
    client.images.get(IMAGE).tag(repository, tag=tag)
    pushed = list(client.images.push(repository, tag=tag, stream=True, decode=True))
    assert not [line for line in pushed if "error" in line]
    image = client.images.get(IMAGE).id
    for name in (at, IMAGE):
        client.images.remove(name, force=True)

    supply.provide(env, IMAGE)
    assert client.images.get(IMAGE).id == image

    saved = list(client.images.get(IMAGE).save(named=IMAGE))
    for name in (at, IMAGE):
        client.images.remove(name, force=True)
    assert not supply.has(client, IMAGE)
    client.images.load(iter(saved))  # type: ignore[arg-type]
    assert client.images.get(IMAGE).id == image

    supply.load(env, Engine(client, {}), [IMAGE])
    supply.keep(env, Engine(client, {}), IMAGE)
    supply.copy(client, client, IMAGE)
    assert client.images.get(IMAGE).id == image
