"""The third-party images of the node, and what a start without the network needs on this machine."""

from collections.abc import Iterator
from typing import Any

import yaml

from bootstrap.clients import yaml_reader
from bootstrap.clients.docker_engine import translate_errors
from bootstrap.cluster import probe
from bootstrap.core.env import Env
from bootstrap.dapr import chart as dapr_chart
from bootstrap.helm import charts
from bootstrap.images import layout, mirror, supply
from bootstrap.images.layout import EngineOf
from bootstrap.minikube import cache, profile
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem
from bootstrap.tools import install
from bootstrap.tools.mirrors import OFFLINE, is_offline
from bootstrap.tools.versions import TOOLS

POSTGRES = "postgres"
DAPR_REGISTRY = "ghcr.io/dapr"
DAPR_IMAGES = ("operator", "sentry", "injector", "daprd")
DAPR_SWITCHED = {"actors": "placement", "scheduler": "scheduler"}  # by their table below `global` in Dapr's values


def images(env: Env) -> list[str]:
    """Return the images that pods run and that are not built here, by the names that the pods have."""
    return [probe.image(env), *_postgres(env), *_dapr(env)]


def asked_for(env: Env) -> tuple[list[str], list[str]]:
    """Return the URLs and the images that `up` takes from a mirror, for Linux on amd64, by their original names."""
    urls = []
    for tool in TOOLS.values():
        url, _ = install.published(tool, tool.pinned(env), "Linux", "x86_64")
        urls += [url, url + tool.checksum]
    for name in cache.BINARIES:
        url = cache.binary_url(env, name, "amd64")
        urls += [url, f"{url}.sha256"]
    chart = f"{dapr_chart.CHARTS}/dapr-{env.manifest.dapr.version}.tgz"
    urls += [f"{dapr_chart.CHARTS}/index.yaml", chart]
    node = f"{cache.NODE_REPOSITORY}:TAG"
    found = [node, *cache.images(env), *images(env), env.manifest.broker.image]
    return urls, [mirror.full_name(reference) for reference in found]


def load(env: Env, engine_of: EngineOf) -> None:
    """Load into the node what it lacks, and services' images that were kept. Raises `ProblemsFound`."""
    if supply.is_used(env):
        kept = [layout.reference(env, name) for name in env.manifest.services]
        supply.load(env, engine_of(env), images(env), others=kept)


def findings(env: Env) -> Iterator[Problem]:
    """Yield what `up` needs and cannot get where INV_OFFLINE is set.

    Raises `ProblemsFound`: `mirror-kubernetes-unknown`, …
    """
    if mirror.is_set(env):
        cache.images(env)
    if not is_offline(env):
        return
    missing = [*_missing_here(env), *([] if profile.node(env) else _missing_in_a_new_node(env))]
    if missing:
        summary = f"{OFFLINE} is set, and {len(missing)} of the things that `up` needs are not on this machine."
        yield problem("offline-missing", summary, evidence="\n".join(missing), final=True)


def _missing_here(env: Env) -> Iterator[str]:
    from bootstrap.broker import redpanda

    with translate_errors("This machine's Docker Engine does not say what it has."):
        if redpanda.find_ours(env) is None and not supply.has(env.docker, env.manifest.broker.image):
            yield f"image {env.manifest.broker.image}, in this machine's Docker Engine"
    if not dapr_chart.place(env).is_file():
        yield f"Dapr's Helm chart {env.manifest.dapr.version}, as {dapr_chart.place(env)}"


def _missing_in_a_new_node(env: Env) -> Iterator[str]:
    yield from cache.missing(env)
    services = [layout.reference(env, name) for name in env.manifest.services]
    with translate_errors("This machine's Docker Engine does not say which images it has."):
        for reference in (*images(env), *services):
            if not supply.has(env.docker, reference):
                yield f"image {reference}, in this machine's Docker Engine"


def _postgres(env: Env) -> list[str]:
    """Return the image of the chart, which a values file of this environment may replace; [] without a chart."""
    chart = charts.folder(env) / POSTGRES
    found = [
        str(values["image"]) for file in ("values.yaml", charts.LOCAL) if "image" in (values := _yaml(chart / file))
    ]
    return found[-1:]


def _dapr(env: Env) -> list[str]:
    shared = _yaml(env.root / "infrastructure" / "dapr-values.yaml").get("global") or {}
    registry, tag = shared.get("registry") or DAPR_REGISTRY, shared.get("tag") or env.manifest.dapr.version
    switched = [name for part, name in DAPR_SWITCHED.items() if (shared.get(part) or {}).get("enabled", True)]
    return [f"{registry}/{name}:{tag}" for name in (*DAPR_IMAGES, *switched)]


def _yaml(file: Any) -> dict[str, Any]:
    try:
        found = yaml_reader.document(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        return {}  # Helm tells what is wrong with it
    return found if isinstance(found, dict) else {}
