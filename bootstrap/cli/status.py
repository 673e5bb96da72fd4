"""What runs now, asked of every gate at once."""

from dataclasses import asdict
from typing import Any

from bootstrap import pipeline
from bootstrap.cli import remedies
from bootstrap.cli.diagnosis import GATES_TIMEOUT_S, gates, sort
from bootstrap.cli.report import report_for
from bootstrap.core.env import Env
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound, after
from bootstrap.targets import target


def look(env: Env, seconds: float = GATES_TIMEOUT_S) -> dict[str, Any]:
    """The environment as a plain document: each gate with its problem, and what the place knows of what runs.

    A gate that gives no answer within `seconds` is closed. Raises `ProblemsFound` where the place itself cannot be
    read.
    """
    what = "what runs"
    told, others = gates(env, pipeline.stages(env), seconds, {what: lambda: target.of(env).facts(env)})
    facts = others[what]
    if isinstance(facts, TimeoutError):
        raise ProblemsFound(
            problem("stage-hung", f"The place {env.place} did not tell what runs within {seconds:.0f} s.")
        )
    if isinstance(facts, Exception):
        raise facts
    told = {name: one and remedies.pasteable(env, (one,))[0] for name, one in told.items()}
    return {
        "name": env.manifest.name,
        "on": env.place,
        "green": not any(told.values()),
        "gates": {name: asdict(after(p, "status")) if p else None for name, p in told.items()},
        **facts,
    }


def status(env: Env, as_json: bool) -> int:
    """Prints what runs; 0 when every gate is green, 1 when one is closed or nothing runs.

    Of gates that are closed behind others the names alone are printed.
    """
    report = report_for()
    if not target.is_started(env):
        nothing: dict[str, Any] = {"gates": {}, "services": {}}
        document = {"name": env.manifest.name, "on": None, "green": False, **nothing}
        if as_json:
            report.json(document)
        else:
            report.line(f"  {env.manifest.name} is not running.\n    ./inv up")
        return 1
    if rests := target.of(env).at_rest(env):
        # Every gate would wait for an API that does not answer.
        rests = after(rests, "status")
        document = {"name": env.manifest.name, "on": env.place, "green": False, **_closed(rests)}
        if as_json:
            report.json(document)
        else:
            report.problems([rests])
        return 1
    document = look(env)
    if as_json:
        report.json(document)
        return 0 if document["green"] else 1
    report.line(f"  {document['name']} on {document['on']}\n")
    report.table(target.of(env).rows(document))
    for text in document.get("notes", ()):
        report.line(f"\n  {text}")
    told = {name: Problem(**gate) if gate else None for name, gate in document["gates"].items()}
    found = sort(pipeline.stages(env), {}, told)
    report.problems(found.causes)
    if found.follows:
        report.line(f"\n  closed behind that: {', '.join(one.stage for one in found.follows)}")
    return 0 if document["green"] else 1


def _closed(rests: Problem) -> dict[str, Any]:
    return {"gates": {"cluster": asdict(rests)}, "services": {}, "notes": []}
