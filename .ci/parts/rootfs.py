"""Make root file systems from Debian's packages: one base, and what each image adds to it as a layer of its own."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import cache

RELEASE = "bookworm"
SERVICES = "exit 101\n"  # the answer of policy-rc.d with which no package starts its service
ENVIRON = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
# What may go: it is not used in a container, and would be most of a small layer.
UNUSED = ("usr/share/doc", "usr/share/man", "usr/share/locale", "var/cache/apt", "var/lib/apt/lists", "var/log")

Fill = Callable[[Path], None]
"""Given the mounted root file system: adds what is no package."""


def base() -> Path:
    """Return the folder of a small Debian, with certificates."""

    def make(folder: Path) -> None:
        command = ["debootstrap", "--variant=minbase", "--include=ca-certificates", RELEASE, str(folder)]
        _run(*command, environ=os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"})
        shutil.rmtree(folder / "var/cache/apt/archives")
        (folder / "usr/sbin/policy-rc.d").write_text(f"#!/bin/sh\n{SERVICES}")
        (folder / "usr/sbin/policy-rc.d").chmod(0o755)

    return cache.part("debian", [RELEASE, Path(__file__)], make)


def layer(name: str, packages: str, inputs: list[str | Path], fill: Fill) -> Path:
    """Return the folder with what `packages` and `fill` add to the base."""
    below = base()

    def make(folder: Path) -> None:
        upper, work, merged = (folder / part for part in ("upper", "work", "merged"))
        for path in (upper, work, merged):
            path.mkdir()
        upper.chmod(0o755)
        options = f"lowerdir={below},upperdir={upper},workdir={work}"
        _run("mount", "-t", "overlay", "overlay", "-o", options, str(merged))
        try:
            if packages:
                _install(merged, packages)
            fill(merged)
            for unused in UNUSED:
                shutil.rmtree(merged / unused, ignore_errors=True)
                (merged / unused).mkdir(parents=True)
        finally:
            _run("umount", "--lazy", str(merged))
        merged.rmdir()
        shutil.rmtree(work)
        # The mark of a file that is deleted here: it stays in the base, where it does no harm.
        for path in upper.rglob("*"):
            if path.is_char_device():
                path.unlink()

    return cache.part(f"layer-{name}", [below.name, packages, Path(__file__), *inputs], make) / "upper"


def _install(root: Path, packages: str) -> None:
    """Install packages with this machine's name servers and certificates."""
    resolver = root / "etc/resolv.conf"
    shutil.copy("/etc/resolv.conf", resolver)
    _run("mount", "-t", "proc", "proc", str(root / "proc"))
    try:
        for command in ("update", f"install --yes --no-install-recommends {packages}"):
            _run("chroot", str(root), "apt-get", "--quiet", "--quiet", *command.split(), environ=ENVIRON)
    finally:
        _run("umount", str(root / "proc"))
        resolver.write_text("")


def _run(*argv: str, environ: dict[str, str] | None = None) -> None:
    """Run a command; its output is shown only when it fails. Raises CalledProcessError."""
    done = subprocess.run(argv, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        cache.note(done.stdout[-3000:])
        done.check_returncode()
