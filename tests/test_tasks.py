"""What a user types after `./inv`: as it is taken apart, and as Invoke runs it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from invoke.collection import Collection
from invoke.parser import Parser

import tasks


@pytest.mark.parametrize(("typed", "service"), [("open audit-service", "audit-service"), ("logs broker -f", "broker")])
def test_the_name_of_a_service_needs_no_flag(typed: str, service: str) -> None:
    contexts = Collection.from_module(tasks).to_contexts()
    (parsed,) = Parser(contexts=contexts).parse_argv(typed.split())
    assert parsed.args["service"].value == service


@pytest.mark.parametrize(("environ", "kept"), [({}, True), ({"PYTHONDONTWRITEBYTECODE": "1"}, False)])
def test_what_a_command_imports_is_compiled_once_unless_the_user_says_no(
    tmp_path: Path, environ: dict[str, str], kept: bool
) -> None:
    root = Path(tasks.__file__).parent
    for file in ("tasks.py", "environment.toml", "inv"):
        shutil.copy(root / file, tmp_path)
    shutil.copytree(root / "bootstrap", tmp_path / "bootstrap", ignore=shutil.ignore_patterns("__pycache__"))
    asked = [sys.executable, "-m", "invoke", "explain", "minikube-port-taken"]
    theirs = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(asked, cwd=tmp_path, env={**theirs, **environ}, check=True, capture_output=True)
    assert bool(list(tmp_path.rglob("problem.*.pyc"))) == kept
