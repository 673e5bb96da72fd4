"""Findings about the docker program of this machine: whether it can build with BuildKit."""

import re
from collections.abc import Iterator

from bootstrap.core.env import Env
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound

VERSION_TIMEOUT_S = 20.0  # to say a version
PLUGIN_SINCE = 23  # the first major version that has BuildKit in the plugin buildx alone; older ones bring their own


def findings(env: Env) -> Iterator[Problem]:
    """The plugin buildx, where images cannot be built without it; asked once in a run."""
    yield from env.memoize("buildx", env.environ.get("PATH"), lambda: tuple(_ask(env)))


def _ask(env: Env) -> Iterator[Problem]:
    try:
        asked = env.run(["docker", "buildx", "version"], timeout=VERSION_TIMEOUT_S, environ=env.environ)
        if asked.exit == 0:
            return
        told = env.run(["docker", "--version"], timeout=VERSION_TIMEOUT_S, environ=env.environ)
    except ProblemsFound as failed:
        yield from failed.problems
        return
    version = re.search(r"Docker version ((\d+)\.[^\s,]+)", told.stdout)
    if version and int(version[2]) >= PLUGIN_SINCE:
        summary = f"The docker program, version {version[1]}, cannot build images: its plugin buildx does not run."
        yield problem("buildkit-missing", summary, evidence=f"$ {asked.shown}\n{asked.words}", final=True)
