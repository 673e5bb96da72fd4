"""The runner on simulated time."""

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bootstrap.core.env import Env
from bootstrap.core.runner import (
    CANCEL_GRACE_S,
    FIRST_POLL,
    MIN_CHECK_TIMEOUT_S,
    MOVED_POLL,
    SLOWEST_POLL,
    Event,
    Runner,
    Threads,
)
from bootstrap.core.stage import Stage, closure
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound
from tests.doubles import Simulated, small_env
from tests.runner_world import CLOSED, ENV, FINAL, World, always


def test_independent_stages_overlap_and_needs_are_respected() -> None:
    world = World()
    world.stage("a", takes=3)
    world.stage("b", takes=5)
    world.stage("c", "a", takes=1)
    world.stage("d", "a", "b", "c", takes=1)
    assert world.run() == ()
    assert (world.at("a", "applying"), world.at("b", "applying")) == ([0.0], [0.0])
    assert world.at("c", "applying") == [3.0]
    assert world.at("d", "applying") == [5.0]
    assert world.at("d", "green") == [6.0]


def test_the_order_of_the_list_does_not_matter() -> None:
    world = World()
    world.stage("last", "first")
    world.stage("first")
    assert world.run() == ()
    assert world.applied == ["first", "last"]


def test_a_stage_starts_only_when_the_gate_before_it_is_green() -> None:
    world = World()
    world.stage("a", takes=1, gate=[CLOSED] * 10)
    world.stage("b", "a")
    assert world.run() == ()
    assert world.at("b", "applying") == world.at("a", "green")
    assert world.at("a", "green")[0] > 1.0


def test_polls_grow_to_the_slowest() -> None:
    world = World()
    world.stage("a", takes=0, gate=[CLOSED] * 20, timeout=60)
    assert world.run() == ()
    times = [at for _, at in world.looks]
    pauses = [after - before for before, after in itertools.pairwise(times)]
    assert pauses[0] == pytest.approx(FIRST_POLL)
    assert pauses == sorted(pauses)
    assert pauses[-1] == pytest.approx(SLOWEST_POLL)


def test_polls_are_quick_again_when_something_else_is_waited_for() -> None:
    world = World()
    other = replace(CLOSED, summary="the other half is not there")
    world.stage("a", takes=0, gate=[*[CLOSED] * 20, *[other] * 2], timeout=60)
    assert world.run() == ()
    times = [at for _, at in world.looks]
    assert times[-2] - times[-3] == pytest.approx(MOVED_POLL)
    assert times[-1] - times[-2] > MOVED_POLL


def test_a_final_problem_stops_at_once() -> None:
    world = World()
    world.stage("a", takes=1, gate=[FINAL])
    world.stage("b", takes=2)
    world.stage("c", "b")
    assert world.run() == (FINAL,)
    assert world.at("a", "failed") == [1.0]
    assert world.phases == {"a": "failed", "b": "cancelled", "c": "cancelled"}
    assert world.applied == ["a", "b"]


def test_a_problem_that_becomes_final_while_waiting_stops() -> None:
    world = World()
    world.stage("a", takes=0, gate=[CLOSED, CLOSED, FINAL])
    assert world.run() == (FINAL,)


@pytest.mark.parametrize("look", [0.0, 0.01, 0.3, 2.0])
def test_a_deadline_gives_the_last_problem_and_what_was_waited_for(look: float) -> None:
    world = World()
    world.stage("a", takes=1, gate=always(CLOSED), look=look, timeout=7)
    (found,) = world.run()
    assert found.code == CLOSED.code
    assert found.summary == "Topic a does not exist. (after waiting 7 s for a to be there)"
    assert found.remedy == CLOSED.remedy
    assert 8.0 <= world.at("a", "failed")[0] <= 8.0 + look


def test_the_gate_is_looked_at_once_more_at_the_deadline() -> None:
    world = World()
    world.stage("a", takes=0, gate=always(CLOSED), timeout=8.4)
    world.run()
    assert world.looks[-1][1] == pytest.approx(8.4)


def test_a_hung_apply_is_named_and_its_limit_told() -> None:
    world = World()
    world.stage("a", takes=math.inf, apply_timeout=50)
    (found,) = world.run()
    assert found.code == "stage-hung"
    assert found.summary == "The work of stage a gave no answer within 50 s."
    assert world.at("a", "failed") == [50.0]


def test_a_hung_gate_is_named_with_what_it_said_before() -> None:
    world = World()
    world.stage("a", takes=1)
    checks = iter([0.0, math.inf])

    def check(_: Env) -> Problem | None:
        world.sim.spend(next(checks))
        return CLOSED

    world.stages[0] = Stage("a", (), world.stages[0].apply, check, "a", timeout=7)
    (found,) = world.run()
    assert found.code == "stage-hung"
    assert found.summary == "The gate of stage a gave no answer within 10 s."
    assert found.evidence == CLOSED.summary
    assert world.at("a", "failed") == [pytest.approx(1 + FIRST_POLL + MIN_CHECK_TIMEOUT_S)]


def test_a_known_failure_of_apply_carries_every_problem() -> None:
    both = (problem("topic-missing", "one"), problem("topic-refused", "two"))
    world = World()
    world.stage("a", takes=2, raises=ProblemsFound(both))
    world.stage("b", "a")
    assert world.run() == both
    assert [event.problems for event in world.events if event.phase == "failed"] == [both]
    assert world.phases == {"a": "failed", "b": "cancelled"}


def test_a_known_failure_of_a_gate_counts_like_a_final_problem() -> None:
    def check(_: Env) -> Problem | None:
        raise ProblemsFound(FINAL)

    runner = Runner((Stage("a", (), lambda _: None, check, "a"),), ENV, lambda _: None, Simulated())
    assert runner.run() == (FINAL,)


def test_a_known_failure_of_a_gate_that_may_pass_is_waited_for() -> None:
    asked: list[str] = []

    def check(_: Env) -> Problem | None:
        asked.append("a")
        if len(asked) < 3:
            raise ProblemsFound(CLOSED)
        return None

    runner = Runner((Stage("a", (), lambda _: None, check, "a"),), ENV, lambda _: None, Simulated())
    assert runner.run() == ()
    assert len(asked) == 3


def test_a_known_failure_of_a_gate_that_does_not_pass_is_the_problem_at_its_end() -> None:
    def check(_: Env) -> Problem | None:
        raise ProblemsFound(CLOSED)

    runner = Runner((Stage("a", (), lambda _: None, check, "a", timeout=7),), ENV, lambda _: None, Simulated())
    (found,) = runner.run()
    assert found.code == CLOSED.code
    assert found.summary == f"{CLOSED.summary} (after waiting 7 s for a)"


def test_a_bug_propagates_after_the_rest_was_told_to_end() -> None:
    world = World()
    world.stage("a", takes=1, raises=ZeroDivisionError("a bug"))
    world.stage("b", takes=3)
    runner = world.runner()
    with pytest.raises(ZeroDivisionError):
        runner.run()
    assert runner.cancelled.is_set()
    assert world.phases == {"a": "cancelled", "b": "cancelled"}
    assert world.sim.now() - 1000.0 == 3.0, "it waited for the call under way"


def test_a_failure_cancels_and_waits_only_so_long_for_calls_under_way() -> None:
    world = World()
    world.stage("a", takes=1, raises=ProblemsFound(FINAL))
    world.stage("b", takes=math.inf)
    runner = world.runner()
    assert runner.run() == (FINAL,)
    assert runner.cancelled.is_set()
    assert world.sim.now() - 1000.0 == pytest.approx(1.0 + CANCEL_GRACE_S)
    assert world.phases == {"a": "failed", "b": "cancelled"}


def test_green_stages_stay_green_when_a_later_one_fails() -> None:
    world = World()
    world.stage("a")
    world.stage("b", "a", gate=[FINAL])
    world.run()
    assert world.phases == {"a": "green", "b": "failed"}


def test_ctrl_c_cancels_and_propagates() -> None:
    world = World()
    world.stage("a", takes=2)
    world.stage("b", "a", takes=5)
    world.sim.interrupt_at = 1003.0
    runner = world.runner()
    with pytest.raises(KeyboardInterrupt):
        runner.run()
    assert runner.cancelled.is_set()
    assert world.phases == {"a": "green", "b": "cancelled"}


def test_no_stage_that_can_start_is_a_bug_and_named() -> None:
    world = World()
    world.stage("a", "b")
    world.stage("b", "a")
    with pytest.raises(RuntimeError, match=r"no stage can start: \['a', 'b'\]"):
        world.run()


def test_needs_outside_the_run_count_as_met() -> None:
    world = World()
    world.stage("b", "a")
    assert world.run() == ()


def test_no_stages_at_all() -> None:
    assert World().run() == ()


def test_every_gate_is_looked_at_in_every_run() -> None:
    world = World()
    world.stage("a", takes=0)
    world.stage("b", "a", takes=0)
    for _ in range(3):
        assert world.run() == ()
    assert [name for name, _ in world.looks] == ["a", "b"] * 3


def test_waiting_is_told_once_for_each_new_problem() -> None:
    other = Problem("topic-refused", "Not yet.", "cause", "remedy")
    world = World()
    more = replace(CLOSED, evidence="a log that grows")
    world.stage("a", gate=[CLOSED, more, other, other, CLOSED])
    world.run()
    told = [event.text for event in world.events if event.phase == "waiting"]
    assert told == [CLOSED.summary, other.summary, CLOSED.summary]


def test_what_is_checked_says_what_it_waits_for() -> None:
    world = World()
    world.stage("a")
    world.run()
    assert [event.text for event in world.events if event.phase == "checking"] == ["a to be there"]


def test_threads_run_for_real(tmp_path: Path) -> None:
    seen: list[str] = []
    done: list[Event] = []

    def apply(name: str) -> Callable[[Env], None]:
        return lambda env: seen.append(f"{name} {env.root == tmp_path}")

    stages = (
        Stage("a", (), apply("a"), lambda _: None, "a"),
        Stage("b", ("a",), apply("b"), lambda _: CLOSED if len(done) < 6 else None, "b"),
    )
    runner = Runner(stages, small_env(tmp_path), done.append, Threads())
    assert runner.run() == ()
    assert seen == ["a True", "b True"]


def test_the_closure_keeps_the_order_and_takes_every_need() -> None:
    world = World()
    for name, needs in (("a", ()), ("b", ("a",)), ("c", ("a",)), ("d", ("c",)), ("e", ("b", "d"))):
        world.stage(name, *needs)
    assert [stage.name for stage in closure(tuple(world.stages), ("d",))] == ["a", "c", "d"]
