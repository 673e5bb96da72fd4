"""dapr: the control plane in a namespace of its own, and its injector at work."""

from typing import Any

from bootstrap.clients import yaml_reader
from bootstrap.clients.kubernetes_api import path, translate_errors
from bootstrap.cluster import trust
from bootstrap.cluster.namespaces import SYSTEM
from bootstrap.cluster.pods import rollout
from bootstrap.core.env import Env
from bootstrap.core.stage import IMAGE_PULL_TIMEOUT_S, Stage
from bootstrap.dapr import canary
from bootstrap.dapr import chart as dapr_chart
from bootstrap.helm import releases, storage
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem

RELEASE = "dapr"
SENTRY = "dapr-sentry"
DEPLOYMENTS = ("dapr-sentry", "dapr-operator", "dapr-sidecar-injector")  # the others wait for Sentry's certificates
STATEFUL = {"actors": "dapr-placement-server", "scheduler": "dapr-scheduler-server"}  # by their table below `global`
KINDS = {"v1alpha1": {"components", "configurations", "resiliencies"}, "v2alpha1": {"subscriptions"}}


def apply(env: Env) -> None:
    # The gate costs less than Helm, and what is not as it should be is always worth Helm's look.
    if check(env) is None:
        return
    archive = dapr_chart.find(env)
    with env.scratch() as scratch:
        chart = dapr_chart.unpack(env, archive, scratch)
        # Helm makes the definitions when it installs, and waits for them; it never upgrades them, nor makes them again.
        if storage.latest(env, SYSTEM, RELEASE):
            for document in dapr_chart.crds(chart, SYSTEM):
                name = document["metadata"]["name"]
                with translate_errors(f"The custom resource definition {name} cannot be applied."):
                    env.cluster.apply(path(document["apiVersion"], "customresourcedefinitions", name=name), document)
    releases.deploy(env, RELEASE, archive, _values(env), SYSTEM)
    for kind, name in _workloads(env):
        rollout.retry(env, kind, name, SYSTEM)
    _publish_trust(env)


def _publish_trust(env: Env) -> None:
    """Restart a Sentry that runs while its ConfigMap is empty: it writes its root certificate only when it starts."""
    if not trust.published(env) and rollout.check(env, "deployments", SENTRY, SYSTEM) is None:
        env.notify(f"The ConfigMap {trust.BUNDLE} holds no root certificate: {SENTRY} is restarted to write it.")
        rollout.restart(env, "deployments", SENTRY, SYSTEM)


def check(env: Env) -> Problem | None:
    version = env.manifest.dapr.version
    release = storage.latest(env, SYSTEM, RELEASE)
    if release is None:
        return problem("dapr-not-installed", f"Dapr {version} is not installed.")
    archive = dapr_chart.place(env)
    wanted = releases.digest(RELEASE, archive, _values(env), SYSTEM)
    if not archive.is_file() or (release.status, release.digest) != (storage.DEPLOYED, wanted):
        evidence = f"release {RELEASE}: {release.status}, made from {release.digest}, wanted {wanted}"
        return problem(
            "dapr-not-installed", f"Dapr {version} is not installed as the checkout has it.", evidence=evidence
        )
    if missing := _kinds_missing(env):
        return problem("dapr-kinds-missing", f"The cluster does not know Dapr's {', '.join(missing)}.")
    for kind, name in _workloads(env):
        if found := rollout.check(env, kind, name, SYSTEM):
            return found
    return canary.rehearse(env)


def _values(env: Env) -> dict[str, Any]:
    file = env.root / "infrastructure" / "dapr-values.yaml"
    return dict(yaml_reader.document(file.read_text(encoding="utf-8")) or {})


def _kinds_missing(env: Env) -> list[str]:
    """Kinds that the API does not serve: their definitions are not there, or not yet established."""
    missing: list[str] = []
    for version, wanted in KINDS.items():
        with translate_errors("The kinds of the API cannot be listed."):
            found = env.cluster.find(f"/apis/dapr.io/{version}") or {"resources": []}
        missing += sorted(wanted - {resource["name"] for resource in found["resources"]})
    return missing


def _workloads(env: Env) -> list[tuple[str, str]]:
    """What must be rolled out: the three that every sidecar needs, and those that Helm's values switch on, also where
    somebody deleted them."""
    values = _values(env).get("global") or {}
    switched = {name: (values.get(part) or {}).get("enabled", True) for part, name in STATEFUL.items()}
    with translate_errors("The workloads of Dapr's control plane cannot be listed."):
        there = env.cluster.items(
            path("apps/v1", "statefulsets", SYSTEM), labelSelector="app.kubernetes.io/part-of=dapr"
        )
    named = [name for name, is_on in switched.items() if is_on]
    named += [str(one["metadata"]["name"]) for one in there if one["metadata"]["name"] not in named]
    return [*(("deployments", name) for name in DEPLOYMENTS), *(("statefulsets", name) for name in named)]


def stage(needs: tuple[str, ...] = ("tools", "cluster")) -> Stage:
    """The gate: its kinds are known, its workloads rolled out, and its webhook adds `daprd` to a pod of the app."""
    again = ("workload-scaled-down", "workload-missing", "rollout-blocked", "dapr-trust-missing")
    return Stage(
        "dapr",
        needs,
        apply,
        check,
        waits_for="Dapr's control plane",
        timeout=IMAGE_PULL_TIMEOUT_S,
        retry_apply_on=again,
    )
