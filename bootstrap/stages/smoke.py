"""smoke: the suite in tests/smoke, run against what runs now. The same suite for every place."""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path

from bootstrap.core import hashing
from bootstrap.core.env import Env
from bootstrap.core.stage import Stage
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound

SUITE_TIMEOUT_S = 180.0  # seconds for the whole suite
EVIDENCE_CHARS = 3000  # characters

Doors = Callable[[Env], AbstractContextManager[dict[str, str]]]
"""A base URL of every service, reachable while the context lasts."""

# How a failure names the service to look at.
LOOK_AT = re.compile(r" *Look at: \./inv logs ([\w.-]+)")
# Where a test failed, in pytest's short report.
WHERE = re.compile(r"^(tests/\S+:\d+): in ", re.MULTILINE)


@dataclass(frozen=True)
class Result:
    """One smoke test: `outcome` is "passed", "failed" or "skipped"; `seconds` its duration.

    `words` say why it failed or was skipped: a sentence on the first line, then pytest's own report.
    """

    name: str
    outcome: str
    seconds: float
    words: str = ""


def run(env: Env, urls: dict[str, str]) -> list[Result]:
    """Runs the suite as pytest in a process of its own, against the base URLs of the services.

    Raises `ProblemsFound` (`smoke-failed`) when the suite itself cannot run.
    """
    with env.scratch() as scratch:
        report = scratch / "report.xml"
        done = env.run(
            [
                *(sys.executable, "-m", "pytest", "tests/smoke", "-q", "-p", "no:cacheprovider", "--no-header"),
                *("--tb=short", "--import-mode=importlib", f"--junitxml={report}", "-o", "junit_logging=no"),
            ],
            timeout=SUITE_TIMEOUT_S,
            environ=_environ(env, urls),
        )
        results = _results(report)
    if not results:
        words, summary = f"$ {done.shown}\n{done.words}", "The smoke suite cannot run."
        raise ProblemsFound(problem("smoke-failed", summary, evidence=words, look="diagnose", final=True))
    return results


def prove(env: Env, running_fingerprint: str, urls: dict[str, str]) -> list[Result]:
    """Runs the suite, and keeps or takes back the proof for what ran when it began (`running_fingerprint`)."""
    # Made before the suite runs: a process that is replaced meanwhile is not proven.
    proof = _signature(env, running_fingerprint)
    results = run(env, urls)
    if failures(results):
        _proof(env).unlink(missing_ok=True)
    else:
        _proof(env).write_text(proof)
    return results


def _environ(env: Env, urls: dict[str, str]) -> dict[str, str]:
    # The user's own settings of pytest are for their tests; plugins that the suite does not use cost it a second.
    own = {name: value for name, value in env.environ.items() if not name.startswith("PYTEST_")}
    return own | {
        "INV_URLS": json.dumps(urls),
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",  # it counts before the other one
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }


def _results(report: Path) -> list[Result]:
    """What the JUnit report of pytest says; nothing when there is none."""
    try:
        tests = ElementTree.parse(report)  # noqa: S314 - our own pytest wrote it
    except (FileNotFoundError, ElementTree.ParseError):
        return []
    return [_result(case) for case in tests.getroot().iter("testcase")]


def _result(case: ElementTree.Element) -> Result:
    name = case.get("name", "").removeprefix("test_").replace("_", " ")
    seconds = float(case.get("time", 0))
    for outcome in ("failure", "error", "skipped"):
        found = case.find(outcome)
        if found is not None:
            words = f"{_sentence(found.get('message', ''))}\n{found.text or ''}".strip()
            return Result(name, "skipped" if outcome == "skipped" else "failed", seconds, words)
    return Result(name, "passed", seconds)


def _sentence(message: str) -> str:
    """The first line of what was raised; without the exception's class where that says nothing."""
    setup = re.match(r'failed on \w+ with "(.*)"$', message, re.DOTALL)
    first = (setup[1] if setup else message).strip().partition("\n")[0]
    return re.sub(r"^(AssertionError|Failed|tests\.[\w.]+): ", "", first)


def failures(results: list[Result]) -> list[Problem]:
    """A problem for each test that failed; one when no test ran at all."""
    ran = [result for result in results if result.outcome != "skipped"]
    if not ran:
        return [problem("smoke-failed", "No smoke test ran.", look="diagnose", final=True)]
    return [_problem(result) for result in ran if result.outcome == "failed"]


def _problem(result: Result) -> Problem:
    sentence, _, rest = result.words.partition("\n")
    service, where = LOOK_AT.search(sentence), WHERE.search(rest)
    return problem(
        "smoke-failed",
        f"{result.name}: {LOOK_AT.sub('', sentence) or 'failed.'}",
        # A sentence that names the service says it all; any other exception needs pytest's report.
        evidence="" if service else rest.strip()[-EVIDENCE_CHARS:],
        where=where[1] if where else "",
        look=f"logs {service[1]}" if service else "diagnose",
        final=True,
    )


def _proof(env: Env) -> Path:
    return env.state / "smoke.proof"


def proven(env: Env) -> str:
    """What ran when the suite last passed; "" when that is not known."""
    with suppress(OSError):
        return _proof(env).read_text()
    return ""


def _signature(env: Env, running_fingerprint: str) -> str:
    return f"{running_fingerprint} {hashing.digest([env.root / 'tests' / 'smoke'])}"


def stage(needs: tuple[str, ...], running_fingerprint: Callable[[Env], str], reachable_urls: Doors) -> Stage:
    """The gate: the suite passed against exactly what runs now (`running_fingerprint`).

    `apply` runs the suite, through `reachable_urls`, when what runs has changed since it last passed.
    """

    def is_proven(env: Env) -> bool:
        return proven(env) == _signature(env, running_fingerprint(env))

    def apply(env: Env) -> None:
        if not is_proven(env):
            with reachable_urls(env) as urls:
                found = failures(prove(env, running_fingerprint(env), urls))
            if found:
                raise ProblemsFound(found)

    def check(env: Env) -> Problem | None:
        if is_proven(env):
            return None
        return problem("smoke-not-run", "What runs now is not proven by the smoke tests.", final=True)

    return Stage(
        "smoke", needs, apply, check, waits_for="the smoke tests", timeout=5, apply_timeout=SUITE_TIMEOUT_S + 30
    )
