"""smoke: the suite in tests/smoke, run against what runs now. The same suite for every place."""

import json
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass

from bootstrap import content
from bootstrap.catalogue import problem
from bootstrap.env import Env
from bootstrap.problem import Failed, Problem
from bootstrap.stage import Stage

TIMEOUT = 180.0  # seconds for the whole suite


@dataclass(frozen=True)
class Result:
    """One smoke test: `outcome` is "passed", "failed" or "skipped"; `seconds` its duration; `words` why."""

    name: str
    outcome: str
    seconds: float
    words: str = ""


def run(env: Env, urls: dict[str, str]) -> list[Result]:
    """Runs the suite as pytest in a process of its own, against the base URLs of the services.

    Raises `Failed` (`smoke-failed`) when the suite itself cannot run.
    """
    report = env.state / "smoke.xml"
    report.unlink(missing_ok=True)
    done = env.run(
        [
            *(sys.executable, "-m", "pytest", "tests/smoke", "-q", "-p", "no:cacheprovider", "--no-header"),
            *("--import-mode=importlib", f"--junitxml={report}", "-o", "junit_logging=no"),
        ],
        timeout=TIMEOUT,
        environ={**env.environ, "INV_URLS": json.dumps(urls), "NO_PROXY": "127.0.0.1,localhost"},
    )
    if not report.exists():
        raise Failed(
            problem(
                "smoke-failed",
                "The smoke suite cannot run.",
                evidence=f"$ {done.shown}\n{done.words}",
                name="SERVICE",
            )
        )
    tests = ElementTree.parse(report)  # noqa: S314 - our own pytest wrote it
    return [_result(case) for case in tests.getroot().iter("testcase")]


def _result(case: ElementTree.Element) -> Result:
    name = case.get("name", "").removeprefix("test_").replace("_", " ")
    for outcome in ("failure", "error", "skipped"):
        found = case.find(outcome)
        if found is not None:
            words = "\n".join(part for part in (found.get("message", ""), found.text or "") if part)
            kind = "skipped" if outcome == "skipped" else "failed"
            return Result(name, kind, float(case.get("time", 0)), words)
    return Result(name, "passed", float(case.get("time", 0)))


def failures(results: list[Result]) -> list[Problem]:
    """A problem for each test that failed; one when no test ran at all."""
    if not any(result.outcome == "passed" for result in results) and not any(r.outcome == "failed" for r in results):
        return [problem("smoke-failed", "No smoke test ran.", name="SERVICE", final=True)]
    return [
        problem("smoke-failed", f"{r.name}: failed.", evidence=r.words[-3000:], name="SERVICE", final=True)
        for r in results
        if r.outcome == "failed"
    ]


def stage(needs: tuple[str, ...], generation: Callable[[Env], str], urls: Callable[[Env], dict[str, str]]) -> Stage:
    """The gate: the suite passed against exactly the processes that run now (`generation`).

    `apply` runs the suite when what runs has changed since it last passed.
    """

    def now(env: Env) -> str:
        return f"{generation(env)} {content.digest([env.root / 'tests' / 'smoke'])}"

    def apply(env: Env) -> None:
        proof = env.state / "smoke.proof"
        current = now(env)
        if proof.exists() and proof.read_text() == current:
            return
        found = failures(run(env, urls(env)))
        if found:
            raise Failed(found)
        proof.write_text(current)

    def check(env: Env) -> Problem | None:
        proof = env.state / "smoke.proof"
        if proof.exists() and proof.read_text() == now(env):
            return None
        return problem("smoke-not-run", "What runs now is not proven by the smoke tests.", final=True)

    return Stage("smoke", needs, apply, check, waits_for="the smoke tests", timeout=5, apply_timeout=TIMEOUT + 30)
