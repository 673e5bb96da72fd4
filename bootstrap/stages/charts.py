"""charts: nothing is wrong with any chart, by `bootstrap.lint.charts`; what was found right is kept by its files."""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from bootstrap.core import hashing
from bootstrap.core.env import Env
from bootstrap.core.stage import Stage
from bootstrap.helm import charts, program
from bootstrap.lint import kubernetes_models
from bootstrap.lint.charts import DAPR_VALUES, Images, Urls, images, look, urls
from bootstrap.problems.problem import Problem, ProblemsFound


def stage(needs: tuple[str, ...] = ("preflight",), images: Images = images, urls: Urls = urls) -> Stage:
    """The gate: all charts render, nothing in them is unknown to the API, and their pods may and can start.

    What is found depends on files and versions alone, so that nothing was found is kept, chart by chart, as a proof for
    exactly those.
    """

    def check(env: Env, now: Mapping[str, str] | None = None) -> Problem | None:
        proven = _proven(env)
        left = [name for name, wanted in (now or _signatures(env, images, urls)).items() if proven.get(name) != wanted]
        if left and (found := look(env, images, urls, left)):
            raise ProblemsFound(found)
        return None

    def apply(env: Env) -> None:
        # Made before the look: a chart that is edited meanwhile is not proven.
        now = _signatures(env, images, urls)
        if now != _proven(env):
            check(env, now)
            _proof(env).write_text(json.dumps(now))

    return Stage("charts", needs, apply, check, waits_for="charts that the API takes", timeout=60)


def _proof(env: Env) -> Path:
    return env.state / "charts.json"


def _proven(env: Env) -> Mapping[str, object]:
    """Chart → its signature when nothing was found in it."""
    with suppress(OSError, ValueError, AttributeError):
        return dict(json.loads(_proof(env).read_text()).items())
    return {}


def _signatures(env: Env, images: Images, urls: Urls) -> dict[str, str]:
    """Chart → a hash of all that what is found in it depends on."""
    named, helm = images(env), program.program(env)
    shared = [env.root / DAPR_VALUES, env.manifest.root / "environment.toml", Path(__file__).parents[1]]
    common = hashing.digest(shared, json.dumps([dict(urls(env)), helm, kubernetes_models.kubernetes_version()]))

    def of(name: str) -> str:
        service = env.manifest.services.get(name)
        dockerfile = [env.root / service.path / "Dockerfile"] if service else []
        return hashing.digest([*charts.made_of(env, name), *dockerfile], common, named.get(name, ""))

    return {name: of(name) for name in charts.names(env)}
