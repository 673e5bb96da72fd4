"""tools: minikube and Helm of accepted versions, the user's own or downloaded into a cache of the user's."""

from concurrent.futures import ThreadPoolExecutor

from bootstrap.core.env import Env
from bootstrap.core.stage import Stage
from bootstrap.problems.problem import Problem, ProblemsFound
from bootstrap.tools import install, versions

APPLY_TIMEOUT_S = 3600.0  # some 170 MiB, over the slowest lines too; what was cut is gone on with


def apply(env: Env) -> None:
    """Downloads what is missing, both at once."""
    with ThreadPoolExecutor(max_workers=len(versions.TOOLS)) as pool:
        found = list(pool.map(lambda name: _obtain(env, name), versions.TOOLS))
    if problems := [problem for each in found for problem in each]:
        raise ProblemsFound(problems)


def _obtain(env: Env, name: str) -> tuple[Problem, ...]:
    try:
        install.obtain(env, name)
    except ProblemsFound as failed:
        return failed.problems
    return ()


def check(env: Env) -> Problem | None:
    for name in versions.TOOLS:
        try:
            versions.program(env, name)
        except ProblemsFound as failed:
            return failed.problems[0]
    return None


def stage(needs: tuple[str, ...] = ("preflight",)) -> Stage:
    """The gate: each tool is there and says an accepted version."""
    return Stage("tools", needs, apply, check, waits_for="minikube and helm", timeout=0, apply_timeout=APPLY_TIMEOUT_S)
