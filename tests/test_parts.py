"""Real parts: where they are found, and what the run does when one is missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import parts

ROOT = Path(__file__).parents[1]
CONFTEST = (ROOT / "conftest.py").read_text()
TESTS = """\
import pytest

@pytest.mark.real("daprd")
def test_with_daprd() -> None:
    pass

@pytest.mark.live
def test_on_minikube() -> None:
    pass

def test_plain() -> None:
    pass
"""


def program(folder: Path, name: str, code: int = 0) -> str:
    """An executable file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\nexit {code}\n")
    path.chmod(0o755)
    return str(path)


def test_chromium_is_the_named_one_else_one_on_path_else_a_usual_place(tmp_path: Path) -> None:
    named = program(tmp_path / "own", "browser")
    on_path = program(tmp_path / "bin", "google-chrome")
    usual = program(tmp_path / "Applications", "Google Chrome")
    environ = {"PATH": str(tmp_path / "bin")}
    assert parts.chromium(environ | {"CHROMIUM": named}, (usual,)) == named
    assert parts.chromium(environ | {"CHROMIUM": str(tmp_path / "gone")}, (usual,)) is None
    assert parts.chromium(environ, (usual,)) == on_path
    assert parts.chromium({"PATH": str(tmp_path)}, (usual,)) == usual
    assert parts.chromium({"PATH": str(tmp_path)}, ()) is None


@pytest.mark.parametrize("name", ["helm", "minikube"])
def test_a_tool_is_the_named_one_else_one_on_path(tmp_path: Path, name: str) -> None:
    named, on_path = program(tmp_path / "own", f"{name}-4"), program(tmp_path / "bin", name)
    environ = {"PATH": str(tmp_path / "bin")}
    assert parts.PARTS[name](environ | {name.upper(): named}) == named
    assert parts.PARTS[name](environ) == on_path
    assert parts.PARTS[name]({"PATH": str(tmp_path)}) is None


def test_postgresql_needs_both_programs_and_the_newest_is_taken(tmp_path: Path) -> None:
    for version in ("9.6", "15", "17"):
        folder = tmp_path / "usr" / "lib" / "postgresql" / version / "bin"
        for name in ("initdb", "postgres"):
            program(folder, name)
    (tmp_path / "usr/lib/postgresql/17/bin/initdb").unlink()
    program(tmp_path / "bin", "initdb")
    environ = {"PATH": f"{tmp_path / 'bin'}:"}
    assert parts.postgresql(environ, tmp_path) == str(tmp_path / "usr/lib/postgresql/15/bin")
    program(tmp_path / "bin", "postgres")
    assert parts.postgresql(environ, tmp_path) == str(tmp_path / "bin")
    assert parts.postgresql({}, tmp_path / "nowhere") is None


def test_docker_is_the_program_when_its_daemon_answers(tmp_path: Path) -> None:
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    there = program(tmp_path, "docker")
    assert parts.docker(environ) == there
    program(tmp_path, "docker", code=1)
    assert parts.docker(environ) != there


def test_buildkit_is_in_old_docker_programs_and_in_the_plugin_of_new_ones(tmp_path: Path) -> None:
    def docker(folder: str, major: int, buildx: int) -> str:
        path = program(tmp_path / folder, "docker")
        answers = f'[ "$1" = buildx ] && exit {buildx}\necho "Docker version {major}.0.1, build 0123"\n'
        Path(path).write_text(f"#!/bin/sh\n{answers}")
        return path

    docker("without", 28, 1)
    old, new = docker("old", 20, 1), docker("new", 28, 0)
    assert parts.buildkit({"PATH": f"{tmp_path}/without:{tmp_path}/none:{tmp_path}/old"}) == old
    assert parts.buildkit({"PATH": f"{tmp_path}/without:{tmp_path}/new:{tmp_path}/old"}) == new
    assert parts.buildkit({"PATH": f"{tmp_path}/without"}) is None


def test_daprd_is_the_named_one(tmp_path: Path) -> None:
    assert parts.daprd({"DAPRD": program(tmp_path, "daprd")}) == str(tmp_path / "daprd")
    assert parts.daprd({"DAPRD": ""}) is None


def run(folder: Path, *args: str, tests: str = TESTS, **environ: str) -> str:
    """A pytest of its own with this project's `conftest.py`; returns what it printed."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_some.py").write_text(tests)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    real(part): x\n    live: x\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", *args],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **environ},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.stdout + done.stderr


def test_missing_part_skips_with_a_sentence_and_is_told_at_the_end(tmp_path: Path) -> None:
    printed = run(tmp_path, DAPRD="")
    assert "1 passed, 1 skipped, 1 deselected" in printed
    assert "needs daprd, which is not on this machine" in printed
    assert "real parts: daprd is missing (1 test)" in printed


def test_missing_part_is_an_error_where_ci_is_true(tmp_path: Path) -> None:
    printed = run(tmp_path, DAPRD="", CI="true")
    assert "1 passed, 1 deselected, 1 error" in printed
    assert "This test needs daprd, which is not on this machine; with CI=true it must be." in printed


def test_part_that_is_there_is_used_and_told(tmp_path: Path) -> None:
    daprd = program(tmp_path / "bin", "daprd")
    printed = run(tmp_path, DAPRD=daprd, CI="true")
    assert "2 passed, 1 deselected" in printed
    assert f"real parts: daprd {daprd} (1 test)" in printed


def test_live_tests_run_when_asked_for(tmp_path: Path) -> None:
    assert "3 passed" in run(tmp_path, "--live", DAPRD=program(tmp_path / "bin", "daprd"))


@pytest.mark.parametrize("args", [(), ("-n", "2")], ids=["one process", "two processes"])
def test_parts_are_told_whatever_process_ran_the_test(tmp_path: Path, args: tuple[str, ...]) -> None:
    daprd = program(tmp_path / "bin", "daprd")
    printed = run(tmp_path, "-p", "xdist", *args, DAPRD=daprd)
    assert printed.count(f"real parts: daprd {daprd} (1 test)") == 1


def test_part_that_nobody_knows_is_named_with_the_nearest(tmp_path: Path) -> None:
    printed = run(tmp_path, tests='import pytest\n@pytest.mark.real("dapr")\ndef test_it(): ...\n')
    assert "test_it needs 'dapr', which tests/parts.py does not have: 'daprd'?" in printed


def test_smoke_suite_is_left_out_of_a_run_and_says_how_it_is_run() -> None:
    def collected(*args: str) -> str:
        command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *args]
        environ = {"PATH": os.environ["PATH"], "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=300, check=False)
        return done.stdout + done.stderr

    assert "tests/smoke" not in collected("tests", "--ignore-glob=tests/test_*.py")
    assert "run them with ./inv verify" in collected("tests/smoke")
