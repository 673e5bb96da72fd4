"""The charts of `infrastructure/charts`: which there are, the values they get, and what Helm makes of them."""

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bootstrap.clients import yaml_reader
from bootstrap.core.env import Env
from bootstrap.helm import program as helm
from bootstrap.manifest import Manifest
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound

LOCAL = "values-local.yaml"
"""The values of this environment; another environment has a file of its own beside it."""


@dataclass(frozen=True)
class Rendered:
    """A chart as Helm rendered it: documents with `# Source:` comments. `files` are the values files, last wins."""

    chart: str
    folder: Path
    files: tuple[Path, ...]
    text: str


def folder(env: Env) -> Path:
    """Where the charts are."""
    return env.root / "infrastructure" / "charts"


def names(env: Env) -> tuple[str, ...]:
    """Every chart that can be installed: one for each service, then the others; library charts are none."""
    services = tuple(env.manifest.services)
    there = sorted(path.parent for path in folder(env).glob("*/Chart.yaml"))
    others = (chart.name for chart in there if chart.name not in services and _facts(chart).get("type") != "library")
    return (*services, *others)


def values(manifest: Manifest, service: str, image: str, urls: Mapping[str, str]) -> dict[str, Any]:
    """What only the manifest knows of a service, for its chart.

    `image` is `repository:tag`, the tag a content hash; `urls` are the base URLs of services as a browser sees them.
    """
    known = manifest.services[service]
    repository, _, tag = image.rpartition(":")
    told: dict[str, Any] = {
        "image": {"repository": repository, "tag": tag},
        "port": known.port,
        "env": {
            name: re.sub(r"\{url:([a-z0-9-]+)\}", lambda match: urls[match[1]], value)
            for name, value in known.env.items()
        },
    }
    if known.node_port:
        told["nodePort"] = known.node_port
    if known.app_id:
        told["dapr"] = {"appId": known.app_id}
    if known.database:
        told["database"] = {"secret": f"{service}-database", "key": "url"}
    return {"service": told}


def assemble(charts: Path, name: str, into: Path) -> Path:
    """A copy of a chart below `into`, with the charts it depends on inside: Helm needs nothing else, and no network.

    Raises `ProblemsFound` when a chart is not there.
    """
    source = charts / name
    target = into / name
    ignored = shutil.ignore_patterns("charts", "Chart.lock")
    if not (source / "Chart.yaml").is_file():
        raise ProblemsFound(_missing(source))
    shutil.copytree(source, target, ignore=ignored, dirs_exist_ok=True)
    for needed in _needs(source):
        if not (charts / needed / "Chart.yaml").is_file():
            raise ProblemsFound(_missing(charts / needed))
        shutil.copytree(charts / needed, target / "charts" / needed, ignore=ignored, dirs_exist_ok=True)
    return target


def _facts(chart: Path) -> Mapping[str, Any]:
    """What a Chart.yaml says; a broken one is left to Helm to explain."""
    file = chart / "Chart.yaml"
    try:
        facts = yaml_reader.document(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        return {}
    return facts if isinstance(facts, dict) else {}


def render(env: Env, program: str, name: str, told: Mapping[str, Any]) -> Rendered:
    """A chart rendered by Helm with the values of this environment and those that the manifest gives.

    `program` is Helm's, `told` what `values` returns. Raises `ProblemsFound` with Helm's words when it cannot.
    """
    chart = folder(env) / name
    with env.scratch() as scratch:
        whole = assemble(folder(env), name, scratch)
        passed = scratch / "passed.json"
        passed.write_text(json.dumps(told), encoding="utf-8")
        used = [file for file in [whole / LOCAL] if file.is_file()]
        where = str(chart.relative_to(env.root))
        text = helm.template(env, program, whole, name, [*used, passed], where)
    mine = tuple(chart / file.name for file in (whole / "values.yaml", *used))
    return Rendered(name, chart, mine, text)


def made_of(env: Env, name: str) -> tuple[Path, ...]:
    """The folder of a chart, and those of its library charts, there or not."""
    return _parts(folder(env) / name)


def sources(rendered: Rendered) -> tuple[Path, ...]:
    """Every template that a chart is rendered from, those of its library charts included."""
    found = (path for chart in _parts(rendered.folder) for path in (chart / "templates").rglob("*"))
    return tuple(sorted(path for path in found if path.suffix in (".yaml", ".yml", ".tpl")))


def _parts(chart: Path) -> tuple[Path, ...]:
    return (chart, *(chart.parent / needed for needed in _needs(chart)))


def _needs(chart: Path) -> tuple[str, ...]:
    """The names of the charts that a chart depends on."""
    needed = _facts(chart).get("dependencies")
    return tuple(str(one.get("name")) for one in needed if isinstance(one, dict)) if isinstance(needed, list) else ()


def _missing(chart: Path) -> Problem:
    return problem("chart-missing", f"There is no chart {chart.name}.", where=str(chart), final=True)


def dapr_enabled(env: Env, name: str) -> bool:
    """Whether the pods of a service get a sidecar: it has an app id, and its chart does not switch Dapr off."""
    if not env.manifest.services[name].app_id:
        return False
    chart, library = folder(env) / name, folder(env) / "service"
    for file in (chart / LOCAL, chart / "values.yaml", library / "values.yaml"):
        told = yaml_reader.document(file.read_text(encoding="utf-8")) if file.is_file() else None
        for key in ("service", "dapr") if file.parent == chart else ("dapr",):
            told = told.get(key) if isinstance(told, dict) else None
        if isinstance(told, dict) and "enabled" in told:
            return bool(told["enabled"])
    return True
