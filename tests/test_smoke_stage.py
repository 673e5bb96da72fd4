"""The smoke stage on scripted doors: what it reads from pytest's report, and when it runs the suite."""

import json
import string
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.clients.command import Completed
from bootstrap.core.env import Env
from bootstrap.problems.problem import ProblemsFound
from bootstrap.stages import smoke
from tests.doubles import small_env

URLS = {"shop": "http://127.0.0.1:21710"}


def case(outcome: str = "", message: str = "", text: str = "", name: str = "test_an_order_is_mailed") -> str:
    """One test in pytest's report; `outcome` is the element in it, none for a test that passed."""
    inner = f"<{outcome} message={quoteattr(message)}>{text}</{outcome}>" if outcome else ""
    return f'<testcase classname="tests.smoke.test_orders" name="{name}" time="0.25">{inner}</testcase>'


@dataclass
class Pytest:
    """The door for subprocesses: a pytest whose report has these cases; None when it writes none."""

    cases: list[str] | None = field(default_factory=lambda: [case()])
    environs: list[dict[str, str]] = field(default_factory=list)
    words: str = ""

    def __call__(self, argv: Sequence[str], *, environ: dict[str, str], **_: Any) -> Completed:
        self.environs.append(environ)
        (report,) = [Path(word.removeprefix("--junitxml=")) for word in argv if word.startswith("--junitxml=")]
        if self.cases is not None:
            report.write_text(f"<testsuites><testsuite>{''.join(self.cases)}</testsuite></testsuites>")
        return Completed(tuple(argv), 0, "", self.words, 1.0)


@pytest.fixture
def fake() -> Pytest:
    return Pytest()


@pytest.fixture
def env(tmp_path: Path, fake: Pytest) -> Env:
    env = small_env(tmp_path, runner=fake)
    (tmp_path / "tests" / "smoke").mkdir(parents=True)
    (tmp_path / "tests" / "smoke" / "test_orders.py").write_text("")
    return env


def test_suite_is_told_the_addresses_and_nothing_of_the_users_own_pytest(env: Env, fake: Pytest) -> None:
    env.environ = {"PATH": "/bin", "PYTEST_ADDOPTS": "--nonsense", "CI": "true"}
    assert smoke.run(env, URLS) == [smoke.Result("an order is mailed", "passed", 0.25)]
    (environ,) = fake.environs
    assert json.loads(environ["INV_URLS"]) == URLS
    assert environ["CI"] == "true"
    assert "PYTEST_ADDOPTS" not in environ


@pytest.mark.closes("smoke", "the suite passed", "smoke-failed")
def test_failure_is_a_sentence_and_names_the_service_to_look_at(env: Env, fake: Pytest) -> None:
    words = "tests.smoke.app.Wrong: Expected a mail; after 15 s: nothing. Look at: ./inv logs mailer"
    fake.cases = [case(), case("failure", words, "tests/smoke/test_orders.py:7: in test\nE  Wrong")]
    (problem,) = smoke.failures(smoke.run(env, URLS))
    assert problem.code == "smoke-failed"
    assert problem.summary == "an order is mailed: Expected a mail; after 15 s: nothing."
    assert "./inv logs mailer" in problem.remedy
    assert (problem.where, problem.evidence) == ("tests/smoke/test_orders.py:7", "")
    assert problem.final


def test_exception_of_any_other_kind_shows_pytests_report(env: Env, fake: Pytest) -> None:
    fake.cases = [case("failure", "KeyError: 'id'", "tests/smoke/test_orders.py:7: in test\nE  KeyError: 'id'")]
    (problem,) = smoke.failures(smoke.run(env, URLS))
    assert problem.summary == "an order is mailed: KeyError: 'id'"
    assert problem.where == "tests/smoke/test_orders.py:7"
    assert problem.evidence.endswith("E  KeyError: 'id'")


@pytest.mark.parametrize(
    ("outcome", "message", "sentence"),
    [
        ("failure", "AssertionError: assert 1 == 2\n  +1\n  -2", "assert 1 == 2"),
        ("error", 'failed on setup with "tests.smoke.app.Wrong: No answer."', "No answer."),
        ("error", "collection failure", "collection failure"),
        ("failure", "Failed: shop: it is closed", "shop: it is closed"),
        ("failure", "", "failed."),
    ],
)
def test_whatever_a_test_raises_its_first_line_is_the_sentence(
    env: Env, fake: Pytest, outcome: str, message: str, sentence: str
) -> None:
    fake.cases = [case(outcome, message)]
    (problem,) = smoke.failures(smoke.run(env, URLS))
    assert problem.summary == f"an order is mailed: {sentence}"


@given(message=st.text(string.printable.replace("\x0b", "").replace("\x0c", "")), text=st.text("ab \n<>&"))
def test_any_message_gives_one_problem(message: str, text: str) -> None:
    problems = smoke.failures([smoke.Result("it works", "failed", 0.1, f"{message}\n{text}")])
    assert len(problems) == 1
    assert "\n" not in problems[0].summary


def test_skipped_test_is_no_failure_but_only_skipped_ones_prove_nothing(env: Env, fake: Pytest) -> None:
    skipped = case("skipped", "needs chromium, which is not on this machine")
    fake.cases = [case(), skipped]
    results = smoke.run(env, URLS)
    assert smoke.failures(results) == []
    assert results[1].words == "needs chromium, which is not on this machine"
    fake.cases = [skipped]
    (problem,) = smoke.failures(smoke.run(env, URLS))
    assert problem.summary == "No smoke test ran."


@pytest.mark.parametrize("cases", [None, []])
def test_suite_that_cannot_run_is_shown_in_its_own_words(env: Env, fake: Pytest, cases: list[str] | None) -> None:
    fake.cases, fake.words = cases, "ERROR: file or directory not found: tests/smoke"
    with pytest.raises(ProblemsFound) as failed:
        smoke.run(env, URLS)
    (problem,) = failed.value.problems
    assert problem.summary == "The smoke suite cannot run."
    assert "not found: tests/smoke" in problem.evidence
    assert "-m pytest tests/smoke" in problem.evidence


@dataclass
class World:
    """Which processes run, and the stage that proves them."""

    env: Env
    fake: Pytest
    running_fingerprint: str = "shop:1"

    def __post_init__(self) -> None:
        self.stage = smoke.stage(
            (), running_fingerprint=lambda _: self.running_fingerprint, reachable_urls=lambda _: nullcontext(URLS)
        )

    def up(self) -> int:
        """Applies the stage and asks its gate, which must be open; how often the suite ran."""
        before = len(self.fake.environs)
        self.stage.apply(self.env)
        assert self.stage.check(self.env) is None
        return len(self.fake.environs) - before


@pytest.fixture
def world(env: Env, fake: Pytest) -> World:
    return World(env, fake)


def closed(world: World) -> bool:
    found = world.stage.check(world.env)
    return found is not None and found.code == "smoke-not-run"


def test_gate_is_closed_until_the_suite_passed(world: World) -> None:
    assert closed(world)
    assert world.up() == 1


def test_what_is_proven_is_not_proven_again(world: World) -> None:
    world.up()
    assert world.up() == 0


@pytest.mark.closes("smoke", "it passed against exactly what runs now", "smoke-not-run")
def test_new_process_closes_the_gate_and_is_proven(world: World) -> None:
    world.up()
    world.running_fingerprint = "shop:2"
    found = world.stage.check(world.env)
    assert found is not None
    assert (found.code, found.final) == ("smoke-not-run", True)
    assert world.up() == 1


def test_changed_suite_closes_the_gate_and_runs(world: World) -> None:
    world.up()
    (world.env.root / "tests" / "smoke" / "test_more.py").write_text("")
    assert closed(world)
    assert world.up() == 1


def test_failing_suite_proves_nothing(world: World) -> None:
    world.fake.cases = [case("failure", "AssertionError: no")]
    with pytest.raises(ProblemsFound, match="an order is mailed: no"):
        world.stage.apply(world.env)
    assert closed(world)


def test_failing_verify_takes_the_proof_back(world: World) -> None:
    world.up()
    world.fake.cases = [case("failure", "AssertionError: no")]
    smoke.prove(world.env, world.running_fingerprint, URLS)
    assert closed(world)
    world.fake.cases = [case()]
    assert world.up() == 1


def test_passing_verify_is_a_proof(world: World) -> None:
    smoke.prove(world.env, world.running_fingerprint, URLS)
    assert not closed(world)
    assert world.up() == 0


def test_process_that_changes_while_the_suite_runs_is_not_proven(env: Env) -> None:
    world = World(env, Pytest())

    def runner(argv: Sequence[str], **reachable_urls: Any) -> Completed:
        world.running_fingerprint = "shop:2"
        return world.fake(argv, **reachable_urls)

    env.runner = runner
    world.stage.apply(env)
    assert closed(world)
