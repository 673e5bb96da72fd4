"""The gate `preflight`."""

import errno
import json
import socket
from contextlib import closing
from pathlib import Path

import pytest

from bootstrap.core.env import Env
from bootstrap.core.processes import Spec
from bootstrap.local import layout
from bootstrap.problems.problem import ProblemsFound
from bootstrap.stages import preflight_local
from tests.doubles import small_env


@pytest.fixture
def fresh(tmp_path: Path) -> Env:
    root = tmp_path / "fresh"
    root.mkdir()
    return small_env(root)


def test_it_makes_the_folders_and_decides_every_port(fresh: Env) -> None:
    preflight_local.apply(fresh)
    assert preflight_local.check(fresh) is None
    assert set(fresh.ports.all()) == set(layout.wanted_ports(fresh))
    assert (fresh.state / ".gitignore").read_text() == "*\n"
    assert not (fresh.local / ".probe").exists()


def test_a_taken_port_is_told_with_its_holder_once(fresh: Env) -> None:
    said: list[str] = []
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        shop = fresh.manifest.services["shop"].model_copy(update={"port": port})
        services = {**fresh.manifest.services, "shop": shop}
        env = Env(fresh.manifest.model_copy(update={"services": services}), {}, notify=said.append)
        preflight_local.apply(env)
        preflight_local.apply(env)
    got = env.ports.all()["shop"]
    assert got != port
    # Another port of this environment may be taken too: tests run beside each other.
    mine = [text for text in said if text.startswith("shop: ")]
    assert len(mine) == 1
    assert mine[0].startswith(f"shop: port {port} is taken by ")
    assert mine[0].endswith(f"; it gets {got}")


def test_a_port_that_was_kept_and_is_taken_now_is_told(fresh: Env) -> None:
    preflight_local.apply(fresh)
    said: list[str] = []
    fresh.notify = said.append
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        kept = server.getsockname()[1]
        (fresh.local / "ports.json").write_text(json.dumps({**fresh.ports.all(), "shop": kept}))
        preflight_local.apply(fresh)
    (text,) = (text for text in said if text.startswith("shop: "))
    assert text.startswith(f"shop: port {kept} is taken by ")
    assert text.endswith(f"; it gets {fresh.ports.all()['shop']}")


def test_what_the_manifest_no_longer_has_is_ended(env: Env) -> None:
    said: list[str] = []
    env.notify = said.append
    for name in ("shop", "shop.sidecar", "broker", "old", "old.sidecar"):
        env.processes.start(Spec(name, ("/bin/sleep", "60"), {}, "/", "1"))
    preflight_local.apply(env)
    assert env.processes.names() == ["broker", "shop", "shop.sidecar"]
    assert said == ["ended, because environment.toml no longer has it: old, old.sidecar"]
    preflight_local.apply(env)
    assert len(said) == 1
    assert len(env.processes.stop(env.processes.names())) == 3


@pytest.mark.closes("preflight (local)", "the state folder takes a file", "state-not-writable")
def test_the_gate_needs_the_folder(fresh: Env) -> None:
    found = preflight_local.check(fresh)
    assert found is not None
    assert (found.code, found.final) == ("state-not-writable", True)


@pytest.mark.parametrize("place", [".inv/local/processes", ".inv/.gitignore"])
def test_a_state_folder_that_cannot_be_written(fresh: Env, place: str) -> None:
    """Permissions do not stop root, a thing of another kind at that place does."""
    path = fresh.root / place
    if place.endswith("processes"):
        path.write_text("in the way")
    else:
        path.mkdir()
    with pytest.raises(ProblemsFound) as failed:
        preflight_local.apply(fresh)
    (found,) = failed.value.problems
    assert (found.code, found.final) == ("state-not-writable", True)
    assert 'chown -R "$(id -u)"' in found.remedy


@pytest.mark.closes("preflight (local)", "the disk has room", "disk-full")
def test_a_disk_that_is_nearly_full(env: Env) -> None:
    found = preflight_local.check(env, free_bytes=lambda _: 100 * 2**20)
    assert found is not None
    assert (found.code, found.final) == ("disk-full", True)
    assert "100 MiB free" in found.cause
    assert str(preflight_local.NEEDED_MIB) in found.cause


def test_little_room_is_enough_when_all_is_installed(env: Env) -> None:
    (env.local / "envs" / "made").mkdir()
    assert preflight_local.check(env, free_bytes=lambda _: 100 * 2**20) is None


def test_a_disk_that_is_full(env: Env) -> None:
    def full(_: Path) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    found = preflight_local.check(env, free_bytes=full)
    assert found is not None
    assert (found.code, found.final) == ("disk-full", True)


@pytest.mark.closes("preflight (local)", "the sidecar that was asked for is there", "daprd-missing")
def test_a_sidecar_that_is_named_and_not_there(env: Env) -> None:
    env.environ = {"DAPRD": "/nowhere/daprd"}
    found = preflight_local.check(env)
    assert found is not None
    assert found.code == "daprd-missing"
    env.environ = {"DAPRD": ""}  # none is wanted
    assert preflight_local.check(env) is None
