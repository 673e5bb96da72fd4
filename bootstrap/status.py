"""What runs now, asked of every gate at once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

from bootstrap import pipeline, places
from bootstrap.env import Env
from bootstrap.problem import Failed, Problem
from bootstrap.report import report_for


def look(env: Env) -> dict[str, Any]:
    """The environment as a plain document: each gate with its problem, and what the place knows of what runs."""
    stages = pipeline.stages(env)

    def ask(index: int) -> Problem | None:
        try:
            return stages[index].check(env)
        except Failed as failed:
            return failed.problems[0]

    with ThreadPoolExecutor(len(stages) + 1) as pool:
        facts = pool.submit(places.of(env).facts, env)
        gates = list(pool.map(ask, range(len(stages))))
    return {
        "name": env.manifest.name,
        "on": env.place,
        "green": not any(gates),
        "gates": {s.name: asdict(p) if p else None for s, p in zip(stages, gates, strict=True)},
        **facts.result(),
    }


def status(env: Env, as_json: bool) -> int:
    """Prints what runs; 0 when every gate is green, 1 when one is closed or nothing runs.

    Of gates that are closed behind others the names alone are printed.
    """
    from bootstrap import diagnose

    report = report_for()
    if not env.place or not places.of(env).is_started(env):
        nothing: dict[str, Any] = {"gates": {}, "services": {}}
        document = {"name": env.manifest.name, "on": None, "green": False, **nothing}
        if as_json:
            report.json(document)
        else:
            report.line(f"  {env.manifest.name} is not running.\n    ./inv up")
        return 1
    document = look(env)
    if as_json:
        report.json(document)
        return 0 if document["green"] else 1
    report.line(f"  {document['name']} on {document['on']}\n")
    report.table(places.of(env).rows(document))
    for text in document.get("notes", ()):
        report.line(f"\n  {text}")
    gates = {name: Problem(**gate) if gate else None for name, gate in document["gates"].items()}
    found = diagnose.sort(pipeline.stages(env), {}, gates)
    report.problems(found.causes)
    if found.follows:
        report.line(f"\n  closed behind that: {', '.join(one.stage for one in found.follows)}")
    return 0 if document["green"] else 1
