"""The `minikube` place: a cluster of this environment's own; see `bootstrap.targets.target.Place`."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

# Whole, before gates are asked side by side: two threads that begin it at once may each meet a half of it.
import docker  # noqa: F401

from bootstrap.broker import choice, lifecycle
from bootstrap.clients.kubernetes_api import path, translate_errors
from bootstrap.cluster import service_urls as cluster_doors
from bootstrap.cluster.pods import logs as cluster_logs
from bootstrap.cluster.pods import logs_follow
from bootstrap.core.env import Env
from bootstrap.images import layout
from bootstrap.minikube import ownership, profile, rest
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound
from bootstrap.targets import minikube_status as cluster_status

PARTS: tuple[str, ...] = ("broker", "postgres")


def is_started(env: Env) -> bool:
    return env.kubeconfig.exists()


def at_rest(env: Env) -> Problem | None:
    return rest.check(env)


def may_hold(env: Env) -> bool:
    return env.minikube.exists() or ownership.is_ours(env)


def running_fingerprint(env: Env) -> str:
    return " ".join((*(_running(pod) for pod in _pods(env)), lifecycle.running_fingerprint(env)))


def started(env: Env, service: str) -> str:
    return " ".join(_running(pod) for pod in _pods(env, f"app.kubernetes.io/name={service}"))


def _pods(env: Env, selector: str = "app.kubernetes.io/managed-by=Helm") -> list[dict[str, Any]]:
    if not is_started(env):
        return []
    try:
        with translate_errors("The pods cannot be listed."):
            found = env.cluster.items(path("v1", "pods", env.manifest.namespace), labelSelector=selector)
    except ProblemsFound:
        return []  # of a cluster that is stopped or paused nothing runs; that it is so is said by its own gate
    return sorted((pod for pod in found if not _is_over(pod)), key=lambda pod: str(pod["metadata"]["name"]))


def _is_over(pod: Mapping[str, Any]) -> bool:
    return "deletionTimestamp" in pod["metadata"] or pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def _running(pod: Mapping[str, Any]) -> str:
    restarts = sum(one["restartCount"] for one in pod.get("status", {}).get("containerStatuses", ()))
    return f"{pod['metadata']['uid']}:{restarts}"


def versions(env: Env) -> dict[str, str]:
    return {name: layout.reference(env, name).rpartition(":")[2] for name in env.manifest.services}


def urls(env: Env) -> dict[str, str]:
    return cluster_doors.public(env)


def reachable_urls(env: Env) -> AbstractContextManager[dict[str, str]]:
    return cluster_doors.urls(env)


def before(env: Env, broker: str) -> None:  # noqa: ARG001 - the broker is Redpanda
    env.minikube.mkdir(parents=True, exist_ok=True)


def down(env: Env, purge: bool) -> list[str]:
    env.processes.stop_strays()  # a `minikube start` of a killed run would bring up what is stopped here
    said = []
    container = lifecycle.stop(env)
    if purge:
        said += [f"deleted {text}" for text in (*profile.delete(env), *lifecycle.purge(env))]
        shutil.rmtree(env.minikube, ignore_errors=True)
    elif container:
        said.append(f"stopped the container {container}; its topics stay in the volume of the same name")
    if not purge and rest.stop(env):
        said.append(f"stopped the cluster {env.context}; what is in it stays")
    env.kubeconfig.unlink(missing_ok=True)  # without it nothing runs; the next start writes it anew
    return said


def data(env: Env) -> list[str]:
    return [*profile.data(env), *lifecycle.data(env)]


def logs(env: Env, name: str, *, sidecar: bool, previous: bool, follow: bool) -> Iterator[str]:
    if name != "broker" and not is_started(env):
        raise ProblemsFound(problem("nothing-runs", f"{env.manifest.name} is not running.", final=True))
    if name == "broker":
        return choice.lines(env, follow)
    if follow:
        return logs_follow.lines(env, name, sidecar=sidecar)
    return cluster_logs.lines(env, name, sidecar=sidecar, previous=previous)


def facts(env: Env) -> dict[str, Any]:
    return cluster_status.facts(env)


def rows(document: dict[str, Any]) -> list[tuple[str, ...]]:
    return cluster_status.rows(document)
