"""The Helm chart of Dapr's control plane: where it comes from, and what is in it."""

import lzma
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from bootstrap.clients import yaml_reader
from bootstrap.clients.kubernetes_api import Document
from bootstrap.core import state
from bootstrap.core.env import Env
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound
from bootstrap.tools import downloads

CHARTS = "https://dapr.github.io/helm-charts"
UNREADABLE = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError)  # what `tarfile` raises for a damaged archive
NAMED = "INV_DAPR_CHART"  # in the environment: an archive to take instead, where no download is wanted


def place(env: Env) -> Path:
    """Where the archive is, or will be: what INV_DAPR_CHART names, else in the cache."""
    named = env.environ.get(NAMED)
    return Path(named) if named else downloads.cache(env) / f"dapr-{env.manifest.dapr.version}.tgz"


def find(env: Env) -> Path:
    """The archive of the pinned version, downloaded where it is not in the cache.

    Raises `ProblemsFound`: `dapr-chart-missing`, `dapr-version-unknown`, `dapr-index-unusable`, or as
    `downloads.fetch`.
    """
    version, target = env.manifest.dapr.version, place(env)
    if target.is_file():  # only what has the published digest gets into the cache
        return target
    if env.environ.get(NAMED):
        raise ProblemsFound(problem("dapr-chart-missing", f"{NAMED}={target} is no file.", version=version, final=True))
    entry = _published(env, version)
    url, digest = str(entry["urls"][0]), str(entry["digest"]).removeprefix("sha256:")
    whole = url if "://" in url else f"{CHARTS}/{url}"
    return downloads.fetch(env, whole, digest, target, what=f"the Helm chart of Dapr {version}")


def unpack(env: Env, archive: Path, into: Path) -> Path:
    """The chart as a folder below `into`.

    Raises `ProblemsFound` (`dapr-chart-unusable`) where it is not the pinned one.
    """
    wanted = env.manifest.dapr.version
    try:
        _extract(archive, into)
        facts = yaml.safe_load((into / "dapr" / "Chart.yaml").read_text(encoding="utf-8"))
    except (*UNREADABLE, OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        if isinstance(error, OSError) and state.trouble(error, env.root):
            raise  # a full or unwritable disk of this machine says nothing about the archive
        raise ProblemsFound(_not_the_chart(archive, str(error), wanted)) from error
    if not isinstance(facts, dict) or "version" not in facts:
        raise ProblemsFound(_not_the_chart(archive, "dapr/Chart.yaml states no version", wanted))
    found = str(facts["version"])
    if found != wanted:
        summary = f"{archive} is the Helm chart of Dapr {found}, and environment.toml pins {wanted}."
        raise ProblemsFound(problem("dapr-chart-unusable", summary, path=archive, version=wanted, final=True))
    return into / "dapr"


def _extract(archive: Path, into: Path) -> None:
    """Write the files in a chart's archive below `into`, an empty folder.

    A chart is plain files in folders. Raises `tarfile.TarError` for anything else that an archive can hold: a path that
    leads out of `into`, a link, a device. The filters of `tarfile` do that too, but only since Python 3.11.4.
    """
    with tarfile.open(archive) as packed:
        for member in packed:
            path = PurePosixPath(member.name)
            if path.is_absolute() or ".." in path.parts or "\0" in member.name:
                raise tarfile.TarError(f"{member.name!r} is not a path below the chart")
            if not (member.isreg() or member.isdir()):
                raise tarfile.TarError(f"{member.name!r} is neither a file nor a folder")
            content = packed.extractfile(member)
            if content is None:
                (into / path).mkdir(parents=True, exist_ok=True)
                continue
            (into / path).parent.mkdir(parents=True, exist_ok=True)
            with (into / path).open("wb") as out:
                shutil.copyfileobj(content, out)


def _not_the_chart(archive: Path, words: str, wanted: str) -> Problem:
    summary = f"{archive} is not the Helm chart of Dapr."
    return problem("dapr-chart-unusable", summary, evidence=words, path=archive, version=wanted, final=True)


def crds(chart: Path, namespace: str) -> list[Document]:
    """The custom resource definitions of an unpacked chart, which Helm installs once and never upgrades.

    Dapr's operator writes its namespace and its CA into their conversion webhook; applied again they keep both.
    """
    found = []
    for file in sorted((chart / "crds").glob("*.yaml")):
        for document in yaml_reader.documents(file.read_text(encoding="utf-8")):
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
        document = yaml_reader.document(text)
    except yaml.YAMLError:
        document = None
    entries = _entries(document)
    if entries is None:
        summary = f"{index} is not an index of Helm charts."
        raise ProblemsFound(
            problem("dapr-index-unusable", summary, evidence=text[:200], url=index, version=version, final=True)
        )
    if version in entries and not ("digest" in entries[version] and entries[version].get("urls")):
        summary = f"{index} does not say where the Helm chart of Dapr {version} is."
        raise ProblemsFound(
            problem(
                "dapr-index-unusable", summary, evidence=str(entries[version]), url=index, version=version, final=True
            )
        )
    if version not in entries:
        known = ", ".join(list(entries)[:5])
        summary = f"There is no Helm chart of Dapr {version}."
        raise ProblemsFound(problem("dapr-version-unknown", summary, known=known, where="environment.toml", final=True))
    return dict(entries[version])


def _entries(document: object) -> dict[str, dict[str, Any]] | None:
    """The entries of Dapr's chart in a published index, by version; None where it has no such list."""
    charts = document.get("entries") if isinstance(document, dict) else None
    listed = charts.get("dapr") if isinstance(charts, dict) else None
    if not isinstance(listed, list) or not all(isinstance(each, dict) and "version" in each for each in listed):
        return None
    return {str(each["version"]): each for each in listed}
