"""`./inv` on a machine that has everything: the environment is made once, and made again when it must be."""

import shutil
import signal
import tomllib
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.waits import until
from tests.wrapper.checkout import Checkout, real_python


@pytest.fixture
def ready(checkout: Checkout) -> Checkout:
    """With Python and uv on PATH."""
    checkout.add_python()
    checkout.add_uv()
    return checkout


@pytest.fixture(params=["uv", "pip"])
def either(request: pytest.FixtureRequest, checkout: Checkout) -> Checkout:
    """With Python on PATH; with uv there too, or only in the lock."""
    checkout.add_python()
    if request.param == "uv":
        checkout.add_uv()
    return checkout


def test_first_use_makes_the_environment_and_the_next_says_nothing(either: Checkout) -> None:
    code, out, err = either.inv("up", "--on", "a place")
    assert (code, out) == (0, f"ran up --on a place in {either.root}\n")
    assert err.startswith("inv: making the environment in .venv (Python 3.")
    assert err.endswith(" s\n")
    assert err.count("\n") == 1
    assert either.inv("fail") == (7, f"ran fail in {either.root}\n", "")
    assert (either.root / ".venv/requirements.lock").read_bytes() == either.lock.read_bytes()
    kept = {"inv", "bootstrap", "pyproject.toml", "requirements.lock"}
    assert {path.name for path in either.root.iterdir()} == kept | {".venv", ".inv"}


def test_the_version_needs_no_environment(checkout: Checkout) -> None:
    (checkout.bin / "sed").symlink_to(shutil.which("sed") or "")
    version = tomllib.loads((checkout.root / "pyproject.toml").read_text())["project"]["version"]
    assert checkout.inv("--version") == checkout.inv("-V") == (0, f"taskapp environment {version}\n", "")
    assert not (checkout.root / ".venv").exists()


@pytest.mark.parametrize(
    ("told", "passed"),
    [
        (("rebuild", "a", "b", "c"), "rebuild a,b,c"),
        (("rebuild", "a", "--help", "b"), "rebuild a,b --help"),
        (("rebuild", "a"), "rebuild a"),
        (("logs", "a", "b"), "logs a b"),
    ],
)
def test_several_services_of_a_rebuild_are_one_word(ready: Checkout, told: tuple[str, ...], passed: str) -> None:
    assert ready.inv(*told)[:2] == (0, f"ran {passed} in {ready.root}\n")


def test_changed_lock_renews_it(ready: Checkout) -> None:
    assert ready.inv()[0] == 0
    lock = ready.lock.read_text(encoding="utf-8")
    ready.lock.write_text(lock + ready.index.add("more", {"more.py": ""}), encoding="utf-8")
    code, _, err = ready.inv()
    assert code == 0
    assert "renewing" in err
    assert list(ready.root.glob(".venv/lib/python*/site-packages/more.py"))
    ready.lock.write_text(lock, encoding="utf-8")
    assert ready.inv()[0] == 0
    assert not list(ready.root.glob(".venv/lib/python*/site-packages/more.py"))


def test_runs_once_it_is_made_without_any_python_on_path(ready: Checkout) -> None:
    assert ready.inv()[0] == 0
    (ready.bin / "python3.11").unlink()
    assert ready.inv("again") == (0, f"ran again in {ready.root}\n", "")


@pytest.mark.parametrize("relative", [True, False])
def test_through_symlinks(ready: Checkout, relative: bool) -> None:
    checkout = ready
    elsewhere = checkout.base / "else where"
    elsewhere.mkdir()
    first, second = elsewhere / "inv-1", checkout.base / "inv-2"
    first.symlink_to(Path("../my checkout/inv") if relative else checkout.root / "inv")
    second.symlink_to(Path("else where/inv-1") if relative else first)
    code, out, _ = checkout.inv("x", program=second, CDPATH="/")
    assert (code, out) == (0, f"ran x in {checkout.root}\n")


def test_every_shell_there_is(ready: Checkout) -> None:
    checkout = ready
    for shell in (["dash"], ["bash", "--posix"], ["busybox", "sh"], ["zsh", "--emulate", "sh"], ["ksh"]):
        if path := shutil.which(shell[0]):
            code, out, _ = checkout.inv(*shell[1:], str(checkout.root / "inv"), "x", program=Path(path))
            assert (code, out) == (0, f"ran x in {checkout.root}\n"), shell


def test_moved_checkout_and_vanished_python_are_healed(ready: Checkout) -> None:
    checkout = ready
    assert checkout.inv()[0] == 0
    checkout.root = checkout.root.rename(checkout.base / "moved")
    code, _, err = checkout.inv()
    assert code == 0
    assert "making" in err
    python = checkout.root / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/nonexistent/python3.11")
    code, _, err = checkout.inv()
    assert code == 0
    assert "making" in err


def test_two_first_uses_at_once_make_it_once(ready: Checkout) -> None:
    both = [ready.start(name) for name in ("a", "b")]
    ended = [(run.communicate(timeout=300), run.returncode) for run in both]
    assert [code for _, code in ended] == [0, 0]
    assert sum("making" in err for (_, err), _ in ended) == 1


def slow_uv(checkout: Checkout) -> None:
    """A uv that waits in the middle of its work until `go` is there, half of a package written."""
    checkout.add_uv()
    real = (checkout.bin / "uv").resolve()
    (checkout.bin / "uv").unlink()
    checkout.script(
        "uv",
        f"""case "$*" in
        *sync*)
            [ -e "{checkout.base}/go" ] || touch .venv/half "{checkout.base}/working"
            while [ ! -e "{checkout.base}/go" ]; do sleep 0.02 || exit; done ;;
        esac
        exec '{real}' "$@\"""",
    )


@pytest.mark.parametrize(
    ("end", "codes"),
    [(signal.SIGKILL, {-9}), (signal.SIGINT, {130, -signal.SIGINT}), (signal.SIGTERM, {-15})],
)
def test_ended_in_the_middle_and_healed(checkout: Checkout, end: signal.Signals, codes: set[int]) -> None:
    checkout.add_python()
    slow_uv(checkout)
    run = checkout.start("x")
    until((checkout.base / "working").exists)
    for process in [psutil.Process(run.pid), *psutil.Process(run.pid).children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):  # it ended with the one before
            process.send_signal(end)
    _, err = run.communicate(timeout=300)
    assert run.returncode in codes, err
    assert "Traceback" not in err
    (checkout.base / "go").touch()
    code, out, err = checkout.inv("x")
    assert (code, out) == (0, f"ran x in {checkout.root}\n"), err
    assert "making" in err
    assert not (checkout.root / ".venv/half").exists()


def test_orphaned_installer_is_waited_for(checkout: Checkout) -> None:
    """A `kill -9` of the program alone leaves its child at work in .venv: nobody else may touch that yet."""
    checkout.add_python()
    slow_uv(checkout)
    first = checkout.start("x")
    until((checkout.base / "working").exists)
    (python,) = [p for p in psutil.Process(first.pid).children() if "first_use" in " ".join(p.cmdline())]
    python.kill()
    first.communicate(timeout=300)
    assert first.returncode != 0
    second = checkout.start("y")
    assert second.stderr
    assert "waiting" in second.stderr.readline()
    (checkout.base / "go").touch()
    out, err = second.communicate(timeout=300)
    assert (second.returncode, out) == (0, f"ran y in {checkout.root}\n"), err


def test_home_that_cannot_be_written(ready: Checkout) -> None:
    assert ready.inv(HOME="/dev/null")[0] == 0
    assert (ready.root / ".inv/cache/uv").is_dir()


def test_picks_the_newest_python_that_works(checkout: Checkout) -> None:
    checkout.add_uv()
    checkout.script("python3.14", "echo 'pyenv: python3.14: command not found' >&2; exit 127")
    checkout.script("python3.13", "echo 3.13.1; exit 1")
    checkout.script("python3", "echo 3.9.2; exit 1")
    checkout.add_python("python3.12")
    code, out, _ = checkout.inv("x")
    assert (code, out) == (0, f"ran x in {checkout.root}\n")


def test_inv_python_is_taken_before_all_others(checkout: Checkout) -> None:
    checkout.add_uv()
    checkout.script("python3.14", "touch asked; exit 1")
    assert checkout.inv("x", INV_PYTHON=str(real_python()))[0] == 0
    assert not (checkout.root / "asked").exists()
