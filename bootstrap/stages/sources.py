"""sources: each service's requirements really resolved and installed, and every import covered by them."""

import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bootstrap.core.env import Env
from bootstrap.core.stage import Stage
from bootstrap.lint import imports
from bootstrap.lint import requirements as resolution
from bootstrap.local import layout
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound

INSTALL_TIMEOUT_S = 600.0  # seconds: a first download on a slow line


def apply(env: Env) -> None:
    """Makes one environment per set of requirements; those that are there already cost nothing."""
    missing: dict[Path, list[str]] = {}
    for name in env.manifest.services:
        python = layout.python_of(env, name)
        if not python.exists():
            missing.setdefault(python.parents[1], []).append(name)
    if missing:
        for leftover in (env.local / "envs").glob("*.draft*"):
            shutil.rmtree(leftover, ignore_errors=True)
        with ThreadPoolExecutor(len(missing)) as pool:
            found = [p for result in pool.map(lambda item: _install(env, *item), missing.items()) for p in result]
        if found:
            raise ProblemsFound(found)
    uncovered = list(imports.uncovered(env))
    if uncovered:
        raise ProblemsFound(uncovered)


def check(env: Env) -> Problem | None:
    for name in env.manifest.services:
        python = layout.python_of(env, name)
        if not python.exists():
            return problem(
                "service-environment-missing",
                f"The Python environment of {name} is not there.",
                evidence=str(python),
                final=True,
            )
    return None


def _install(env: Env, folder: Path, names: list[str]) -> list[Problem]:
    """Builds the environment beside its place and moves it there when it is whole."""
    # A name of this run's own: an installer whose run was killed may still be at work on that run's draft.
    draft = folder.with_name(f"{folder.name}.draft-{os.getpid()}")
    environ = resolution.environ(env)
    python = str(draft / "bin" / "python")
    done = env.run(
        [*resolution.UV, "venv", "--quiet", "--relocatable", "--python", sys.executable, str(draft)],
        timeout=60,
        environ=environ,
    )
    if done.exit == 0:
        requirements = ("-r", str(layout.requirements(env, names[0])), *resolution.lock(env))
        # Byte code is compiled once here, not by every service of this environment at its first start.
        done = env.run(
            [*resolution.UV, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *requirements],
            timeout=INSTALL_TIMEOUT_S,
            environ=environ,
        )
    if done.exit != 0:
        shutil.rmtree(draft, ignore_errors=True)
        return [resolution.explain(env, name, done) for name in names]
    # What lies there has no interpreter that runs, else it would not be made anew.
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)
    return []


def stage() -> Stage:
    """The gate: every service has an environment of its own requirements, and every import is covered."""
    return Stage(
        "sources",
        ("preflight",),
        apply,
        check,
        waits_for="the services' environments",
        timeout=5,
        apply_timeout=900,
    )
