"""What `./inv` says when it cannot make the environment: a code, a cause, what to type, the tool's own words."""

import errno
import io
from pathlib import Path

import pytest

from bootstrap.problems.rows.first_use import ROWS, Row, explain, not_writable
from bootstrap.setup.first_use import main
from tests.wrapper.checkout import Checkout

# Debian 12, python3.11 without python3.11-venv
DEBIAN = """\
The virtual environment was not created successfully because ensurepip is not
available.  On Debian/Ubuntu systems, you need to install the python3-venv
package using the following command.

    apt install python3.11-venv

You may need to use sudo with that command.  After installing the python3-venv
package, recreate your virtual environment.

Failing command: /checkout/.venv/bin/python3
"""


def refused(checkout: Checkout, code: str) -> str:
    """Runs the wrapper, which must end with exit code 1 and this one problem; returns what it said."""
    exit_code, out, err = checkout.inv("x")
    assert (exit_code, out) == (1, ""), err
    assert err.count("[") >= 1
    assert err.endswith(f"  [{code}] docs/troubleshooting.md#{code}\n"), err
    assert "Traceback" not in err
    assert "─ what to type" in err
    return err


def test_old_pythons(checkout: Checkout) -> None:
    checkout.script("python3", "echo 3.9.2; exit 1")
    checkout.script("python", "echo 2.7.18; exit 1")
    said = refused(checkout, "python-too-old")
    assert "There is no Python 3.11 or newer on PATH." in said
    assert "Found: python3 is 3.9.2, python is 2.7.18." in said


def test_no_python(checkout: Checkout) -> None:
    assert "Found: no Python that runs." in refused(checkout, "python-too-old")


@pytest.mark.parametrize(
    ("tool", "remedy"),
    [
        ("apt-get", "sudo apt-get install python3 python3-venv"),
        ("dnf", "sudo dnf install python3.13"),
        ("", "python.org"),
    ],
)
def test_old_python_remedy_is_the_systems(checkout: Checkout, tool: str, remedy: str) -> None:
    if tool:
        checkout.script(tool, "exit 1")
    assert remedy in refused(checkout, "python-too-old")


def test_old_python_on_macos(checkout: Checkout) -> None:
    (checkout.bin / "uname").unlink()
    checkout.script("uname", "echo Darwin")
    assert "brew install python@3.13" in refused(checkout, "python-too-old")


def test_inv_python_that_is_none(checkout: Checkout) -> None:
    checkout.add_python()
    checkout.environ["INV_PYTHON"] = "/no such/python"
    said = refused(checkout, "python-too-old")
    assert "INV_PYTHON is /no such/python, which is not a Python 3.11 or newer." in said
    assert "    unset INV_PYTHON\n" in said


@pytest.mark.parametrize(
    ("words", "package"),
    [(DEBIAN, "python3.11-venv"), ("/usr/bin/python3: No module named venv\n", "python3-venv")],
)
def test_no_venv_module(checkout: Checkout, words: str, package: str) -> None:
    (checkout.base / "words").write_text(words, encoding="utf-8")
    python = checkout.script("debian-python", f"cat '{checkout.base}/words'; exit 1")
    said = io.StringIO()
    assert main(checkout.root, checkout.environ, said, str(python)) == 1
    assert said.getvalue().endswith("[venv-missing] docs/troubleshooting.md#venv-missing\n")
    assert f"sudo apt-get install {package}\n" in said.getvalue()


@pytest.mark.parametrize("uv", [True, False])
def test_index_that_cannot_be_reached(checkout: Checkout, uv: bool) -> None:
    checkout.add_python()
    if uv:
        checkout.add_uv()
    del checkout.environ["PIP_NO_INDEX"]
    checkout.environ |= {"PIP_FIND_LINKS": "", "PIP_INDEX_URL": "http://127.0.0.1:9/simple"}
    said = refused(checkout, "index-unreachable")
    assert "The package index cannot be reached." in said
    assert "onnection refused" in said


@pytest.mark.parametrize("uv", [True, False])
def test_other_hash(checkout: Checkout, uv: bool) -> None:
    checkout.add_python()
    if uv:
        checkout.add_uv()
    checkout.index.add("invoke", {"invoke/__init__.py": "changed = True"})
    refused(checkout, "hash-mismatch")


def test_uv_without_a_build_for_this_system_leaves_it_to_pip(checkout: Checkout) -> None:
    checkout.add_python()
    leave_out_uv(checkout)
    assert checkout.inv("x")[0] == 0


def leave_out_uv(checkout: Checkout) -> None:
    """Neither the lock nor the index has it."""
    for wheel in checkout.index.folder.glob("uv-*.whl"):
        wheel.unlink()
    lock = checkout.lock.read_text(encoding="utf-8")
    checkout.lock.write_text(lock.partition("uv==")[0], encoding="utf-8")


@pytest.mark.parametrize(("uv", "code"), [(True, "index-unreachable"), (False, "no-wheel")], ids=["uv", "pip"])
def test_package_without_a_build(checkout: Checkout, uv: bool, code: str) -> None:
    """uv says of a folder alone that the network is off, whatever is missing there."""
    checkout.add_python()
    if uv:
        checkout.add_uv()
    else:
        leave_out_uv(checkout)
    for wheel in checkout.index.folder.glob("invoke-*.whl"):
        wheel.unlink()
    refused(checkout, code)


def test_disk_full(checkout: Checkout) -> None:
    checkout.add_python()
    checkout.script(
        "uv",
        'case "$1" in --version) echo uv 0.13.9 ;; *)'
        " echo 'error: Failed to write to the distribution cache' >&2;"
        " echo '  Caused by: No space left on device (os error 28)' >&2; exit 2 ;; esac",
    )
    assert "no space left" in refused(checkout, "disk-full")


def test_unknown_failure_shows_the_command_and_the_last_words(checkout: Checkout) -> None:
    checkout.add_python()
    checkout.script("uv", 'case "$1" in --version) echo uv 0.13.9 ;; *) echo out of luck; exit 2 ;; esac')
    said = refused(checkout, "first-use-failed")
    assert "│ out of luck" in said
    assert "uv venv --quiet" in said


def test_uv_that_is_too_old_is_not_used(checkout: Checkout) -> None:
    checkout.add_python()
    checkout.script("uv", 'case "$1" in --version) echo uv 0.1.24 ;; *) exit 2 ;; esac')
    assert checkout.inv("x")[0] == 0


def test_environment_of_someone_else_is_left_alone(checkout: Checkout) -> None:
    checkout.add_python()
    (checkout.root / ".venv").mkdir()
    (checkout.root / ".venv/mine").touch()
    assert "mv '" in refused(checkout, "venv-foreign")
    assert (checkout.root / ".venv/mine").exists()


def test_no_lock(checkout: Checkout) -> None:
    checkout.add_python()
    checkout.lock.unlink()
    assert "git checkout -- requirements.lock" in refused(checkout, "lock-missing")


def test_state_folder_that_cannot_be_made(checkout: Checkout) -> None:
    checkout.add_python()
    (checkout.root / ".inv").symlink_to("/proc/nothing/there")
    refused(checkout, "checkout-not-writable")


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.EROFS, "checkout-not-writable"), (errno.EACCES, "checkout-not-writable"), (errno.ENOSPC, "disk-full")],
)
def test_checkout_that_cannot_be_written(number: int, code: str) -> None:
    problem = not_writable(OSError(number, "the system's word", "/src/.inv"), Path("/src"))
    assert problem.code == code
    assert problem.remedy


@pytest.mark.parametrize("words", ["", "error: something else altogether", "exit status 2", "Collecting venv"])
def test_words_that_no_row_knows_are_shown_as_they_are(words: str) -> None:
    found = explain("uv", words, ["uv", "sync"])
    assert (found.code, found.evidence) == ("first-use-failed", words)
    assert "uv sync" in found.remedy


WORDS = {
    "disk-full": "  Caused by: No space left on device (os error 28)",
    "hash-mismatch": "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",
    "venv-missing": DEBIAN,
    "index-unreachable": "error: Failed to fetch: `https://m.example/simple/invoke/`\n  dns error",
    "no-wheel": "ERROR: No matching distribution found for invoke==1.0",
    "wheel-not-built": "error: failed-wheel-build-for-install\n\n× Failed to build installable wheels for projects",
}

COMPILED = "\n".join(f"  copying certificates/part{number}.py -> build" for number in range(224))
UV_3_15 = f"""\
error: Failed to build `aiokafka==0.14.0`
  cause: The build backend returned an error
  cause: Call to `setuptools.build_meta:__legacy__.build_wheel` failed (exit status: 1)
{COMPILED}
         BuildFailed

hint: Build failures usually indicate a problem with the package or the build environment
"""
PIP_3_15 = f"""\
  error: subprocess-exited-with-error
  × Building wheel for aiokafka (pyproject.toml) did not run successfully.
{COMPILED}
      BuildFailed
      [end of output]

  note: This error originates from a subprocess, and is likely not a problem with pip.
  ERROR: Failed building wheel for aiokafka
error: failed-wheel-build-for-install
"""


@pytest.mark.parametrize("words", [UV_3_15, PIP_3_15], ids=["uv", "pip"])
def test_python_without_wheels_of_every_package(words: str) -> None:
    """Said by uv 0.13.9 and pip 26.2 on Python 3.15."""
    found = explain("uv", words, ["uv"])
    assert found.code == "wheel-not-built"
    assert "aiokafka" in found.evidence
    assert len(found.evidence.splitlines()) < 15


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.code)
def test_each_row_takes_its_own_words(row: Row) -> None:
    assert explain("uv", WORDS[row.code], ["uv"]).code == row.code
