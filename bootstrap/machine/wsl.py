"""Findings about WSL2, by the machine's facts."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from bootstrap.core.env import Env
from bootstrap.machine.facts import WINDOWS_FILESYSTEMS, Machine
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem

CLOCK_SKEW_S = 30  # seconds; certificates and tokens are refused when clocks are minutes apart
TOO_SMALL = ("cluster-too-large", "engine-too-small")


def findings(env: Env, machine: Machine, now: float) -> Iterator[Problem]:
    """What is wrong with this WSL; nothing outside of it. `now` is seconds since the epoch."""
    if not machine.wsl:
        return
    if machine.wsl == 1:
        yield problem("wsl-version", f"This is WSL 1 (kernel {machine.kernel}).", final=True)
        return
    if machine.cgroup == 1:
        yield problem("wsl-cgroup", "This WSL mounts control groups of version 1.", final=True)
    if machine.filesystem in WINDOWS_FILESYSTEMS:
        summary = f"The checkout {env.root} lies on a Windows drive."
        yield problem("wsl-checkout-on-windows", summary, path=env.root, name=Path(env.root.name), final=True)
    if not machine.nameservers:
        yield problem("wsl-dns", "/etc/resolv.conf names no server, so no name can be looked up.", final=True)
    # Ahead is no trouble of WSL's: it sets the hardware's clock by its own now and then, after some minutes.
    if (behind := machine.hardware_clock - now) > CLOCK_SKEW_S:
        yield problem("wsl-clock", f"The clock of WSL is {behind:.0f} s behind that of Windows.", final=True)


def explained(env: Env, machine: Machine, found: Iterable[Problem]) -> Iterator[Problem]:
    """Problems with Docker as they are to be told on WSL2, where their cure is on the Windows side."""
    small = False
    for each in found:
        small |= each.code in TOO_SMALL
        if machine.wsl and each.code == "docker-not-running" and machine.docker_desktop:
            yield problem("wsl-docker-not-integrated", each.summary, evidence=each.evidence, final=True)
        else:
            yield each
    if machine.wsl and small:
        cluster, broker = env.manifest.cluster, env.manifest.broker
        yield problem(
            "wsl-too-small",
            f"Windows gives this WSL {machine.memory_mib} MiB of memory.",
            # The cluster, the broker, and what builds, Dapr's tools and the desktop need beside them.
            memory=f"{-(-(cluster.memory_mb + broker.memory_mb) // 1024) + 2}GB",
            cpus=cluster.cpus,
            final=True,
        )
