"""Facts about this machine, read from a root folder (`/`, or a recorded one)."""

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

WINDOWS_FILESYSTEMS = ("9p", "drvfs", "v9fs")


@dataclass(frozen=True)
class Machine:
    """What the kernel tells. 0, "" and False where it does not, as on macOS."""

    kernel: str = ""
    wsl: int = 0
    """The version of WSL, 0 outside."""
    memory_mib: int = 0
    cgroup: int = 0
    """The version of the cgroup hierarchy."""
    filesystem: str = ""
    """The type of the file system that holds the checkout."""
    nameservers: tuple[str, ...] = ()
    hardware_clock: int = 0
    """Seconds since the epoch."""
    systemd: bool = False
    docker_desktop: bool = False
    """Whether Docker Desktop is in WSL beside this distribution, integrated with it or not."""


def read(checkout: Path, root: Path = Path("/")) -> Machine:
    """Looks once; a handful of small files."""
    kernel = _text(root / "proc/sys/kernel/osrelease").strip()
    memory = re.search(r"^MemTotal:\s+(\d+) kB", _text(root / "proc/meminfo"), re.MULTILINE)
    clock = _text(root / "sys/class/rtc/rtc0/since_epoch").strip()
    return Machine(
        kernel=kernel,
        wsl=_wsl(kernel),
        memory_mib=int(memory[1]) // 1024 if memory else 0,
        cgroup=_cgroup(root),
        filesystem=filesystem(_text(root / "proc/self/mounts"), checkout),
        nameservers=tuple(re.findall(r"^\s*nameserver\s+(\S+)", _text(root / "etc/resolv.conf"), re.MULTILINE)),
        hardware_clock=int(clock) if clock.isdigit() else 0,
        systemd=(root / "run/systemd/system").is_dir(),
        docker_desktop=(root / "mnt/wsl/docker-desktop").exists(),
    )


def filesystem(mounts: str, path: Path) -> str:
    """The type of the file system that holds `path`, by a table of mounts as the kernel writes it; "" unknown."""
    found, longest = "", -1
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) >= 3:
            # The kernel writes a space, a tab, a newline and a backslash in octal.
            at = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[1]))
            if path.is_relative_to(at) and len(at.parts) >= longest:
                found, longest = fields[2], len(at.parts)
    return found


def _wsl(kernel: str) -> int:
    """By the kernel's release: 4.4.0-19041-Microsoft, 5.15.167.4-microsoft-standard-WSL2."""
    if "microsoft" not in kernel.lower():
        return 0
    return 1 if kernel.endswith("-Microsoft") else 2


def _cgroup(root: Path) -> int:
    if (root / "sys/fs/cgroup/cgroup.controllers").exists():
        return 2
    return 1 if (root / "sys/fs/cgroup/memory").is_dir() else 0


def _text(path: Path) -> str:
    with suppress(OSError, UnicodeDecodeError):
        return path.read_text()
    return ""
