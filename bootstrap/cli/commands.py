"""What each task does. Every function returns an exit code; `tasks.py` alone exits."""

import difflib
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from bootstrap import pipeline
from bootstrap.cli import remedies
from bootstrap.cli.diagnosis import GATES_TIMEOUT_S, gates
from bootstrap.cli.report import Report, report_for
from bootstrap.clients.command import Completed
from bootstrap.core import state
from bootstrap.core.env import Env
from bootstrap.core.run_log import RunLog
from bootstrap.core.runner import Event as StageEvent
from bootstrap.core.runner import Runner
from bootstrap.core.stage import Stage, only, starting_from
from bootstrap.manifest import load
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound, after
from bootstrap.stages import smoke
from bootstrap.targets import target

OK, WRONG, INTERRUPTED = 0, 1, 130
GOES_ON = "What was started stays; `./inv up` goes on from here, `./inv down` ends it."


def open_env(root: Path, environ: Mapping[str, str]) -> Env:
    """The environment of a checkout, on the place where it runs."""
    env = Env(manifest=load(root / "environment.toml"), environ=environ)
    env.place = state.place(env.state)
    env.notify = lambda text: report_for().line(f"  {text}")
    return env


def act(env: Env, action: Callable[[Env], int]) -> int:
    """Run `action`; the remedies of the `ProblemsFound` that it raises can be pasted (see `bootstrap.cli.remedies`)."""
    try:
        return action(env)
    except ProblemsFound as failed:
        raise ProblemsFound(remedies.pasteable(env, failed.problems)) from failed


def up(env: Env, on: str = "", broker: str = "", names: Sequence[str] = (), first: str = "") -> int:
    """Brings everything up and proves it.

    `on`: the place; "": where it runs now, else the default one. `broker`: the one of `local` from now on; "": the one
    chosen before. `names`: the stages that alone do their work; `first`: the stage from which on they do. Of all
    stages before those only the gates are asked.
    """
    on = target.known(on or env.place or target.DEFAULT)
    if env.place and on != env.place and target.of(env).is_started(env):
        raise ProblemsFound(problem("place-other", f"{env.manifest.name} runs on {env.place}.", wanted=on))
    if broker and on != "local":
        raise ProblemsFound(problem("broker-of-local", f"The broker of {on} cannot be chosen.", broker=broker))
    env.place = on
    chosen = _chosen(pipeline.stages(env), tuple(names), first)
    with state.locked(env.state, "up"):
        if state.place(env.state) != on:  # a full disk would leave an empty file, and a later run at another place
            (env.state / "place").write_text(on)
        place = target.of(env)
        place.before(env, broker)
        chosen = _chosen(pipeline.stages(env), tuple(names), first) if broker else chosen
        before, began = smoke.proven(env), time.monotonic()
        report, found = _run(env, chosen, "up")
        if found:
            return WRONG
        took = f"{time.monotonic() - began:.1f} s ({report.durations() or 'nothing to do'})"
        if names:
            report.line(f"\n  done and proven in {took}: {', '.join(names)}")
            return OK
        # The last gate is that of the smoke tests, for exactly what runs: the same proof means the same that runs.
        changed = "" if smoke.proven(env) != before else "; the app has not changed since it was last proven"
        report.line(f"\n  {env.manifest.name} is up and proven in {took}{changed}\n")
        report.table(list(place.urls(env).items()))
        report.line("\n  ./inv status · ./inv logs SERVICE · ./inv rebuild SERVICE · ./inv open SERVICE · ./inv down")
        return OK


def _chosen(stages: tuple[Stage, ...], names: tuple[str, ...], first: str) -> tuple[Stage, ...]:
    for name in (*names, *((first,) if first else ())):
        _known("stage", "up --from" if name == first else "up --only", name, [stage.name for stage in stages])
    if names and first:
        raise ProblemsFound(problem("stages-only-and-from", "--only and --from exclude each other.", first=first))
    if names:
        return only(stages, names)
    return starting_from(stages, first) if first else stages


def rebuild(env: Env, services: Sequence[str]) -> int:
    """Renews services: the sources, the image where there is one, what runs, the gate."""
    for service in services or ("",):
        _known("service", "rebuild", service, list(env.manifest.services))
    place = target.started(env)
    with state.locked(env.state, f"rebuild {' '.join(services)}"):
        before = {service: place.started(env, service) for service in services}
        report, found = _run(env, pipeline.rebuild(env, tuple(services)), f"rebuild-{'-'.join(services)}")
        if found:
            return WRONG
        report.line()
        for service in services:
            renewed = place.started(env, service) != before[service]
            what = "runs its new version" if renewed else "is unchanged: what runs is already version"
            url = place.urls(env).get(service, "")
            report.line(f"  {service} {what} {place.versions(env)[service]}{url and ': '}{url}")
        return OK


def down(env: Env, purge: bool = False, ask: Callable[[str], str | None] | None = None) -> int:
    """Stops exactly what is ours; with `purge` deletes it. `ask` puts the question to the user and returns the answer,
    None where nobody can answer; without it no question is put.

    Deleting data that nobody confirmed raises `ProblemsFound` (`purge-not-confirmed`).
    """
    report = report_for()
    with state.locked(env.state, "down"):
        there = [env.place] if env.place and not purge else _places(env)
        if purge:
            with stopped_with("Nothing was stopped or deleted."):
                _confirm(env, there, ask, report)
        left = "What was not deleted yet stays; `./inv down --purge` deletes the rest."
        with stopped_with(left if purge else "What was not stopped yet runs on; `./inv down` stops the rest."):
            said: list[str] = []
            for env.place in there:
                said += target.of(env).down(env, purge)
        nothing = "there was nothing to delete" if purge else "nothing was running"
        for text in dict.fromkeys(said or [nothing]):
            report.line(f"  {text}")
        if purge:
            (env.state / "place").unlink(missing_ok=True)
    return OK


def _places(env: Env) -> list[str]:
    """The places where something of this checkout may be: also when its state was deleted under it."""
    known, found = env.place, []
    for env.place in target.PLACES:
        if env.place == known or target.of(env).may_hold(env):
            found.append(env.place)
    env.place = known
    return found


def _confirm(env: Env, there: Sequence[str], ask: Callable[[str], str | None] | None, report: Report) -> None:
    data: list[str] = []
    for env.place in there:
        data += target.of(env).data(env)
    if not data:
        return
    report.line("  This deletes, for good:")
    for text in dict.fromkeys(data):
        report.line(f"    {text}")
    if ask is None:
        return
    answer = ask(f"  Type {env.manifest.name} to delete it: ")
    if answer is None:
        raise ProblemsFound(problem("purge-not-confirmed", "Nothing was deleted: there is no terminal to ask on."))
    if answer.strip() != env.manifest.name:
        raise ProblemsFound(
            problem("purge-not-confirmed", f"Nothing was deleted: the answer was not {env.manifest.name}.")
        )


def verify(env: Env, as_json: bool) -> int:
    """Runs the smoke tests against what runs."""
    place, report = target.answering(env), report_for()
    with place.reachable_urls(env) as urls:
        results = smoke.prove(env, place.running_fingerprint(env), urls)
    failed = smoke.failures(results)
    if failed:
        # What keeps a part from working is the cause of what its user sees.
        told, _ = gates(env, pipeline.stages(env)[:-1], GATES_TIMEOUT_S, {})
        failed = [*(closed for closed in told.values() if closed), *failed]
    found = remedies.pasteable(env, tuple(after(one, "verify") for one in failed))
    if as_json:
        report.json({"passed": not found, "tests": [vars(r) for r in results], "problems": [vars(p) for p in found]})
        return WRONG if found else OK
    marks = {"passed": "✔", "failed": "✘", "skipped": "·"}
    why = {r.name: r.words.split("\n")[0] if r.outcome == "skipped" else "" for r in results}
    report.table([(marks[r.outcome], r.name, f"{r.seconds:.1f} s", why[r.name]) for r in results])
    report.problems(found)
    return WRONG if found else OK


def logs(env: Env, service: str, *, follow: bool = False, sidecar: bool = False, previous: bool = False) -> int:
    """What a service printed last, and what it prints from now on."""
    known = env.manifest.services
    _known("service", "logs", service, [*known, *target.of(env).PARTS])
    if sidecar and not (service in known and known[service].app_id):
        raise ProblemsFound(problem("log-no-sidecar", f"{service} has no Dapr sidecar.", name=service))
    report = report_for()
    if service != "broker" and target.is_started(env):
        target.answering(env)
    try:
        for text in target.of(env).logs(env, service, sidecar=sidecar, previous=previous, follow=follow):
            report.line(text)
            if not report.is_read:
                break
    except KeyboardInterrupt:
        if not follow:
            raise
        return INTERRUPTED  # the way in which one stops to follow: nothing to say
    return OK


def open_service(env: Env, service: str) -> int:
    """Shows a service in the user's browser."""
    from bootstrap.cli import open as browser

    _known("service", "open", service, list(env.manifest.services))
    target.answering(env)
    return browser.show(env, service)


def _run(env: Env, stages: tuple[Stage, ...], command: str) -> tuple[Report, tuple[Problem, ...]]:
    """Runs stages with the report and the run's own log attached."""
    log = RunLog(env.state, command, env.secrets)
    report = report_for(stages)

    def notify(text: str) -> None:
        log.write("note", text=text)
        report.line(f"  {text}")

    def tell(event: StageEvent) -> None:
        log.event(event)
        report.event(event)

    env.processes.stop_strays()  # commands of a run that was killed would go on beside those of this one
    env.notify, env.progress = notify, report.progress
    _log_commands(env, log)
    try:
        with report, stopped_with(GOES_ON):
            closed = Runner(stages, env, tell, cancelled=env.cancelled).run()
        found = remedies.pasteable(env, tuple(after(one, command.replace("-", " ", 1)) for one in closed))
        report.problems(found)
        log.write("end", green=not found)
    except BaseException as error:
        log.write("end", green=False, error=repr(error))
        raise
    finally:
        log.close()
    if found:
        report.line(f"\n  everything that was said and done: {log.folder.relative_to(env.root)}/events.jsonl")
        from bootstrap.cli import bundle

        if told := bundle.offer(env, found):
            report.line(f"  {told}")
    return report, found


def _log_commands(env: Env, log: RunLog) -> None:
    inner = env.runner

    def logged(argv: Sequence[str], **how: Any) -> Completed:
        done = inner(argv, **how)
        log.write("command", argv=done.shown, exit=done.exit, seconds=round(done.seconds, 3))
        return done

    env.runner = logged


def _known(what: str, command: str, name: str, known: list[str]) -> None:
    if name not in known:
        near = difflib.get_close_matches(name, known, 1, 0.0)[0]
        summary, names = f"{name!r} is no {what} of this environment.", ", ".join(known)
        if what == "stage":
            raise ProblemsFound(problem("stage-unknown", summary, known=names, command=command, nearest=near))
        raise ProblemsFound(problem("service-unknown", summary, known=names, command=command, nearest=near))


@contextmanager
def stopped_with(text: str) -> Iterator[None]:
    """Add to a Ctrl-C inside what it leaves behind, for the user to read, unless an inner block has said so."""
    try:
        yield
    except KeyboardInterrupt as stopped:
        raise KeyboardInterrupt(*(stopped.args or (text,))) from None


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM and SIGHUP end a command as Ctrl-C does: children ended, the state left good for the next run."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before: dict[signal.Signals, Callable[[int, FrameType | None], object] | int | None] = {}
    for sign in (signal.SIGTERM, signal.SIGHUP):
        before[sign] = signal.signal(sign, interrupt)
    try:
        yield
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)
