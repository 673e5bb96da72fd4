"""One stage per service (minikube): its release is that of the checkout, and its pods are what the release says."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bootstrap.cluster import outdated, probe, readiness
from bootstrap.cluster.pods import endpoints, rollout, service_pods
from bootstrap.cluster.pods.summary import is_ready
from bootstrap.core.env import Env
from bootstrap.core.stage import Stage
from bootstrap.dapr import canary, loaded
from bootstrap.helm import charts, releases, storage
from bootstrap.images import layout, proof
from bootstrap.images.layout import Engine
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem

Urls = Callable[[Env], Mapping[str, str]]
EngineOf = Callable[[Env], Engine]


@contextmanager
def parts(env: Env, name: str, urls: Urls) -> Iterator[tuple[str, Path, dict[str, Any], str, list[Path]]]:
    """What the release of a service is made from, as `releases.deploy` and `releases.digest` take it."""
    values = charts.values(env.manifest, name, layout.reference(env, name), urls(env))
    values["service"]["podAnnotations"] = loaded.annotations(env, name)
    with env.scratch() as scratch:
        whole = charts.assemble(charts.folder(env), name, scratch)
        files = [file for file in [whole / charts.LOCAL] if file.is_file()]
        yield name, whole, values, env.manifest.namespace, files


def apply(env: Env, name: str, urls: Urls) -> None:
    """Deploys, and lets pods be made anew that got no sidecar, wait before their next try, or keep settings that have
    changed since they started. Raises `ProblemsFound`."""
    with parts(env, name, urls) as made_of:
        done = releases.deploy(env, *made_of)
    pods = service_pods.of(env, name)
    if done == "unchanged" and not all(map(is_ready, pods)):
        for waiting in rollout.retry(env, "deployments", name, env.manifest.namespace):
            env.notify(f"The pod {waiting} waits before its next try: it is made anew.")
    # While the injector is away, a new pod would come without its sidecar as well: the gate waits for the injector.
    if charts.dapr_enabled(env, name) and (bare := service_pods.without_sidecar(pods)) and canary.rehearse(env) is None:
        for pod in bare:
            env.notify(f"The pod {pod['metadata']['name']} was made without its sidecar: it is made anew.")
            service_pods.delete(env, pod)
    if old := outdated.find(env, name, service_pods.of(env, name)):
        env.notify(f"{old.summary} {name} is restarted.")
        rollout.restart(env, "deployments", name, env.manifest.namespace)


def check(env: Env, name: str, urls: Urls, engine_of: EngineOf) -> Problem | None:
    if found := _deployed(env, name, urls):
        return found
    closed = rollout.check(env, "deployments", name, env.manifest.namespace)
    pods = service_pods.of(env, name)
    has_dapr = charts.dapr_enabled(env, name)
    if has_dapr and (missing := service_pods.without_sidecar(pods)):
        # It is what keeps the rollout from its end, so it goes before that.
        return canary.rehearse(env) or service_pods.sidecar_missing(env, name, missing[0])
    if old := outdated.find(env, name, pods):
        return old
    if closed:
        return closed
    image = proof.find(env, engine_of(env), name)
    for pod in pods:
        reference = layout.reference(env, name)
        if found := service_pods.image(env, name, pod, reference, image.attrs) or service_pods.restarted(pod, name):
            return found
    if found := _answers(env, name):
        return found
    asked = (loaded.check(env, name, pod["metadata"]["name"]) for pod in pods if has_dapr)
    return next((one for one in asked if one), None)


def _deployed(env: Env, name: str, urls: Urls) -> Problem | None:
    """The release in the cluster is made from what the checkout holds."""
    with parts(env, name, urls) as made_of:
        wanted = releases.digest(*made_of)
    there = storage.latest(env, env.manifest.namespace, name)
    if there and (there.status, there.digest) == (storage.DEPLOYED, wanted):
        return None
    state = f"is {there.status}, revision {there.number}" if there else "is not there"
    if there and there.status == storage.DEPLOYED:
        state = f"is deployed from another chart, image or values (revision {there.number})"
    return problem("release-differs", f"The release {name} {state}.", name=name, final=True)


def _answers(env: Env, name: str) -> Problem | None:
    """Asked from a pod, through its Service: the service is alive with the version of the checkout, and ready."""
    service, version = env.manifest.services[name], layout.reference(env, name).rpartition(":")[2]
    base = f"http://{name}.{env.manifest.namespace}:{service.port}"
    alive = probe.http(env, f"{base}/healthz")
    said = f"GET {base}/healthz: {alive.status or ''} {alive.text}"
    told = alive.table()
    if alive.status != 200 or told.get("service") != (service.app_id or name):
        summary = f"{name} does not answer through its Service."
        known = None if alive.status else endpoints.problem_of(env, name, env.manifest.namespace)
        return known or problem("service-unreachable", summary, evidence=said, name=name)
    if told.get("version") != version:
        summary = f"{name} says that it runs version {told.get('version')}, the checkout is {version}."
        return problem("service-stale", summary, evidence=said, name=name)
    ready = probe.http(env, f"{base}/readyz")
    if ready.status != 200:
        said = f"GET {base}/readyz: {ready.status or ''} {ready.text}"
        summary = f"{name} is not ready: {readiness.reason(env, ready)}."
        return problem("service-not-ready", summary, evidence=said, name=name)
    return None


def _node(env: Env) -> Engine:
    from bootstrap.minikube import docker_env

    return docker_env.engine(env)


def stage(name: str, needs: tuple[str, ...], urls: Urls, engine_of: EngineOf = _node) -> Stage:
    """The gate: the release is that of the checkout and rolled out; each pod has its sidecar, which trusts the control
    plane, was started with the settings of now, and has loaded what is its own; it runs the image that was built, with
    no restart of late; the service answers through its Service.

    `urls` are the base URLs of services as a browser sees them; `engine_of` is the node's Docker Engine.
    """
    return Stage(
        name,
        needs,
        lambda env: apply(env, name, urls),
        lambda env: check(env, name, urls, engine_of),
        waits_for=f"{name} to be ready",
        timeout=180,
        retry_apply_on=("sidecar-missing", "workload-scaled-down", *outdated.CODES),
    )
