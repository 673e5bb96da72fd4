"""Findings about this machine's Docker Engine, by what it tells of itself (`docker info`)."""

import re
import socket
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bootstrap.core.env import Env
from bootstrap.images import supply
from bootstrap.machine.folder import FreeBytes, free
from bootstrap.machine.wsl import CLOCK_SKEW_S
from bootstrap.minikube import ownership, sizes
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem

OLDEST = (20, 10)  # the first on control groups of version 2, and the oldest that minikube recommends
# MiB on the engine's disk: minikube's node and Kubernetes' images, Redpanda's, the services', and their layers.
FRESH_DISK_MIB, RUNNING_DISK_MIB = 12_000, 1_000
SUPPLIED_DISK_MIB = 3_000  # more, where the node's images are in this machine's engine too

Info = Mapping[str, Any]


def ask(env: Env) -> Info:
    """What the engine tells of itself: one request.

    Raises `ProblemsFound`, see `bootstrap.clients.docker_engine.connect`.
    """
    from bootstrap.clients.docker_engine import translate_errors

    with translate_errors("This machine's Docker Engine does not answer."):
        told: Info = env.docker.info()
    return told


def findings(env: Env, info: Info, asked: tuple[float, float], free_bytes: FreeBytes = free) -> Iterator[Problem]:
    """What is wrong with the engine. `asked`, seconds since the epoch: when it was asked, and when it had answered."""
    version = str(info.get("ServerVersion", ""))
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers and (int(numbers[1]), int(numbers[2])) < OLDEST:
        yield problem("docker-version", f"This machine's Docker Engine is {version}.", final=True)
    if info.get("OSType", "linux") != "linux":
        yield problem("docker-not-linux", f"The Docker Engine runs {info['OSType']} containers.", final=True)
    yield from sizes.problems(env.manifest, int(info.get("NCPU", 0)), int(info.get("MemTotal", 0)))
    if skew := _skew(info, *asked):
        summary = (
            f"The Docker Engine's clock is {abs(skew):.0f} s {'behind' if skew < 0 else 'ahead of'} this machine's."
        )
        yield problem("docker-clock", summary, final=True)
    if (disk := free_mib(info, free_bytes)) is not None:
        needed = (
            RUNNING_DISK_MIB if ownership.came_up(env) else FRESH_DISK_MIB + SUPPLIED_DISK_MIB * supply.is_used(env)
        )
        if disk < needed:
            summary = "The disk of the Docker Engine is nearly full."
            where = info["DockerRootDir"]
            yield problem("docker-disk-low", summary, path=where, free=disk, needed=needed, final=True)


def _skew(info: Info, before: float, after: float) -> float:
    """Seconds by which its clock is ahead, 0 where that is no trouble."""
    told = re.sub(r"(\.\d{6})\d+", r"\1", str(info.get("SystemTime", "")))
    try:
        its = datetime.fromisoformat(told.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return 0.0
    # An engine that has to wake up first answers late, with the time of then.
    skew = its - min(max(its, before), after)
    return skew if abs(skew) > CLOCK_SKEW_S else 0.0


def free_mib(info: Info, free_bytes: FreeBytes = free) -> int | None:
    """MiB free on the engine's disk; None where that is in a virtual machine, of which the engine does not tell it."""
    root = Path(str(info.get("DockerRootDir") or "/nowhere"))
    here = info.get("Name") == socket.gethostname() and info.get("OperatingSystem") != "Docker Desktop"
    try:
        return free_bytes(root) // 2**20 if here else None
    except OSError:
        return None


def facts(info: Info) -> dict[str, Any]:
    """For people and for `--json`."""
    disk = free_mib(info)
    return {
        "version": info.get("ServerVersion"),
        "system": info.get("OperatingSystem"),
        "cpus": info.get("NCPU"),
        "memory_mib": int(info.get("MemTotal", 0)) // 2**20,
        "cgroup": int(info.get("CgroupVersion") or 1),
        "disk_free_mib": disk,
    }
