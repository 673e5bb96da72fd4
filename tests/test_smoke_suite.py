"""The smoke suite itself: against an app that is right, and against one that is wrong in one way at a time."""

import os
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bootstrap.clients import command
from bootstrap.clients.command import Completed
from bootstrap.core.env import Env
from bootstrap.manifest import load
from bootstrap.stages import smoke
from tests.fake_app import FakeApp, serving
from tests.waits import until

ROOT = Path(__file__).parents[1]
HISTORY = {"a created task shows in its history", "a deleted task ends in its history"}
BROWSER = "the page works in a browser"

WRONG = {
    "no history": (
        HISTORY,
        "audit-service",
        "Expected the history of a new task to be its creation; after 1.5 s: nothing.",
    ),
    "two notifications": (
        {"a due reminder becomes exactly one notification"},
        "notification-service",
        "Expected a notification for a due reminder, exactly one; there are 2: ",
    ),
    "no next occurrence": (
        {"completing a recurring task makes the next one"},
        "recurring-task-service",
        "Expected a next occurrence of a completed daily task, exactly one; after 1.5 s: nothing.",
    ),
    "silent socket": (
        {"a socket hears of a created task within two seconds"},
        "websocket-service",
        "Expected the page's socket to hear of a created task; for 1.5 s it was silent.",
    ),
    "slow socket": (
        {"a socket hears of a created task within two seconds"},
        "websocket-service",
        "Expected the page's socket to hear of a task within 2 s; it was after 2.",
    ),
    "no problem details": (
        {"a wrong input gets problem details"},
        "backend-api",
        "Expected a task with due_at 'tomorrow' to be refused with 422 and application/problem+json, not 201",
    ),
    "script missing": (
        {"the page and its scripts are served"},
        "frontend",
        "Expected the page's file /list.js to be served, not 404.",
    ),
}


def suite(only: str, deadline: float, **environ: str) -> Env:
    """An environment in which the suite runs with pytest's selection `only` and a deadline in seconds."""

    def runner(argv: Sequence[str], **reachable_urls: Any) -> Completed:
        return command.run([*argv, "-k", only], **reachable_urls)

    own = {**os.environ, "INV_SMOKE_DEADLINE": str(deadline), **environ}
    return Env(manifest=load(ROOT / "environment.toml"), environ=own, runner=runner)


def verify(fake: FakeApp, only: str, deadline: float = 1.5, **environ: str) -> list[smoke.Result]:
    """The suite as `inv verify` runs it."""
    return smoke.run(suite(only, deadline, **environ), fake.urls)


@pytest.mark.parametrize("wrong", WRONG)
def test_exactly_the_test_of_what_is_wrong_fails_and_says_so(wrong: str) -> None:
    names, service, words = WRONG[wrong]
    with serving(wrong) as fake:
        results = verify(fake, "not browser", deadline=4 if wrong == "slow socket" else 1.5)
        assert fake.tasks == {}, "the suite left tasks behind"
    problems = smoke.failures(results)
    assert {result.name for result in results if result.outcome != "passed"} == names
    assert words in problems[0].summary
    assert f"./inv logs {service}" in problems[0].remedy
    assert problems[0].where.startswith("tests/smoke/test_")


def test_backend_that_refuses_everything_is_named_in_each_failure() -> None:
    with serving("no answer") as fake:
        problems = smoke.failures(verify(fake, "history or notification"))
    assert len(problems) == 3
    for problem in problems:
        assert "backend-api answers POST /tasks with 503, not 201: the database is away" in problem.summary


def test_service_that_is_away_is_named_without_waiting_for_it() -> None:
    with serving() as gone:
        pass
    with serving("no history") as fake:
        urls = fake.urls | {"audit-service": gone.base}
        (problem,) = smoke.failures(smoke.run(suite("created and history", deadline=60), urls))
    assert f"audit-service gives no answer to GET {gone.base}/healthz" in problem.summary


def test_tasks_that_an_earlier_run_left_behind_are_deleted_and_no_others() -> None:
    before = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    with serving() as fake:
        titles = [f"smoke {uuid.uuid4()}", f"smoke {uuid.uuid4()}", "smoke detectors: change the batteries"]
        old, new, own = (fake.add({"title": title}) for title in titles)
        old["created_at"] = own["created_at"] = before
        assert smoke.failures(verify(fake, "created and history")) == []
        assert set(fake.tasks) == {new["id"], own["id"]}


def test_app_that_is_away_is_named_at_once() -> None:
    with serving() as fake:
        pass
    problem, *_ = smoke.failures(verify(fake, "created and history", deadline=60))
    assert f"backend-api gives no answer to POST {fake.base}/tasks" in problem.summary


@pytest.mark.real("chromium")
def test_app_that_is_right_passes_in_a_browser_too() -> None:
    with serving() as fake:
        results = verify(fake, "test", deadline=15)
        assert fake.tasks == {}, "the suite left tasks behind"
    assert [result for result in results if result.outcome != "passed"] == []
    assert BROWSER in {result.name for result in results}


@pytest.mark.real("chromium")
def test_page_with_an_error_in_its_console_fails_in_a_browser() -> None:
    with serving("noisy page") as fake:
        (result,) = verify(fake, "browser", deadline=15)
    assert "Expected no errors in the browser's console, not ['Oh no'" in result.words


def test_without_a_browser_only_its_part_is_left_out_unless_in_ci() -> None:
    with serving() as fake:
        here = verify(fake, "page", CHROMIUM="/nowhere/chromium", CI="")
        in_ci = verify(fake, "page", CHROMIUM="/nowhere/chromium", CI="true")
    assert {r.name for r in here if r.outcome == "passed"} == {r.name for r in in_ci if r.outcome == "passed"}
    assert [(r.name, r.outcome) for r in here if r.outcome != "passed"] == [(BROWSER, "skipped")]
    assert "needs chromium, which is not on this machine" in here[-1].words
    assert [(r.name, r.outcome) for r in in_ci if r.outcome != "passed"] == [(BROWSER, "failed")]
    assert in_ci[-1].words.startswith("This test needs chromium")


def test_suite_that_is_told_to_end_deletes_its_tasks() -> None:
    env = suite("history or recurring", deadline=60)
    with serving("no history") as fake, ThreadPoolExecutor() as threads:
        run = threads.submit(smoke.run, env, fake.urls)
        until(lambda: fake.tasks or run.done())
        assert fake.tasks
        env.cancelled.set()
        with pytest.raises(command.Cancelled):
            run.result()
        assert fake.tasks == {}
