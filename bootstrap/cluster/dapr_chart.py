"""The Helm chart of Dapr's control plane: where it comes from, and what is in it."""

import tarfile
from pathlib import Path
from typing import Any

import yaml

from bootstrap import downloads
from bootstrap.catalogue import problem
from bootstrap.cluster.api import Document
from bootstrap.env import Env
from bootstrap.problem import Failed

CHARTS = "https://dapr.github.io/helm-charts"
NAMED = "INV_DAPR_CHART"  # in the environment: an archive to take instead, where no download is wanted


def place(env: Env) -> Path:
    """Where the archive is, or will be: what INV_DAPR_CHART names, else in the cache."""
    named = env.environ.get(NAMED)
    return Path(named) if named else downloads.cache(env) / f"dapr-{env.manifest.dapr.version}.tgz"


def find(env: Env) -> Path:
    """The archive of the pinned version, downloaded where it is not in the cache.

    Raises `Failed`: `dapr-chart-missing`, `dapr-version-unknown`, `dapr-index-unusable`, or as `downloads.fetch`.
    """
    version, target = env.manifest.dapr.version, place(env)
    if target.is_file():  # only what has the published digest gets into the cache
        return target
    if env.environ.get(NAMED):
        raise Failed(problem("dapr-chart-missing", f"{NAMED}={target} is no file.", version=version, final=True))
    entry = _published(env, version)
    url, digest = str(entry["urls"][0]), str(entry["digest"]).removeprefix("sha256:")
    whole = url if "://" in url else f"{CHARTS}/{url}"
    return downloads.fetch(env, whole, digest, target, what=f"the Helm chart of Dapr {version}")


def unpack(env: Env, archive: Path, into: Path) -> Path:
    """The chart as a folder below `into`. Raises `Failed` (`dapr-chart-unusable`) where it is not the pinned one."""
    wanted = env.manifest.dapr.version
    try:
        with tarfile.open(archive) as packed:
            packed.extractall(into, filter="data")
        facts = yaml.safe_load((into / "dapr" / "Chart.yaml").read_text(encoding="utf-8"))
        found = str(facts["version"])
    except (tarfile.TarError, OSError, EOFError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        summary = f"{archive} is not the Helm chart of Dapr."
        raise Failed(
            problem("dapr-chart-unusable", summary, evidence=str(error), path=archive, version=wanted, final=True)
        ) from error
    if found != wanted:
        summary = f"{archive} is the Helm chart of Dapr {found}, and environment.toml pins {wanted}."
        raise Failed(problem("dapr-chart-unusable", summary, path=archive, version=wanted, final=True))
    return into / "dapr"


def crds(chart: Path, namespace: str) -> list[Document]:
    """The custom resource definitions of an unpacked chart, which Helm installs once and never upgrades.

    Dapr's operator writes its namespace and its CA into their conversion webhook; applied again they keep both.
    """
    found = []
    for file in sorted((chart / "crds").glob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            if not document:
                continue
            client = document["spec"].get("conversion", {}).get("webhook", {}).get("clientConfig", {})
            if "service" in client:
                client["service"]["namespace"] = namespace
            found.append(document)
    return found


def _published(env: Env, version: str) -> dict[str, Any]:
    """The entry of the published index for a version of the chart."""
    index = f"{CHARTS}/index.yaml"
    text = downloads.text(env, index, what="the list of Dapr's Helm charts")
    try:
        entries = {str(entry["version"]): entry for entry in _yaml(text)["entries"]["dapr"]}
    except (yaml.YAMLError, KeyError, TypeError) as error:
        summary = f"{index} is not an index of Helm charts."
        raise Failed(
            problem("dapr-index-unusable", summary, evidence=text[:200], url=index, version=version, final=True)
        ) from error
    if version not in entries:
        known = ", ".join(list(entries)[:5])
        summary = f"There is no Helm chart of Dapr {version}."
        raise Failed(problem("dapr-version-unknown", summary, known=known, where="environment.toml", final=True))
    return dict(entries[version])


def _yaml(text: str) -> Any:
    # The index has hundreds of entries; the C parser, where there is one, is ten times as fast.
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
