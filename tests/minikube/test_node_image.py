"""minikube's archive of its node image: one that a killed download cut off is deleted, any other stays."""

import fcntl
import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bootstrap.minikube import node_image
from bootstrap.stages import cluster
from tests.minikube.conftest import World

NAME = "kicbase_v0.0.50@sha256_eb4fec00e8ad70adf8e6436f195cc429825ffb85f95afcdb5d8d9deb576f3e6c.tar"
LONG_AGO = 1_000_000_000


def whole() -> bytes:
    with io.BytesIO() as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for name in ("manifest.json", "layer.tar.gz"):
                content = os.urandom(5000)
                about = tarfile.TarInfo(name)
                about.size = len(content)
                tar.addfile(about, io.BytesIO(content))
            end = tar.offset
        return file.getvalue()[:end] + bytes(1024)  # as Go writes it: no more zeros than that


WHOLE = whole()


def put(folder: Path, content: bytes, name: str = NAME) -> Path:
    archive = folder / "cache" / "kic" / "amd64" / name
    archive.parent.mkdir(parents=True, exist_ok=True)
    archive.write_bytes(content)
    return archive


def lock_of(tmp: Path, archive: Path) -> Path:
    """The lock that minikube 1.38 takes for a download."""
    name = "mk" + hashlib.sha1(f"{archive}.lock".encode(), usedforsecurity=False).hexdigest()
    path = tmp / f"minikube-locks-{os.getuid()}" / f"{name[:40]}.lock"
    path.parent.mkdir(exist_ok=True)
    path.touch()
    return path


@pytest.fixture
def home(world: World, tmp_path: Path) -> Path:
    """minikube's folder; temporary files are in a folder of the test's own."""
    (tmp_path / "tmp").mkdir()
    world.env.environ = {**world.env.environ, "TMPDIR": str(tmp_path / "tmp")}
    return tmp_path / ".minikube"


def test_a_download_that_was_killed_is_begun_anew(world: World, home: Path, tmp_path: Path) -> None:
    archive = put(home, WHOLE[:-2000])
    lock_of(tmp_path / "tmp", archive)  # it was taken, and the kernel freed it
    found: list[bool] = []

    def started() -> None:
        found.append(archive.exists())
        world.up()

    world.minikube.started = started
    cluster.apply(world.env)
    assert found == [False], "before minikube looks for it"
    (said,) = (text for text in world.said if str(archive) in text)
    assert "cut off" in said


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(length=st.integers(0, len(WHOLE)))
def test_only_a_whole_archive_stays(world: World, home: Path, length: int) -> None:
    archive = put(home, WHOLE[:length])
    os.utime(archive, (LONG_AGO, LONG_AGO))
    node_image.remove_cut_off(world.env)
    assert archive.exists() == (length == len(WHOLE))


@pytest.mark.parametrize("named", ["elsewhere", "elsewhere/.minikube"])
def test_it_is_looked_for_where_minikube_has_its_home(world: World, home: Path, tmp_path: Path, named: str) -> None:
    """It is `.minikube` below MINIKUBE_HOME, or MINIKUBE_HOME itself where that has this name."""
    world.env.environ = {**world.env.environ, "MINIKUBE_HOME": str(tmp_path / named)}
    theirs, ours = put(home, b"cut"), put(tmp_path / "elsewhere" / ".minikube", b"cut")
    for archive in (theirs, ours):
        os.utime(archive, (LONG_AGO, LONG_AGO))
    node_image.remove_cut_off(world.env)
    assert (theirs.exists(), ours.exists()) == (True, False)


def test_one_that_another_minikube_downloads_stays(world: World, home: Path, tmp_path: Path) -> None:
    archive = put(home, b"so far")
    os.utime(archive, (LONG_AGO, LONG_AGO))
    with lock_of(tmp_path / "tmp", archive).open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        node_image.remove_cut_off(world.env)
        assert archive.exists()
    node_image.remove_cut_off(world.env)
    assert not archive.exists()


def test_without_a_lock_one_that_has_just_grown_stays(world: World, home: Path) -> None:
    archive = put(home, b"so far")
    node_image.remove_cut_off(world.env)
    assert archive.exists()
    assert world.said == []


def test_what_is_no_archive_of_the_node_image_stays(world: World, home: Path) -> None:
    others = [put(home, b"", "kicbase_v0.0.50.tar.lock"), home / "cache" / "preloaded.tar"]
    others[1].write_bytes(b"cut")
    for other in others:
        os.utime(other, (LONG_AGO, LONG_AGO))
    node_image.remove_cut_off(world.env)
    assert all(other.exists() for other in others)


def test_without_a_cache_nothing_is_said(world: World) -> None:
    node_image.remove_cut_off(world.env)
    assert world.said == []
