"""The tasks: `inv --list`. Heavy imports live in the tasks: this file is read at every press of Tab."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from invoke.context import Context
from invoke.tasks import task

if TYPE_CHECKING:
    from bootstrap.core.env import Env

# Invoke switches it off; every command would compile anew what it imports, such as the Kubernetes client for a second.
sys.dont_write_bytecode = bool(sys.flags.dont_write_bytecode)


def _words(told: list[str]) -> tuple[str, ...]:
    """Names, however they were given: again and again, or with commas."""
    return tuple(name for text in told for name in text.split(",") if name)


def _ask(question: str) -> str | None:
    """What the user types; None where nobody can."""
    try:
        return input(question) if sys.stdin.isatty() else None
    except EOFError:
        return None


def _do(action: "Callable[[Env], int]") -> None:
    """Runs `action` on the environment of this checkout, and exits as `_end` says."""

    def at(root: Path) -> int:
        import os

        from bootstrap.cli import commands

        return commands.act(commands.open_env(root, dict(os.environ)), action)

    _end(at)


def _end(action: Callable[[Path], int]) -> None:
    """Runs `action` on this checkout and exits: 0 done, 1 a known problem, 3 a bug of this project, 130 interrupted."""
    import os

    try:
        code = _code(action)
    except KeyboardInterrupt as stopped:
        from bootstrap.cli.report import report_for

        report_for().line("\n  " + " ".join(("Stopped.", *map(str, stopped.args))))
        code = 130
    # Threads that hang in a call must not keep the program; everything was flushed when it was printed.
    os._exit(code)


def _code(action: Callable[[Path], int]) -> int:
    import os

    from bootstrap.cli import commands
    from bootstrap.cli.report import report_for
    from bootstrap.problems.problem import ProblemsFound

    root = Path(__file__).resolve().parent
    try:
        with commands.interruptible():
            return action(root)
    except ProblemsFound as failed:
        report_for().problems(failed.problems)
        return 1
    except Exception as error:  # noqa: BLE001 - the outermost handler
        from bootstrap.cli import bundle
        from bootstrap.core import state

        known = state.trouble(error, root) if isinstance(error, OSError) else None
        if known:
            report_for().problems((known,))
            return 1
        import traceback

        report, said = report_for(), traceback.format_exc()
        report.line(said)
        report.line("  This is a bug of the environment itself, not of your code: please report the lines above.")
        if told := bundle.of_bug(lambda: commands.open_env(root, dict(os.environ)), said):
            report.line(f"  {told}")
        return 3


@task(
    help={
        "on": "where to run: minikube or local; remembered",
        "broker": "of local: wheel, or redpanda in Docker; remembered",
        "only": "these stages alone, with the gates of what they need; again or with commas for more",
        "from": "this stage and what needs it, with the gates of all others",
    },
    iterable=["only"],
)
def up(_: Context, on: str = "", broker: str = "", only: list[str] | None = None, from_: str = "") -> None:
    """Bring the whole app up and prove it; goes on from wherever the last run ended."""

    def action(env: "Env") -> int:
        from bootstrap.cli import commands

        return commands.up(env, on, broker, _words(only or []), from_)

    _do(action)


@task(help={"purge": "delete everything of this environment, its data too", "yes": "delete without asking"})
def down(_: Context, purge: bool = False, yes: bool = False) -> None:
    """Stop exactly what is this environment's; data and logs stay."""

    def action(env: "Env") -> int:
        from bootstrap.cli import commands

        return commands.down(env, purge, None if yes else _ask)

    _do(action)


@task(help={"json": "a JSON document instead of text"})
def status(_: Context, json: bool = False) -> None:
    """Show what runs and ask every gate; exit 1 when one is closed."""

    def action(env: "Env") -> int:
        from bootstrap.cli.status import status as show

        return show(env, json)

    _do(action)


@task(help={"json": "a JSON document instead of text"})
def doctor(_: Context, json: bool = False) -> None:
    """Show what this machine is, what is wrong with it for a cluster, and how to mend that; changes nothing."""

    def action(env: "Env") -> int:
        from bootstrap.cli.doctor import doctor as show

        return show(env, json)

    _do(action)


@task(help={"json": "a JSON document instead of text", "bundle": "also write an archive to attach to a bug report"})
def diagnose(_: Context, json: bool = False, bundle: bool = False) -> None:
    """Name everything that is wrong with what runs, what it follows from first; exit 1 when something is."""

    def action(env: "Env") -> int:
        from bootstrap.cli.diagnose import diagnose as show

        return show(env, json, bundle)

    _do(action)


@task(help={"code": "the code in brackets of a problem; all: lists them"})
def explain(_: Context, code: str) -> None:
    """Explain the code of a problem: its cause, what to type, where it is found."""

    def action(root: Path) -> int:
        from bootstrap.cli.explain import explain as show

        return show(root, code)

    _end(action)


@task(help={"json": "a JSON document instead of text"})
def verify(_: Context, json: bool = False) -> None:
    """Run the smoke tests against what is running."""

    def action(env: "Env") -> int:
        from bootstrap.cli import commands

        return commands.verify(env, json)

    _do(action)


@task(help={"service": "the service to renew; with commas for more"})
def rebuild(_: Context, service: str) -> None:
    """Renew a service from the checkout, and prove that the new code runs."""

    def action(env: "Env") -> int:
        from bootstrap.cli import commands

        return commands.rebuild(env, _words([service]))

    _do(action)


@task(
    help={
        "service": "a service, or another part that has logs",
        "follow": "go on as more is printed",
        "sidecar": "its sidecar's",
        "previous": "what the pod's container printed before it was started again",
    }
)
def logs(_: Context, service: str, follow: bool = False, sidecar: bool = False, previous: bool = False) -> None:
    """Show what a service printed."""

    def action(env: "Env") -> int:
        from bootstrap.cli import commands

        return commands.logs(env, service, follow=follow, sidecar=sidecar, previous=previous)

    _do(action)


@task(name="open", help={"service": "a service, such as frontend"})
def open_(_: Context, service: str) -> None:
    """Open a service in the browser."""

    def action(env: "Env") -> int:
        from bootstrap.cli import commands

        return commands.open_service(env, service)

    _do(action)


@task(
    help={
        "args": "more arguments for pytest, in quotes",
        "fast": "leave out what needs a real part or takes long: for between two edits",
    }
)
def test(context: Context, args: str = "", fast: bool = False) -> None:
    """Run the tests of this project and of the services."""
    import shlex

    how = ["-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder", *(["--fast"] if fast else [])]
    context.run(shlex.join([sys.executable, "-m", "pytest", *how, *shlex.split(args)]), pty=sys.stdout.isatty())
