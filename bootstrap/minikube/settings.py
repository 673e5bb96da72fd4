"""What the cluster should be, as arguments of `minikube start`, and how the one that is there differs."""

from typing import Any

from bootstrap.core.env import Env
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem

DRIVER = RUNTIME = "docker"
Config = dict[str, Any]
"""A profile's configuration, as `minikube profile list` shows it."""


def ports(env: Env) -> list[str]:
    """Each node port, published on this machine's loopback."""
    wanted = sorted(service.node_port for service in env.manifest.services.values() if service.node_port)
    return [f"127.0.0.1:{port}:{port}" for port in wanted]


def arguments(env: Env) -> list[str]:
    """All that `minikube start` is told."""
    cluster = env.manifest.cluster
    return [
        f"--driver={DRIVER}",
        f"--container-runtime={RUNTIME}",
        f"--kubernetes-version=v{cluster.kubernetes}",
        f"--cpus={cluster.cpus}",
        f"--memory={cluster.memory_mb}mb",
        *(f"--ports={port}" for port in ports(env)),
        "--nodes=1",
        "--embed-certs",
        "--interactive=false",
        "--delete-on-failure=false",
        # The gate asks for the rest, and says what is missing.
        "--wait=apiserver,default_sa",
        "--output=json",
    ]


def differences(env: Env, config: Config) -> list[tuple[str, object, object]]:
    """What minikube cannot change in a profile: name, what it has, what environment.toml says."""
    wanted, kubernetes = env.manifest.cluster, config.get("KubernetesConfig") or {}
    version = str(kubernetes.get("KubernetesVersion", "")).removeprefix("v")
    published = config.get("ExposedPorts") or []
    missing = [port for port in ports(env) if port not in published]
    pairs = [
        ("driver", config.get("Driver"), DRIVER),
        ("container runtime", kubernetes.get("ContainerRuntime"), RUNTIME),
        ("cpus", config.get("CPUs"), wanted.cpus),
        ("memory_mb", config.get("Memory"), wanted.memory_mb),
        ("nodes", len(config.get("Nodes") or [1]), 1),
    ]
    if _numbers(version) > _numbers(wanted.kubernetes):
        pairs.append(("kubernetes", version, wanted.kubernetes))
    if missing:
        pairs.append(("published ports", ", ".join(published) or "none", ", ".join(missing)))
    return [pair for pair in pairs if pair[1] != pair[2]]


def check(env: Env, config: Config) -> Problem | None:
    """The problem of a profile that only a new one can mend."""
    found = differences(env, config)
    if not found:
        return None
    names = ", ".join(name for name, _, _ in found)
    return problem(
        "cluster-differs",
        f"The minikube profile {env.context} was made with other settings than environment.toml has now: {names}.",
        evidence="\n".join(f"{name}: the cluster has {has}, wanted is {wants}" for name, has, wants in found),
        where="environment.toml",
        final=True,
        profile=env.context,
    )


def is_older(env: Env, config: Config) -> bool:
    """Whether `minikube start` would upgrade its Kubernetes."""
    version = str((config.get("KubernetesConfig") or {}).get("KubernetesVersion", "")).removeprefix("v")
    return _numbers(version) < _numbers(env.manifest.cluster.kubernetes)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("-")[0].split(".") if part.isdigit())
