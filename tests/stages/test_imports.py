"""Imports that nothing in the requirements provides: found by reading, with file and line."""

import sys
from pathlib import Path

import pytest

from bootstrap.clients.command import Completed
from bootstrap.core.env import Env
from bootstrap.lint import imports
from bootstrap.local import layout
from bootstrap.problems.problem import Problem


@pytest.fixture
def env(env: Env) -> Env:
    """Both services have an environment with the standard library alone."""
    python = layout.python_of(env, "shop")
    (python.parent).mkdir(parents=True)
    python.symlink_to(Path(sys.executable).resolve())
    (python.parents[1] / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).resolve().parent}\n")
    return env


def write(env: Env, path: str, text: str | bytes) -> None:
    file = env.root / "services" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode() if isinstance(text, str) else text)


def found(env: Env) -> list[Problem]:
    return list(imports.uncovered(env))


def test_the_standard_library_and_the_own_modules_are_covered(env: Env) -> None:
    write(env, "shop/shop/till.py", "import json, os.path\nfrom shop import basket\nfrom . import basket\n")
    write(env, "shop/shop/basket.py", "from __future__ import annotations\nfrom taskapp import x\nimport shop\n")
    assert found(env) == []


@pytest.mark.closes("sources", "every import is covered", "import-not-covered")
def test_an_uncovered_import_is_named_with_its_line(env: Env) -> None:
    write(env, "shop/shop/till.py", "import json\n\nfrom cashbox.drawer import open\n")
    (problem,) = found(env)
    assert (problem.code, problem.final) == ("import-not-covered", True)
    assert problem.where == "services/shop/shop/till.py:3"
    assert problem.summary == (
        "services/shop/shop/till.py:3 imports cashbox.drawer, and services/shop/requirements.txt does not provide it."
    )
    assert problem.remedy.startswith("echo 'cashbox' >> services/shop/requirements.txt\n")


@pytest.mark.parametrize(
    ("line", "distribution"),
    [
        ("from jose import jwt", "python-jose"),
        ("import sklearn.cluster", "scikit-learn"),
        ("import dapr.ext.fastapi", "dapr-ext-fastapi"),
        ("import cashbox", "cashbox"),
    ],
)
def test_the_distribution_to_add(env: Env, line: str, distribution: str) -> None:
    write(env, "mailer/mailer/post.py", line)
    (problem,) = found(env)
    assert problem.remedy.startswith(f"echo '{distribution}' >> services/mailer/requirements.txt\n")


def test_each_module_once_and_all_services_at_once(env: Env) -> None:
    write(env, "shop/shop/a.py", "import cashbox\nimport drawer\n")
    write(env, "shop/shop/b.py", "import cashbox\n")
    write(env, "mailer/mailer/a.py", "def later():\n    import stamps\n")
    assert [problem.where for problem in found(env)] == [
        "services/shop/shop/a.py:1",
        "services/shop/shop/a.py:2",
        "services/mailer/mailer/a.py:2",
    ]


def test_what_a_service_uses_of_the_shared_package_counts(env: Env) -> None:
    write(env, "shared/taskapp/events.py", "import json\nimport bus\n")
    write(env, "shared/taskapp/database.py", "from .tables import x\nimport engine\n")
    write(env, "shop/shop/a.py", "from taskapp import events\n")
    (problem,) = found(env)
    assert problem.where == "services/shared/taskapp/events.py:2"
    assert "imports bus, and services/shop/requirements.txt does not" in problem.summary


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    import fast\nexcept ImportError:\n    fast = None\n",
        "try:\n    import fast\nexcept (KeyError, ModuleNotFoundError):\n    import slow\n",
        "try:\n    import fast\nexcept:\n    pass\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import stubs\n",
        "import typing\nif typing.TYPE_CHECKING:\n    import stubs\n",
    ],
)
def test_optional_imports_may_fail(env: Env, text: str) -> None:
    write(env, "shop/shop/a.py", text)
    assert found(env) == []


def test_a_try_that_catches_something_else_makes_no_import_optional(env: Env) -> None:
    write(env, "shop/shop/a.py", "try:\n    import fast\n    fast.run()\nexcept KeyError:\n    pass\n")
    assert [problem.where for problem in found(env)] == ["services/shop/shop/a.py:2"]


@pytest.mark.closes("sources", "every import is covered", "source-syntax")
@pytest.mark.parametrize(
    ("text", "line"),
    [("x = 1\ndef f(:\n", 2), (b"x = 1\n\xff\xfe = 2\n", 1), (b"x = 1\x00\n", 1)],
    ids=["syntax", "not UTF-8", "NUL"],
)
def test_a_file_that_python_cannot_read(env: Env, text: str | bytes, line: int) -> None:
    write(env, "shop/shop/a.py", text)
    (problem,) = found(env)
    assert (problem.code, problem.final) == ("source-syntax", True)
    assert problem.where.startswith("services/shop/shop/a.py:")
    assert problem.where.endswith(f":{line}") or isinstance(text, bytes)


def test_another_encoding_that_is_declared_is_fine(env: Env) -> None:
    write(env, "shop/shop/a.py", "# coding: latin-1\nx = 'é'\n".encode("latin-1"))
    assert found(env) == []


def test_tests_of_a_service_are_not_its_program(env: Env) -> None:
    write(env, "shop/tests/test_a.py", "import pytest_of_another_world\n")
    assert found(env) == []


def test_what_is_proven_is_not_asked_again_until_it_changes(env: Env) -> None:
    assert found(env) == []
    asked: list[object] = []
    inner = env.runner

    def run(*args: object, **options: object) -> Completed:
        asked.append(args)
        return inner(*args, **options)  # type: ignore[arg-type]

    env.runner = run
    assert found(env) == []
    assert asked == []
    write(env, "shop/shop/a.py", "import cashbox\n")
    assert len(found(env)) == 1
    assert len(found(env)) == 1, "a failure is no proof"
    assert len(asked) == 2
    write(env, "shared/taskapp/__init__.py", "import bus\n")
    write(env, "mailer/mailer/a.py", "import taskapp\n")
    assert "services/shared/taskapp/__init__.py:1" in [problem.where for problem in found(env)]


def test_a_package_that_fails_by_itself_is_there(env: Env) -> None:
    write(env, "shop/cashbox/__init__.py", "raise RuntimeError('no drawer')\n")
    write(env, "shop/shop/a.py", "import cashbox.drawer\n")
    assert found(env) == []


@pytest.mark.closes("sources", "each service has its environment", "service-environment-broken")
def test_a_broken_environment_proves_nothing(env: Env) -> None:
    python = layout.python_of(env, "shop")
    python.unlink()
    python.write_text("#!/bin/sh\necho broken >&2\nexit 1\n")
    python.chmod(0o755)
    problems = found(env)
    assert {problem.code for problem in problems} == {"service-environment-broken"}
    assert "broken" in problems[0].evidence
    assert f"rm -rf {python.parents[1]}\n" in problems[0].remedy
    assert len(found(env)) == len(problems)
