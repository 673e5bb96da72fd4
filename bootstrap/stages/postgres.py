"""postgres: the database of the app and of Dapr's state store, with a password that only the cluster knows."""

from pathlib import Path
from typing import Any

from bootstrap.cluster import probe, secrets
from bootstrap.cluster.pods import rollout
from bootstrap.cluster.pods.case import kubectl
from bootstrap.core.env import Env
from bootstrap.core.stage import IMAGE_PULL_TIMEOUT_S, Stage
from bootstrap.helm import charts, releases, storage
from bootstrap.problems.catalogue import problem, recognise
from bootstrap.problems.problem import Problem

NAME = secrets.POSTGRES


def apply(env: Env) -> None:
    if check(env) is not None:
        secrets.ensure(env)
        releases.deploy(env, *_release(env))
        rollout.retry(env, "statefulsets", NAME, env.manifest.namespace)


def check(env: Env) -> Problem | None:
    if missing := secrets.missing(env):
        summary = f"The Secret {missing[0]} does not hold the password of the database."
        return problem("database-secret-missing", summary)
    release = storage.latest(env, env.manifest.namespace, NAME)
    wanted = releases.digest(*_release(env))
    if release is None or (release.status, release.digest) != (storage.DEPLOYED, wanted):
        return problem("postgres-not-installed", "PostgreSQL is not installed as the checkout has it.")
    if found := rollout.check(env, "statefulsets", NAME, env.manifest.namespace):
        summary = "PostgreSQL does not accept the password in the Secret postgres."
        return (
            recognise("postgres", "login", found.evidence, summary, kubectl=kubectl(env, env.manifest.namespace))
            or found
        )
    if said := probe.tcp(env, NAME, secrets.PORT):
        summary = f"No pod can connect to {NAME}:{secrets.PORT}."
        return problem("postgres-unreachable", summary, evidence=said, kubectl=kubectl(env, env.manifest.namespace))
    return None


def _release(env: Env) -> tuple[str, Path, dict[str, Any], str, tuple[Path, ...]]:
    """What is deployed. A changed password rolls the pod out, so that its login is tried with the one of now."""
    chart = charts.folder(env) / NAME
    values = {"podAnnotations": {"checksum/password": secrets.checksum(env)}}
    return NAME, chart, values, env.manifest.namespace, (chart / charts.LOCAL,)


def stage(needs: tuple[str, ...] = ("charts", "cluster")) -> Stage:
    """The gate: every Secret holds the password, a login with it works, and pods reach the Service."""
    return Stage(
        "postgres",
        needs,
        apply,
        check,
        waits_for="PostgreSQL",
        timeout=IMAGE_PULL_TIMEOUT_S,
        retry_apply_on=("rollout-blocked",),
    )
