"""Whether this machine's Docker Engine has what environment.toml asks of it for the cluster."""

from bootstrap.manifest import Manifest
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem

MIB = 1024 * 1024
LEAST_CPUS, LEAST_MB = 2, 2048  # with less, Kubernetes does not start
STEP_MB = 256


def problems(manifest: Manifest, cpus: int, memory: int) -> tuple[Problem, ...]:
    """What is too large for an engine with that many CPUs and bytes of memory."""
    found = []
    cluster, memory_mb = manifest.cluster, memory // MIB
    if cluster.cpus > cpus:
        found.append(_too_large("cpus", cluster.cpus, cpus, "CPUs", max(cpus, LEAST_CPUS)))
    if cluster.memory_mb > memory_mb:
        # What is left beside the broker, which runs on the same engine.
        fits = (memory_mb - manifest.broker.memory_mb) // STEP_MB * STEP_MB
        found.append(_too_large("memory_mb", cluster.memory_mb, memory_mb, "MiB of memory", max(fits, LEAST_MB)))
    return tuple(found)


def _too_large(key: str, wanted: int, there: int, unit: str, fits: int) -> Problem:
    has = f"the Docker Engine has {there} {unit}"
    if there < fits:
        return problem(
            "engine-too-small",
            f"A cluster needs at least {fits} {unit}, and {has}.",
            final=True,
            there=there,
            unit=unit,
            fits=fits,
        )
    return problem(
        "cluster-too-large",
        f"environment.toml gives the cluster {wanted} {unit}, and {has}.",
        where="environment.toml",
        final=True,
        key=key,
        wanted=wanted,
        fits=fits,
    )
