"""Helm: which program is used, and the one way in which charts are rendered."""

import re
from collections.abc import Iterable
from pathlib import Path

from bootstrap.clients.command import listed
from bootstrap.core.env import Env
from bootstrap.problems.catalogue import problem, recognise
from bootstrap.problems.problem import Problem, ProblemsFound
from bootstrap.tools import versions

RENDER_TIMEOUT_S = 60.0  # for one chart; it takes a tenth of a second


def program(env: Env) -> str:
    """The Helm to use; see `bootstrap.tools.versions.program`."""
    return versions.program(env, "helm")


def environ(env: Env) -> dict[str, str]:
    """For a helm of ours: folders of its own, and no kubeconfig of the user's."""
    home = env.state / "helm"
    return env.child_environ(
        HELM_CACHE_HOME=str(home / "cache"),
        HELM_CONFIG_HOME=str(home / "config"),
        HELM_DATA_HOME=str(home / "data"),
        KUBECONFIG=str(home / "no-kubeconfig"),
    )


def values(files: Iterable[Path]) -> list[str]:
    """Arguments for Helm with its values files, last wins."""
    return [word for file in files for word in ("--values", listed(str(file)))]


def template(env: Env, helm: str, chart: Path, release: str, files: Iterable[Path], where: str) -> str:
    """What Helm renders for the app's namespace. `where` is the chart's folder as a problem names it.

    Raises `ProblemsFound` with Helm's own words when it cannot.
    """
    manifest = env.manifest
    argv = [helm, "template", release, str(chart), "--namespace", manifest.namespace]
    argv += ["--kube-version", manifest.cluster.kubernetes, *values(files)]
    done = env.run(argv, timeout=RENDER_TIMEOUT_S, environ=environ(env))
    if done.exit == 0:
        return done.stdout
    raise ProblemsFound(explain(release, done.words.replace(str(chart), where), where))


def explain(chart: str, words: str, where: str) -> Problem:
    """The problem behind Helm's words; it points at the innermost template that they name, else at the chart."""
    templates = re.findall(r"([\w-]+/templates/[\w./-]+\.(?:ya?ml|tpl)):(\d+)", words)
    if templates:
        file, line = templates[-1]
        where = f"{Path(where).parent / file}:{line}"
    summary = f"The chart of {chart} cannot be rendered."
    found = recognise("helm", "template", words, summary, where=where, chart=chart)
    return found or problem("chart-not-rendered", summary, evidence=words, where=where, chart=chart, final=True)
