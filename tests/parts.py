"""Real parts that some tests need: where each is on this machine, or that it is not.

A part goes into `PARTS`; a test asks for it with `@pytest.mark.real("name")`.
"""

import math
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from bootstrap.dapr import daprd as _daprd

CHROMIUM_NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
)
CHROMIUM_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
POSTGRESQL_FOLDERS = "usr/lib/postgresql/*/bin"
DOCKER_SECONDS = 10

Finder = Callable[[Mapping[str, str]], str | None]
"""Given the environment variables: where the part is, or None."""


def chromium(environ: Mapping[str, str], places: tuple[str, ...] = CHROMIUM_PLACES) -> str | None:
    """The browser that CHROMIUM names, else one on PATH, else one of `places`."""
    if named := environ.get("CHROMIUM"):
        return shutil.which(named, path=environ.get("PATH", ""))
    on_path = (shutil.which(name, path=environ.get("PATH", "")) for name in CHROMIUM_NAMES)
    elsewhere = (shutil.which(place) for place in places)
    return next((found for found in (*on_path, *elsewhere) if found), None)


def daprd(environ: Mapping[str, str]) -> str | None:
    """The sidecar that `inv up` would use."""
    found = _daprd.find(environ)
    return str(found) if found else None


def helm(environ: Mapping[str, str]) -> str | None:
    """The program that HELM names, else the one on PATH."""
    return shutil.which(environ.get("HELM") or "helm", path=environ.get("PATH", ""))


def minikube(environ: Mapping[str, str]) -> str | None:
    """The program that MINIKUBE names, else the one on PATH."""
    return shutil.which(environ.get("MINIKUBE") or "minikube", path=environ.get("PATH", ""))


def postgresql(environ: Mapping[str, str], root: Path = Path("/")) -> str | None:
    """The folder with `initdb` and `postgres`: one on PATH, else Debian's newest."""

    def major(folder: Path) -> float:
        return float(folder.parent.name) if folder.parent.name.replace(".", "", 1).isdigit() else 0

    on_path = [Path(folder) for folder in environ.get("PATH", "").split(":") if folder]
    debian = sorted(root.glob(POSTGRESQL_FOLDERS), key=major, reverse=True)
    for folder in (*on_path, *debian):
        if all(shutil.which(program, path=str(folder)) for program in ("initdb", "postgres")):
            return str(folder)
    return None


def docker(environ: Mapping[str, str]) -> str | None:
    """A Docker Engine: the docker program when its daemon answers, else a `dockerd` that this user, root, can start,
    with a bridge that iproute2 makes.
    """
    startable = dockerd(environ) if os.geteuid() == 0 and ip(environ) else None
    return docker_that_answers(environ) or startable


def dockerd(environ: Mapping[str, str]) -> str | None:
    """The daemon's program."""
    return _of_root(environ, "dockerd")


def ip(environ: Mapping[str, str]) -> str | None:
    """iproute2's program."""
    return _of_root(environ, "ip")


def _of_root(environ: Mapping[str, str], program: str) -> str | None:
    """A program that Debian has where only root's PATH leads."""
    return shutil.which(program, path=f"{environ.get('PATH', '')}:/usr/sbin:/sbin")


def busybox(environ: Mapping[str, str]) -> str | None:
    """A statically linked busybox: what an image needs to have a shell."""
    program = shutil.which("busybox", path=environ.get("PATH", ""))
    return program if program and b"/ld-" not in Path(program).read_bytes() else None


def debootstrap(environ: Mapping[str, str]) -> str | None:
    """Debian's own maker of systems; only root can use it."""
    found = _of_root(environ, "debootstrap")
    return found if os.geteuid() == 0 else None


def buildkit(environ: Mapping[str, str]) -> str | None:
    """The first docker program on PATH that can build with BuildKit: by its plugin buildx, or before 23 by itself."""
    for folder in environ.get("PATH", "").split(":"):
        program = shutil.which("docker", path=folder) if folder else None
        if program and (_says(program, environ, "buildx", "version") is not None or _major(program, environ) < 23):
            return program
    return None


def _major(program: str, environ: Mapping[str, str]) -> float:
    """The major version of the docker program; "Docker version 20.10.24+dfsg1, build 297e128"."""
    said = re.search(r"version (\d+)", _says(program, environ, "--version") or "")
    return float(said[1]) if said else math.inf


def _says(program: str, environ: Mapping[str, str], *args: str) -> str | None:
    """What it prints; None where it fails."""
    try:
        asked = subprocess.run(
            [program, *args], env=dict(environ), capture_output=True, text=True, timeout=DOCKER_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout if asked.returncode == 0 else None


def docker_that_answers(environ: Mapping[str, str]) -> str | None:
    """The docker program, when its daemon answers."""
    program = shutil.which("docker", path=environ.get("PATH", ""))
    return program if program and _says(program, environ, "version") is not None else None


PARTS: Mapping[str, Finder] = {
    "buildkit": buildkit,
    "busybox": busybox,
    "chromium": chromium,
    "daprd": daprd,
    "debootstrap": debootstrap,
    "docker": docker,
    "helm": helm,
    "minikube": minikube,
    "postgresql": postgresql,
}
