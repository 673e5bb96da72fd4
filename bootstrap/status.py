"""What runs now, asked of every gate at once."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

from bootstrap import pipeline
from bootstrap.env import Env
from bootstrap.local import brokers
from bootstrap.problem import Failed, Problem
from bootstrap.report import report_for


def look(env: Env) -> dict[str, Any]:
    """The environment as a plain document: each gate with its problem, each process with pid and age in seconds.

    A broker in a container has the container's id instead of a pid.
    """
    stages = pipeline.stages(env)

    def ask(index: int) -> Problem | None:
        try:
            return stages[index].check(env)
        except Failed as failed:
            return failed.problems[0]

    with ThreadPoolExecutor(len(stages)) as pool:
        gates = list(pool.map(ask, range(len(stages))))
    urls, versions, now = pipeline.urls(env), pipeline.versions(env), time.time()
    processes: dict[str, dict[str, Any]] = {}
    for name in env.processes.names():
        process = env.processes.find(name)
        processes[name] = {
            "running": process is not None,
            "pid": process.pid if process else None,
            "age_seconds": round(now - process.create_time()) if process else None,
        }
    if container := brokers.facts(env):
        age = round(now - container["started"]) if container["started"] else None
        processes["broker"] = {**container, "age_seconds": age}
    return {
        "name": env.manifest.name,
        "on": env.place,
        "green": not any(gates),
        "gates": {s.name: asdict(p) if p else None for s, p in zip(stages, gates, strict=True)},
        "services": {
            n: {"url": urls[n], "version": versions[n], **processes.get(n, {"running": False})}
            for n in env.manifest.services
        },
        "processes": processes,
    }


def status(env: Env, as_json: bool) -> int:
    """Prints what runs; 0 when every gate is green, 1 when one is closed or nothing runs."""
    report = report_for()
    if not pipeline.is_started(env):
        document: dict[str, Any] = {
            "name": env.manifest.name,
            "on": None,
            "green": False,
            "gates": {},
            "services": {},
            "processes": {},
        }
        if as_json:
            report.json(document)
        else:
            report.line(f"  {env.manifest.name} is not running.\n    ./inv up --on local")
        return 1
    document = look(env)
    if as_json:
        report.json(document)
        return 0 if document["green"] else 1
    gates, processes = document["gates"], document["processes"]
    report.line(f"  {document['name']} on {document['on']}\n")
    rows = []
    for name in gates:
        process = processes.get(name, {})
        sidecar = processes.get(f"{name}.sidecar")
        rows.append(
            (
                "✔" if gates[name] is None else "✘",
                name,
                _which(process),
                _age(process.get("age_seconds")),
                {None: "", True: "+ sidecar", False: "sidecar down"}[sidecar and sidecar["running"]],
                document["services"].get(name, {}).get("url", ""),
            )
        )
    report.table(rows)
    report.problems([Problem(**gate) for gate in gates.values() if gate])
    return 0 if document["green"] else 1


def _which(process: dict[str, Any]) -> str:
    if process.get("container"):
        return f"container {process['container']}"
    return f"pid {process['pid']}" if process.get("pid") else ""


def _age(seconds: int | None) -> str:
    if seconds is None:
        return ""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
