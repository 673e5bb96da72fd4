"""The `local` place: processes of this machine, on loopback; see `bootstrap.targets.target.Place`."""

import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any

from bootstrap.broker import choice
from bootstrap.core.env import Env
from bootstrap.local import layout
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound

PARTS: tuple[str, ...] = ("broker",)
LOG_POLL_S = 0.1  # seconds between looks at a log


def is_started(env: Env) -> bool:
    container = choice.facts(env)
    return bool(env.processes.names() or (container and container["running"]))


def at_rest(env: Env) -> Problem | None:  # noqa: ARG001 - processes run, or they do not
    return None


def may_hold(env: Env) -> bool:  # noqa: ARG001 - processes are found by their marker, whatever was deleted
    return True


def running_fingerprint(env: Env) -> str:
    running = [f"{name}:{started(env, name)}" for name in env.processes.names() if env.processes.find(name)]
    if container := choice.facts(env):
        running.append(f"broker:{container['container']}:{container['started']}")
    return " ".join(running)


def started(env: Env, service: str) -> str:
    process = env.processes.find(service)
    return f"{process.pid}:{process.create_time()}" if process else ""


def versions(env: Env) -> dict[str, str]:
    return {name: layout.version(env, name) for name in env.manifest.services}


def urls(env: Env) -> dict[str, str]:
    return {name: layout.url(env, name) for name in env.manifest.services}


def reachable_urls(env: Env) -> AbstractContextManager[dict[str, str]]:
    return nullcontext(urls(env))


def before(env: Env, broker: str) -> None:
    choice.choose(env, broker, env.notify)


def down(env: Env, purge: bool) -> list[str]:
    names = env.processes.names()
    ended = env.processes.stop([name for name in names if name in env.manifest.services])
    ended += env.processes.stop([name for name in names if name.endswith(".sidecar")])
    ended += env.processes.stop([name for name in env.processes.names() if name not in ended])
    strays = env.processes.stop_strays()
    env.processes.forget()
    said = []
    if ended or strays:
        stay = "logs stay" if purge else "data and logs stay"
        said.append(f"ended {len(ended) + strays} processes; {stay} in {env.state.name}/")
    container = choice.BROKERS[env.local_broker].stop(env)
    if purge:
        said += _delete(env)
    elif container:
        said.append(f"stopped the container {container}; its topics stay in the volume of the same name")
    return said


def _delete(env: Env) -> list[str]:
    import shutil

    said = [f"deleted {text}" for text in data(env)]
    shutil.rmtree(env.local / "data", ignore_errors=True)
    choice.BROKERS[env.local_broker].purge(env)
    return said


def data(env: Env) -> list[str]:
    files = sorted(path.name for path in (env.local / "data").glob("*") if path.is_file())
    said = [f"the databases in {env.state.name}/local/data: {', '.join(files)}"] if files else []
    return [*said, *choice.BROKERS[env.local_broker].data(env)]


def logs(env: Env, name: str, *, sidecar: bool, previous: bool, follow: bool) -> Iterator[str]:
    process = f"{name}.sidecar" if sidecar else name
    if previous:
        path = env.processes.log(process).relative_to(env.root)
        raise ProblemsFound(problem("logs-previous", f"{process} is a process of this machine, in no pod.", path=path))
    if process == "broker" and choice.in_container(env):
        yield from choice.lines(env, follow)
        return
    path = env.processes.log(process)
    if not path.exists():
        raise ProblemsFound(problem("nothing-runs", f"{process} has printed nothing on this checkout yet."))
    printed = path.stat().st_size
    yield env.processes.tail(process, 200)
    if follow:
        yield from appended(path, printed)


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
                time.sleep(LOG_POLL_S)
        time.sleep(LOG_POLL_S)


def facts(env: Env) -> dict[str, Any]:
    """Each service with its URL, version, pid and age in seconds; each process.

    A broker in a container has the container's id instead of a pid.
    """
    where, wanted, now = urls(env), versions(env), time.time()
    processes: dict[str, dict[str, Any]] = {}
    for name in env.processes.names():
        process = env.processes.find(name)
        processes[name] = {
            "running": process is not None,
            "pid": process.pid if process else None,
            "age_seconds": round(now - process.create_time()) if process else None,
        }
    if container := choice.facts(env):
        age = round(now - container["started"]) if container["started"] else None
        processes["broker"] = {**container, "age_seconds": age}
    return {
        "services": {
            n: {"url": where[n], "version": wanted[n], **processes.get(n, {"running": False})}
            for n in env.manifest.services
        },
        "processes": processes,
    }


def rows(document: dict[str, Any]) -> list[tuple[str, ...]]:
    gates, processes = document["gates"], document["processes"]
    found: list[tuple[str, ...]] = []
    for name in gates:
        process, sidecar = processes.get(name, {}), processes.get(f"{name}.sidecar")
        found.append(
            (
                "✔" if gates[name] is None else "✘",
                name,
                _which(process),
                age(process.get("age_seconds")),
                {None: "", True: "+ sidecar", False: "sidecar down"}[sidecar and sidecar["running"]],
                document["services"].get(name, {}).get("url", ""),
            )
        )
    return found


def _which(process: dict[str, Any]) -> str:
    if process.get("container"):
        return f"container {process['container']}"
    return f"pid {process['pid']}" if process.get("pid") else ""


def age(seconds: int | None) -> str:
    """A duration for people, in its largest whole unit."""
    if seconds is None:
        return ""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
