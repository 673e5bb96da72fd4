"""Every chart as Helm renders it: held to the API's schema, and judged as the pod that it will make."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from bootstrap.clients import yaml_reader
from bootstrap.core import hashing
from bootstrap.core.env import Env
from bootstrap.helm import charts
from bootstrap.helm import program as helm
from bootstrap.helm.charts import Rendered
from bootstrap.lint import injected_pod as pods
from bootstrap.lint import kubernetes_models, pod_security, schema, source_lines
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound

DAPR_VALUES = "infrastructure/dapr-values.yaml"
POD_SPECS = {"Deployment", "StatefulSet", "DaemonSet", "Job", "ReplicaSet"}
UNKNOWN = ("chart-unknown-field", "chart-kind-unknown")
SHOWN = 2  # lines of the rendered document around a finding
AT_ONCE = 4  # charts rendered at a time

Images = Callable[[Env], Mapping[str, str]]
Urls = Callable[[Env], Mapping[str, str]]


def images(env: Env) -> Mapping[str, str]:
    """Service → an image as it will be named: its tag is a content hash. Rendering does not need the image itself."""
    shared = env.root / "services" / "shared" / "taskapp"
    return {
        name: f"{env.manifest.name}/{name}:{hashing.digest([env.root / service.path, shared])}"
        for name, service in env.manifest.services.items()
    }


def urls(env: Env) -> Mapping[str, str]:
    """Service → its base URL by node port; the node's address does not matter to what is checked."""
    ports = {name: service.node_port for name, service in env.manifest.services.items()}
    return {name: f"http://127.0.0.1:{port}" for name, port in ports.items() if port}


def look(
    env: Env, images: Images = images, urls: Urls = urls, names: Collection[str] | None = None
) -> tuple[Problem, ...]:
    """Everything wrong with the charts of those `names`, in that order; None: with every chart."""
    settings, program, image, base = _injector(env), helm.program(env), images(env), urls(env)

    def problems(name: str) -> list[Problem]:
        service = name in env.manifest.services
        told = charts.values(env.manifest, name, image[name], base) if service else {}
        try:
            rendered = charts.render(env, program, name, told)
        except ProblemsFound as failed:
            return list(failed.problems)
        try:
            found = list(_schema(env, rendered))
            # A document that the API would not take makes no pod.
            return found or list(_pods(env, rendered, settings))
        except yaml.YAMLError as error:
            where = str(rendered.folder.relative_to(env.root))
            summary = f"{_about(rendered)}, renders something that is not YAML."
            return [problem("chart-yaml-invalid", summary, evidence=str(error), where=where, final=True)]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return tuple(p for found in pool.map(problems, charts.names(env) if names is None else names) for p in found)


def _is_newer(env: Env) -> bool:
    """Whether the pinned Kubernetes is newer than the schema at hand: what that does not know may well be there."""
    pinned, known = (
        int(v.split(".")[1]) for v in (env.manifest.cluster.kubernetes, kubernetes_models.kubernetes_version())
    )
    return pinned > known


def _injector(env: Env) -> pods.Injector:
    """What Dapr's Helm values say about sidecars. Raises `ProblemsFound` when they cannot be read."""
    try:
        values = yaml_reader.document((env.root / DAPR_VALUES).read_text(encoding="utf-8"))
        said = "there is no table dapr_sidecar_injector"
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        values, said = None, repr(error)
    told = values.get("dapr_sidecar_injector") if isinstance(values, dict) else None
    if not isinstance(told, dict):
        summary = "The Helm values of Dapr do not say how the injector makes sidecars."
        raise ProblemsFound(problem("dapr-values-unreadable", summary, evidence=said, where=DAPR_VALUES, final=True))
    return pods.injector(told)


def _about(rendered: Rendered) -> str:
    files = " and ".join(path.name for path in rendered.files)
    return f"The chart of {rendered.chart}, with {files}"


def _schema(env: Env, rendered: Rendered) -> Iterator[Problem]:
    for finding in schema.findings(rendered.text):
        if finding.code in UNKNOWN and _is_newer(env):
            continue  # Helm's apply says it where it is so
        yield problem(
            finding.code,
            f"{_about(rendered)}, renders {finding.document} wrong: {finding.what}",
            advice=f"# {finding.advice}",
            where=_where(env, rendered, finding.path, finding.source),
            evidence=_excerpt(rendered.text, finding.line, finding.source),
            final=True,
        )


def _where(env: Env, rendered: Rendered, path: str, source: str) -> str:
    """`file:line` of what made a field, as near as can be told; at least the template that Helm names."""
    found = source_lines.find(path, charts.sources(rendered), rendered.files)
    if found:
        return f"{found[0].relative_to(env.root)}:{found[1]}"
    named = rendered.folder.parent / source if source else rendered.folder
    return str(named.relative_to(env.root))


def _naming(env: Env, rendered: Rendered, words: str) -> str:
    """`file:line` of the first line that holds these words, else the chart."""
    for file in (*rendered.files, *charts.sources(rendered)):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if words in line:
                return f"{file.relative_to(env.root)}:{number}"
    return str(rendered.folder.relative_to(env.root))


def _excerpt(text: str, line: int, source: str) -> str:
    lines = text.splitlines()
    first = max(line - SHOWN, 1)
    shown = (f"{n:5}  {lines[n - 1]}" for n in range(first, min(line + SHOWN, len(lines)) + 1))
    return "\n".join((f"line {line} of what Helm rendered, from {source}:", *shown))


def _pods(env: Env, rendered: Rendered, settings: pods.Injector) -> Iterator[Problem]:
    level = env.manifest.dapr.pod_security.app
    for document in yaml_reader.documents(rendered.text):
        template = pod_template(document)
        if template is None:
            continue
        pod = pods.inject(template, settings)
        named = f"{document['kind']} {document['metadata']['name']}"
        for refusal in pods.refusals(pod, _users(env, rendered.chart), document["metadata"]["name"]):
            yield problem(
                refusal.code,
                f"{_about(rendered)}, makes a pod that cannot start: {refusal.words}.",
                container=refusal.container,
                evidence=f"Error: {refusal.words}",
                where=_where(env, rendered, "spec.template.spec.securityContext.runAsUser", ""),
                final=True,
            )
        if _lacks_sidecar(env, rendered.chart, template):
            yield problem(
                "pod-not-injected",
                f"{_about(rendered)}, makes a pod for {named} that gets no sidecar.",
                name=rendered.chart,
                evidence=f"dapr.io/enabled: {_annotations(template).get('dapr.io/enabled', 'not there')}",
                where=_naming(env, rendered, "dapr.io/enabled"),
                final=True,
            )
        above = pod_security.context(pod["spec"])
        if pods.is_injected(template) and above.get("runAsUser"):
            yield problem(
                "pod-user-inherited",
                f"{_about(rendered)}, states runAsUser {above['runAsUser']} for the whole pod of {named}.",
                where=_where(env, rendered, "spec.template.spec.securityContext.runAsUser", ""),
                final=True,
            )
        if found := pod_security.violations(pod, level):
            yield problem(
                "pod-security-violated",
                f"{_about(rendered)}, makes a pod for {named} that the namespace will refuse.",
                level=level,
                evidence=pod_security.message(found, level),
                where=str(rendered.folder.relative_to(env.root)),
                final=True,
            )


def _lacks_sidecar(env: Env, chart: str, template: pod_security.Pod) -> bool:
    """Whether the service needs a sidecar, has not switched Dapr off by its value, and its pod asks for none."""
    return chart in env.manifest.services and charts.dapr_enabled(env, chart) and not pods.is_injected(template)


def _annotations(template: pod_security.Pod) -> Mapping[str, Any]:
    return (template.get("metadata") or {}).get("annotations") or {}


def pod_template(document: Any) -> dict[str, Any] | None:
    """The pod that a document makes; None when it makes none."""
    if not isinstance(document, dict):
        return None
    if document.get("kind") == "Pod":
        return document
    if document.get("kind") == "CronJob":
        return pod_template({"kind": "Job", "spec": document["spec"]["jobTemplate"]["spec"]})
    if document.get("kind") not in POD_SPECS:
        return None
    template = document["spec"]["template"]
    return template if isinstance(template, dict) else None


def _users(env: Env, chart: str) -> Mapping[str, str | None]:
    """Container → USER of its image, as the Dockerfile of the service has it; other images are not known here."""
    service = env.manifest.services.get(chart)
    file = env.root / service.path / "Dockerfile" if service else Path()
    return {chart: user_of(file.read_text(encoding="utf-8"))} if file.is_file() else {}


def user_of(dockerfile: str) -> str:
    """The USER of the last stage of a Dockerfile; empty for none."""
    last = re.split(r"(?im)^\s*FROM\s", dockerfile)[-1]
    users: list[str] = re.findall(r"(?im)^\s*USER\s+(\S+)", last)
    return users[-1] if users else ""
