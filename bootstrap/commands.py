"""What each task does. Every function returns an exit code; `tasks.py` alone exits."""

import difflib
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from types import FrameType

from bootstrap import pipeline, state
from bootstrap.catalogue import problem
from bootstrap.command import Completed
from bootstrap.env import Env
from bootstrap.local import brokers
from bootstrap.manifest import load
from bootstrap.problem import Failed, Problem
from bootstrap.report import Report, report_for
from bootstrap.runner import Event as StageEvent
from bootstrap.runner import Runner
from bootstrap.stage import Stage, closure

OK, WRONG = 0, 1
FOLLOW = 0.1  # seconds between looks at a log


def open_env(root: Path, environ: Mapping[str, str]) -> Env:
    """The environment of a checkout, on the place where it runs."""
    env = Env(manifest=load(root / "environment.toml"), environ=environ)
    env.place = state.place(env.state)
    return env


def up(env: Env, on: str, broker: str = "") -> int:
    """Brings everything up and proves it. `broker`: the one of `local` from now on; "": the one chosen before."""
    if on not in pipeline.PLACES:
        nearest = next(iter(difflib.get_close_matches(on, pipeline.PLACES, 1, 0.0)))
        raise Failed(
            problem(
                "place-unknown",
                f"There is no place {on!r} to run on.",
                known=", ".join(pipeline.PLACES),
                nearest=nearest,
            )
        )
    with state.locked(env.state, "up"):
        (env.state / "place").write_text(on)
        env.place = on
        if not state.ended_well(env.state):
            env.processes.stop_strays()
        brokers.choose(env, broker, report_for().line)
        began = time.monotonic()
        report, found = _run(env, pipeline.stages(env), "up")
        if found:
            return WRONG
        took = f"{time.monotonic() - began:.1f} s ({report.durations() or 'nothing to do'})"
        report.line(f"\n  {env.manifest.name} is up and proven in {took}\n")
        report.table([(name, url) for name, url in pipeline.urls(env).items()])
        report.line("\n  ./inv status · ./inv logs SERVICE · ./inv rebuild SERVICE · ./inv down")
        return OK


def rebuild(env: Env, service: str) -> int:
    """Renews one service: its sources, its process, its gate."""
    _known("rebuild", service, list(env.manifest.services))
    _running(env)
    with state.locked(env.state, f"rebuild {service}"):
        before = env.processes.started_at(service)
        report, found = _run(env, closure(pipeline.stages(env), (service,)), f"rebuild-{service}")
        if found:
            return WRONG
        renewed = env.processes.started_at(service) != before
        version = pipeline.versions(env)[service]
        what = "runs its new version" if renewed else "is unchanged: what runs is already version"
        report.line(f"\n  {service} {what} {version}: {pipeline.urls(env)[service]}")
        return OK


def down(env: Env) -> int:
    """Ends exactly the processes of this environment, and stops its container."""
    report = report_for()
    with state.locked(env.state, "down"):
        names = env.processes.names()
        services = [name for name in names if name in env.manifest.services]
        ended = env.processes.stop(services)
        ended += env.processes.stop([name for name in names if name.endswith(".sidecar")])
        ended += env.processes.stop([name for name in env.processes.names() if name not in ended])
        strays = env.processes.stop_strays()
        env.processes.forget()
        if ended or strays:
            report.line(f"  ended {len(ended) + strays} processes; data and logs stay in {env.state.name}/")
        container = brokers.BROKERS[env.local_broker].stop(env)
        if container:
            report.line(f"  stopped the container {container}; its topics stay in the volume of the same name")
        if not ended and not strays and not container:
            report.line("  nothing was running")
        (env.state / "place").unlink(missing_ok=True)
    return OK


def verify(env: Env, as_json: bool) -> int:
    """Runs the smoke tests against what runs."""
    from bootstrap.stages import smoke

    _running(env)
    report = report_for()
    results = smoke.prove(env, pipeline.generation(env), pipeline.urls(env))
    found = smoke.failures(results)
    if as_json:
        report.json({"passed": not found, "tests": [vars(r) for r in results], "problems": [vars(p) for p in found]})
        return WRONG if found else OK
    marks = {"passed": "✔", "failed": "✘", "skipped": "·"}
    why = {r.name: r.words.split("\n")[0] if r.outcome == "skipped" else "" for r in results}
    report.table([(marks[r.outcome], r.name, f"{r.seconds:.1f} s", why[r.name]) for r in results])
    report.problems(found)
    return WRONG if found else OK


def logs(env: Env, service: str, follow: bool, sidecar: bool) -> int:
    """What a service printed last, and what it prints from now on."""
    _known("logs", service, [*env.manifest.services, "broker"])
    name = f"{service}.sidecar" if sidecar else service
    report = report_for()
    if name == "broker" and brokers.in_container(env):
        for text in brokers.lines(env, follow):
            report.line(text)
        return OK
    path = env.processes.log(name)
    if not path.exists():
        raise Failed(problem("nothing-runs", f"{name} has printed nothing on this checkout yet."))
    printed = path.stat().st_size
    report.line(env.processes.tail(name, 200))
    if follow:
        for text in appended(path, printed):
            report.line(text)
    return OK


def appended(path: Path, position: int) -> Iterator[str]:
    """Lines as they are written to `path` from that byte on, and to every file that takes its place; without end."""
    while True:
        with suppress(FileNotFoundError), path.open("rb") as file:
            file.seek(position)
            position, rest, replaced = 0, b"", False
            while not replaced:
                # Asked before reading: what was written until then is read to its end.
                replaced = not path.exists() or not os.path.samestat(path.stat(), os.fstat(file.fileno()))
                *lines, rest = (rest + file.read()).split(b"\n")
                yield from (line.decode(errors="replace") for line in lines)
                time.sleep(FOLLOW)
        time.sleep(FOLLOW)


def _run(env: Env, stages: tuple[Stage, ...], command: str) -> tuple[Report, tuple[Problem, ...]]:
    """Runs stages with the report and the run's own log attached."""
    log = state.RunLog(env.state, command)
    report = report_for(stages)

    def say(text: str) -> None:
        log.write("note", text=text)
        report.line(f"  {text}")

    def tell(event: StageEvent) -> None:
        log.event(event)
        report.event(event)

    env.say = say
    _log_commands(env, log)
    try:
        with report:
            found = Runner(stages, env, tell, cancelled=env.cancelled).run()
        report.problems(found)
        log.write("end", green=not found)
    except BaseException as error:
        log.write("end", green=False, error=repr(error))
        raise
    finally:
        log.close()
    if found:
        report.line(f"\n  everything that was said and done: {log.folder.relative_to(env.root)}/events.jsonl")
    return report, found


def _log_commands(env: Env, log: state.RunLog) -> None:
    inner = env.runner

    def logged(
        argv: Sequence[str],
        *,
        timeout: float,
        cancelled: Event,
        cwd: Path | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Completed:
        done = inner(argv, timeout=timeout, cancelled=cancelled, cwd=cwd, environ=environ)
        log.write("command", argv=done.shown, exit=done.exit, seconds=round(done.seconds, 3))
        return done

    env.runner = logged


def _known(command: str, service: str, known: list[str]) -> None:
    if service not in known:
        near = difflib.get_close_matches(service, known, 1, 0.0)
        raise Failed(
            problem(
                "service-unknown",
                f"{service!r} is no service of this environment.",
                known=", ".join(known),
                command=command,
                nearest=near[0],
            )
        )


def _running(env: Env) -> None:
    if not pipeline.is_started(env):
        raise Failed(problem("nothing-runs", f"{env.manifest.name} is not running.", final=True))


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
