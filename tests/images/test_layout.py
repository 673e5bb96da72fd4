"""What an image is: its tag follows what goes into it, and nothing else; how it is run."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bootstrap.core.env import Env
from bootstrap.images import layout
from tests.doubles import Shell, small_env


@pytest.fixture
def env(tmp_path: Path) -> Env:
    made = small_env(tmp_path)
    for name in ("shop", "mailer"):
        (tmp_path / "services" / name / "Dockerfile").write_text("FROM python\n")
    (tmp_path / "services" / "constraints.txt").write_text("six==1.17.0\n")
    return made


@pytest.mark.parametrize(
    "path",
    [
        *("shop/shop/__init__.py", "shop/requirements.txt", "shop/Dockerfile", "shop/new.py"),
        *("shared/taskapp/__init__.py", "constraints.txt", ".dockerignore"),
    ],
)
def test_whatever_goes_in_changes_the_tag(env: Env, path: str) -> None:
    before = layout.reference(env, "shop")
    assert layout.reference(env, "shop") == before
    (env.root / "services" / path).write_text("another")
    assert layout.reference(env, "shop") != before


@pytest.mark.parametrize(
    "path", ["shop/tests/test_x.py", "mailer/mailer/__init__.py", "shop/shop/__pycache__/x.pyc", "shared/tests/x.py"]
)
def test_nothing_else_does(env: Env, path: str) -> None:
    before = layout.reference(env, "shop")
    (env.root / "services" / path).parent.mkdir(parents=True, exist_ok=True)
    (env.root / "services" / path).write_text("another")
    assert layout.reference(env, "shop") == before


def test_the_base_image_counts_and_the_index_does_not(env: Env) -> None:
    before = layout.reference(env, "shop")
    assert before.startswith("small/shop:")
    mirror = replace(env, environ={**env.environ, "PIP_INDEX_URL": "https://user:word@index.example/simple"})
    assert layout.reference(mirror, "shop") == before
    other = replace(env, environ={**env.environ, "PYTHON_IMAGE": "mirror.example/python:3.11-slim"})
    assert layout.reference(other, "shop") != before


def test_labels(env: Env) -> None:
    shell = Shell()
    shell.answer("git", "describe", stdout="0123456789abcdef0123456789abcdef01234567-dirty\n")
    shell.answer("git", "config", stdout="https://user:word@git.example/team/app.git\n")
    found = layout.labels(replace(env, runner=shell), "shop")
    assert found["org.opencontainers.image.title"] == "shop"
    assert found["org.opencontainers.image.version"] == layout.reference(env, "shop").rpartition(":")[2]
    assert found["org.opencontainers.image.revision"].endswith("-dirty")
    assert found["org.opencontainers.image.source"] == "https://git.example/team/app.git"
    assert json.loads(found["small.inputs"]) == layout.inputs(env, "shop")


def test_labels_without_a_repository(env: Env) -> None:
    shell = Shell()
    shell.answer("git", exit=128, stderr="fatal: not a git repository")
    found = layout.labels(replace(env, runner=shell), "shop")
    assert "org.opencontainers.image.revision" not in found
    assert "org.opencontainers.image.source" not in found


def test_it_runs_without_any_right(env: Env) -> None:
    found = layout.container(env, "mailer")
    assert found["user"] == "10001:10001"
    assert (found["read_only"], found["cap_drop"], found["network_mode"]) == (True, ["ALL"], "none")
    assert "--user=10001:10001 --read-only" in layout.command(env, "mailer")
    assert found["environment"]["PORT"] == "21711"
    assert found["environment"]["DAPR_HTTP_PORT"] == "3500"
    assert found["environment"]["SHOP"] == "http://127.0.0.1:30080"
