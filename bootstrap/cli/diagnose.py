"""`inv diagnose`: everything that is wrong with what runs, what the rest follows from first. Changes nothing."""

from dataclasses import asdict, replace
from typing import Any

from bootstrap.cli import bundle
from bootstrap.cli.diagnosis import Diagnosis, look
from bootstrap.cli.report import Report, report_for
from bootstrap.core.env import Env
from bootstrap.problems.catalogue import is_unknown
from bootstrap.problems.problem import after


def diagnose(env: Env, as_json: bool = False, with_bundle: bool = False) -> int:
    """Prints what is wrong; 0 when nothing is. `with_bundle` also writes what to attach to a report."""
    report, found = report_for(), _after(look(env))
    problems = [one.problem for one in found.findings]
    path = bundle.write(env, problems) if with_bundle else None
    if as_json:
        report.json(_document(env, found, str(path.relative_to(env.root)) if path else None))
        return 1 if problems else 0
    _print(report, env, found)
    if path:
        report.line(f"\n  to attach to a report: {path.relative_to(env.root)} (secrets are removed; look first)")
    elif any(is_unknown(one.code) for one in problems):
        report.line("\n  Not all of that is known here. To report it, attach what this writes:")
        report.line("    ./inv diagnose --bundle")
    return 1 if problems else 0


def _after(found: Diagnosis) -> Diagnosis:
    return replace(
        found, findings=tuple(replace(one, problem=after(one.problem, "diagnose")) for one in found.findings)
    )


def _print(report: Report, env: Env, found: Diagnosis) -> None:
    wrong, follows = len(found.causes), len(found.follows)
    place = f" on {env.place}" if env.place else ""
    if not found.findings:
        report.line(f"  {env.manifest.name}{place}: nothing is wrong")
    else:
        then = f", {follows} more follow from that" if follows else ""
        things = "1 thing is wrong" if wrong == 1 else f"{wrong} things are wrong"
        report.line(f"  {env.manifest.name}{place}: {things}{then}")
    report.problems(found.causes)
    if follows:
        report.line("\n  ─ what follows from that")
        rows = [(one.stage, one.problem.summary, f"[{one.problem.code}]") for one in found.follows]
        report.table([("  " + name, *rest) for name, *rest in rows])
    if found.healthy or found.pods:
        pods = (f"{found.pods} pods",) if found.pods else ()
        report.line(f"\n  ✔ {', '.join((*found.healthy, *pods))}")


def _document(env: Env, found: Diagnosis, path: str | None) -> dict[str, Any]:
    return {
        "name": env.manifest.name,
        "on": env.place or None,
        "wrong": [{"stage": one.stage or None, "after": one.after, **asdict(one.problem)} for one in found.findings],
        "healthy": found.healthy,
        "healthy_pods": found.pods,
        "bundle": path,
    }
