"""The gate `sources`: a real installer on tiny wheels, with no index."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.clients.command import Completed
from bootstrap.core.env import Env
from bootstrap.lint import requirements as resolution
from bootstrap.local import layout
from bootstrap.problems.problem import Problem, ProblemsFound
from bootstrap.stages import sources
from tests import wheels

Found = Callable[[Callable[[], object]], tuple[Problem, ...]]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that can be installed."""
    folder = tmp_path_factory.mktemp("shelf")
    for version in ("8.4.2", "9.0.2"):
        wheels.make(folder, "pytest", version)
    wheels.make(folder, "pytest-asyncio", "0.26.0", ["pytest>=8.2,<9"])
    wheels.make(folder, "pytest-asyncio", "1.3.0", ["pytest>=8.2,<10"])
    wheels.make(folder, "colour", "1.0")
    wheels.make(folder, "web", "2.0", ["colour>=2"])
    wheels.make(folder, "networks", "1.0", ["base==1"])
    wheels.make(folder, "bar", "1.0", ["base==2"])
    wheels.make(folder, "base", "1")
    wheels.make(folder, "base", "2")
    return folder


@pytest.fixture
def env(env: Env, shelf: Path, tmp_path: Path) -> Env:
    config = tmp_path / "uv.toml"
    config.write_text(f'no-index = true\nfind-links = ["{shelf}"]\n')
    env.environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), "UV_CONFIG_FILE": str(config)}
    return env


def require(env: Env, name: str, text: str) -> None:
    layout.requirements(env, name).write_text(text)


def one(problems: tuple[Problem, ...]) -> Problem:
    assert len(problems) == 1, problems
    return problems[0]


@pytest.mark.closes("sources", "each service has its environment", "service-environment-missing")
def test_each_service_gets_what_it_requires(env: Env) -> None:
    require(env, "shop", "pytest-asyncio==0.26.0\n")
    require(env, "mailer", "colour\n")
    gone = sources.check(env)
    assert gone is not None
    assert (gone.code, gone.final) == ("service-environment-missing", True)
    sources.apply(env)
    assert sources.check(env) is None

    def knows(name: str, module: str) -> bool:
        argv = [str(layout.python_of(env, name)), "-c", f"import {module}"]
        return subprocess.run(argv, check=False, stderr=subprocess.DEVNULL, env={}).returncode == 0

    assert knows("shop", "pytest")
    assert not knows("shop", "colour")
    assert knows("mailer", "colour")
    assert not knows("mailer", "pytest")


def test_a_second_time_costs_no_command(env: Env) -> None:
    sources.apply(env)

    def never(*_: object, **__: object) -> Completed:
        raise AssertionError

    env.runner = never
    sources.apply(env)
    assert sources.check(env) is None


def test_equal_requirements_share_an_environment(env: Env) -> None:
    require(env, "shop", "colour==1.0\n")
    require(env, "mailer", "colour==1.0\n")
    assert layout.python_of(env, "shop") == layout.python_of(env, "mailer")
    sources.apply(env)
    assert len([path for path in (env.local / "envs").iterdir() if path.is_dir()]) == 1


def test_changed_requirements_are_another_environment(env: Env) -> None:
    require(env, "shop", "colour\n")
    sources.apply(env)
    before = layout.python_of(env, "shop")
    require(env, "shop", "colour\npytest\n")
    assert layout.python_of(env, "shop") != before
    assert sources.check(env) is not None
    layout.constraints(env).write_text("pytest==8.4.2\n")
    sources.apply(env)
    python = layout.python_of(env, "shop")
    said = subprocess.run([python, "-c", "import pytest; print(pytest.VERSION)"], capture_output=True, check=True)
    assert said.stdout == b"8.4.2\n", "the lock holds"


CONFLICT = "# what the service needs\npytest==9.0.2\npytest-asyncio==0.26.0\n"


@pytest.mark.closes("sources", "requirements resolve", "requirements-conflict")
def test_a_conflict_names_both_sides_and_a_change_that_resolves(env: Env, problems: Found) -> None:
    require(env, "shop", CONFLICT)
    found = one(problems(lambda: sources.apply(env)))
    assert (found.code, found.where, found.final) == ("requirements-conflict", "services/shop/requirements.txt:2", True)
    assert "pytest==9.0.2 and pytest-asyncio==0.26.0 wants pytest<9" in found.summary
    assert "unsatisfiable" in found.evidence
    command = next(line for line in found.remedy.splitlines() if line.startswith("sed "))
    subprocess.run(command, shell=True, cwd=env.root, check=True)  # noqa: S602 - the remedy, pasted
    assert layout.requirements(env, "shop").read_text() == CONFLICT.replace("9.0.2", "8.4.2")
    sources.apply(env)


@pytest.mark.parametrize(
    ("text", "summary", "where", "after"),
    [
        ("pytest==9.0.2\npytest<9\n", "pytest==9.0.2 and pytest<9", ":1", "pytest==9.0.2\n"),
        (
            'PyTest [dev] == 9.0.2 ; python_version > "3"  # why\nPytest_Asyncio==0.26.0\n',
            "wants pytest<9",
            ":1",
            'PyTest[dev]==8.4.2 ; python_version > "3"\nPytest_Asyncio==0.26.0\n',
        ),
        ("networks\nbar==1.0\n", "networks wants base==1", ":1", ""),
    ],
    ids=["one name twice", "spelt otherwise", "two layers down"],
)
def test_other_conflicts(env: Env, problems: Found, text: str, summary: str, where: str, after: str) -> None:
    require(env, "shop", text)
    found = one(problems(lambda: sources.apply(env)))
    assert found.code == "requirements-conflict"
    assert summary in found.summary
    assert found.where == f"services/shop/requirements.txt{where}"
    if after:
        command = next(line for line in found.remedy.splitlines() if line.startswith("sed "))
        subprocess.run(command, shell=True, cwd=env.root, check=True)  # noqa: S602 - the remedy, pasted
        assert layout.requirements(env, "shop").read_text() == after
        sources.apply(env)
    else:
        assert found.remedy.startswith("# loosen one of the pins in services/shop/requirements.txt")


def test_a_pin_that_the_lock_forbids_asks_for_a_new_lock(env: Env, problems: Found) -> None:
    require(env, "shop", "pytest==9.0.2\n")
    layout.constraints(env).write_text("pytest==8.4.2\n")
    found = one(problems(lambda: sources.apply(env)))
    assert found.code == "requirements-conflict"
    assert "\n.venv/bin/python -m bootstrap.setup.locks\n" in found.remedy


@pytest.mark.closes("sources", "requirements resolve", "requirement-not-found")
@pytest.mark.parametrize(
    ("text", "wanted", "line"),
    [
        ("colour\nnope==1\n", "nope==1", ":2"),
        ("# first\n\ncolour==3.1\n", "colour==3.1", ":3"),
        ("colour>=3\n", "colour>=3", ":1"),
        ("pytest>=99\n", "pytest>=99", ":1"),
        ("web==2.0\n", "colour>=2", ""),
    ],
)
def test_what_no_index_has(env: Env, problems: Found, text: str, wanted: str, line: str) -> None:
    require(env, "shop", text)
    found = one(problems(lambda: sources.apply(env)))
    assert (found.code, found.final) == ("requirement-not-found", True)
    assert found.summary == f"services/shop/requirements.txt needs {wanted}, which does not exist."
    assert found.where == f"services/shop/requirements.txt{line}"


@pytest.mark.closes("sources", "requirements can be installed", "index-unreachable")
@pytest.mark.parametrize("offline", [{}, {"UV_OFFLINE": "1"}])
def test_an_index_that_is_away(env: Env, problems: Found, offline: dict[str, str]) -> None:
    require(env, "shop", "colour==1.0\n")
    away = {"UV_INDEX_URL": "http://127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0", "UV_NO_CONFIG": "1"}
    env.environ = {k: v for k, v in env.environ.items() if k != "UV_CONFIG_FILE"} | away | offline
    found = one(problems(lambda: sources.apply(env)))
    assert (found.code, found.final) == ("index-unreachable", True)
    assert "uv pip install" in found.evidence


@pytest.mark.closes("sources", "requirements can be installed", "requirements-failed")
def test_a_line_that_is_no_requirement(env: Env, problems: Found) -> None:
    require(env, "shop", "colour=1.0\n")
    found = one(problems(lambda: sources.apply(env)))
    assert found.code == "requirements-failed"
    assert "colour=1.0" in found.evidence
    assert "uv pip compile --quiet services/shop/requirements.txt" in found.remedy


def test_the_problems_of_all_services_at_once(env: Env, problems: Found) -> None:
    require(env, "shop", "nope==1\n")
    require(env, "mailer", CONFLICT)
    found = problems(lambda: sources.apply(env))
    assert {(p.code, p.where) for p in found} == {
        ("requirement-not-found", "services/shop/requirements.txt:1"),
        ("requirements-conflict", "services/mailer/requirements.txt:2"),
    }
    assert not list((env.local / "envs").glob("*draft*")), "nothing half-made stays"


def test_services_with_the_same_bad_requirements_are_both_named(env: Env, problems: Found) -> None:
    require(env, "shop", "nope==1\n")
    require(env, "mailer", "nope==1\n")
    found = problems(lambda: sources.apply(env))
    assert [p.where for p in found] == ["services/shop/requirements.txt:1", "services/mailer/requirements.txt:1"]


def test_half_made_environments_are_healed(env: Env) -> None:
    require(env, "shop", "colour\n")
    folder = layout.python_of(env, "shop").parents[1]
    draft = folder.with_name(f"{folder.name}.draft")
    (draft / "bin").mkdir(parents=True)  # killed while it was made
    (folder / "lib").mkdir(parents=True)  # lost its interpreter
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to("/nonexistent/python")
    sources.apply(env)
    assert sources.check(env) is None
    assert not draft.exists()
    assert not (folder / "bin" / "python").samefile("/bin/sh")
    subprocess.run([folder / "bin" / "python", "-c", "import colour"], check=True)


def test_a_home_that_cannot_be_written_needs_none(env: Env) -> None:
    require(env, "shop", "colour\n")
    env.environ = {**env.environ, "HOME": "/proc/self/nowhere"}
    sources.apply(env)
    assert sources.check(env) is None
    assert (env.state / "cache" / "uv").is_dir()


def test_the_users_own_cache_and_mirrors_count(env: Env, tmp_path: Path) -> None:
    env.environ = {**env.environ, "UV_INDEX_URL": "http://mirror", "VIRTUAL_ENV": "/x", "PYTHONPATH": "/y"}
    seen = resolution.environ(env)
    assert seen["UV_INDEX_URL"] == "http://mirror"
    assert "UV_CACHE_DIR" not in seen
    assert {"VIRTUAL_ENV", "PYTHONPATH"}.isdisjoint(seen)
    assert resolution.environ(Env(env.manifest, {"UV_CACHE_DIR": "/mine", "HOME": "/proc"}))["UV_CACHE_DIR"] == "/mine"


@pytest.mark.closes("sources", "requirements can be installed", "disk-full")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("error: failed to write\n  cause: No space left on device (os error 28)", "disk-full"),
        ("error: Failed to fetch: https://index/simple/x/\n  cause: dns error", "index-unreachable"),
        ("error: something that nobody has seen before", "requirements-failed"),
        (
            "error: No solution found\n  cause: Because networkx==3 depends on numpy<2 and you require numpy==2, "
            "we can conclude that networkx==3 cannot be used.\n"
            "And because you require networkx==3, we can conclude that your requirements are unsatisfiable.",
            "requirements-conflict",
        ),
    ],
)
def test_the_installers_words(env: Env, words: str, code: str) -> None:
    env.runner = lambda argv, **_: Completed(tuple(argv), 1, "", "", 0.0)
    found = resolution.explain(env, "shop", Completed(("uv", "pip", "install"), 1, "", words, 0.0))
    assert (found.code, found.final) == (code, True)
    assert words.splitlines()[0] in found.evidence


def test_the_environment_is_not_blamed_twice(env: Env) -> None:
    require(env, "shop", "nope\n")
    for _ in range(2):
        with pytest.raises(ProblemsFound):
            sources.apply(env)
    require(env, "shop", "colour\n")
    sources.apply(env)
    shutil.rmtree(layout.python_of(env, "shop").parents[1])
    assert sources.check(env) is not None
