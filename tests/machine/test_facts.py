"""Facts from recorded folders."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bootstrap.machine import facts
from tests.machine.conftest import WSL1, WSL2

Root = Callable[[dict[str, str]], Path]


def test_wsl_2(root: Root) -> None:
    found = facts.read(Path("/home/me/app"), root(WSL2 | {"sys/class/rtc/rtc0/since_epoch": "1795390000\n"}))
    assert found == facts.Machine(
        kernel="5.15.167.4-microsoft-standard-WSL2",
        wsl=2,
        memory_mib=7836,
        cgroup=2,
        filesystem="ext4",
        nameservers=("10.255.255.254",),
        hardware_clock=1795390000,
    )


def test_wsl_1(root: Root) -> None:
    assert facts.read(Path("/home"), root(WSL1)).wsl == 1


def test_a_machine_that_tells_nothing(tmp_path: Path) -> None:
    assert facts.read(Path("/Users/me/app"), tmp_path) == facts.Machine()


def test_what_a_folder_tells_by_being_there(root: Root) -> None:
    there = root({"sys/fs/cgroup/memory/x": "", "run/systemd/system/x": "", "mnt/wsl/docker-desktop/x": ""})
    expected = replace(facts.Machine(), cgroup=1, systemd=True, docker_desktop=True)
    assert facts.read(Path("/"), there) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/home/me", "ext4"), ("/mnt/c/Users/me", "9p"), ("/mnt/my disk/app", "9p"), ("/mnt/cellar", "ext4")],
)
def test_the_file_system_is_that_of_the_innermost_mount(path: str, expected: str) -> None:
    assert facts.filesystem(WSL2["proc/self/mounts"], Path(path)) == expected


def test_of_two_mounts_at_one_place_the_later_one_counts() -> None:
    assert facts.filesystem("a / ext4 rw\nb / overlay rw\nbroken\n", Path("/x")) == "overlay"


def test_this_machine_is_read() -> None:
    assert isinstance(facts.read(Path.cwd()), facts.Machine)
