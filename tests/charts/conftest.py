"""A copy of what the charts' gate reads of this checkout, to be broken by hand."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.core.env import Env
from bootstrap.lint import charts as lint
from bootstrap.manifest import load
from bootstrap.problems.problem import Problem

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def env(tmp_path: Path) -> Env:
    """The environment of this project in a folder of its own: charts, manifest, services, Dapr's values."""
    root = tmp_path / "our, checkout"  # a comma is no end of a path
    shutil.copytree(CHECKOUT / "infrastructure", root / "infrastructure")
    ignored = shutil.ignore_patterns("tests", "static", "__pycache__")
    shutil.copytree(CHECKOUT / "services", root / "services", ignore=ignored)
    shutil.copy(CHECKOUT / "environment.toml", root)
    return Env(manifest=load(root / "environment.toml"), environ=dict(os.environ))


@pytest.fixture
def edit(env: Env) -> Callable[[str, str, str], None]:
    """Replaces words, that must be there, in a file of `infrastructure/`."""

    def replace(name: str, old: str, new: str) -> None:
        file = env.root / "infrastructure" / name
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))

    return replace


@pytest.fixture
def look(env: Env) -> Callable[[], tuple[Problem, ...]]:
    """What the gate finds."""
    return lambda: lint.look(env)
