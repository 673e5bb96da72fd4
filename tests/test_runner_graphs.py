"""The runner on random graphs of stages, on simulated time."""

import math
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bootstrap.problems.problem import Problem, ProblemsFound
from tests.runner_world import CLOSED, FINAL, World, always

SECONDS = st.integers(0, 64).map(lambda n: n / 8)  # sums of eighths are exact


@st.composite
def graphs(draw: st.DrawFn) -> list[tuple[str, tuple[str, ...], float, float]]:
    """Name, needs, seconds of apply, seconds of the gate's look; in a random order."""
    count = draw(st.integers(1, 12))
    made = []
    for index in range(count):
        needs = draw(st.sets(st.integers(0, index - 1), max_size=4)) if index else set()
        made.append((f"s{index}", tuple(f"s{n}" for n in sorted(needs)), draw(SECONDS), draw(SECONDS)))
    return draw(st.permutations(made))


def critical_path(graph: list[tuple[str, tuple[str, ...], float, float]]) -> dict[str, float]:
    """When each stage ends at best: the longest way to it."""
    ends: dict[str, float] = {}
    while len(ends) < len(graph):
        for name, needs, takes, look in graph:
            if name not in ends and all(need in ends for need in needs):
                ends[name] = max((ends[need] for need in needs), default=0.0) + takes + look
    return ends


@given(graphs())
def test_any_graph_ends_at_its_critical_path(graph: list[tuple[str, tuple[str, ...], float, float]]) -> None:
    world = World()
    for name, needs, takes, look in graph:
        world.stage(name, *needs, takes=takes, look=look)
    assert world.run() == ()
    ends = critical_path(graph)
    assert world.sim.now() - 1000.0 == max(ends.values())
    assert sorted(world.applied) == sorted(ends), "each stage exactly once"
    for name, needs, *_ in graph:
        assert world.at(name, "green") == [ends[name]]
        assert world.at(name, "applying") == [max((ends[need] for need in needs), default=0.0)]


@given(graphs(), st.data())
def test_any_graph_with_one_failure_starts_nothing_behind_it(
    graph: list[tuple[str, tuple[str, ...], float, float]], data: st.DataObject
) -> None:
    bad = data.draw(st.sampled_from([name for name, *_ in graph]))
    world = World()
    for name, needs, takes, look in graph:
        world.stage(name, *needs, takes=takes, look=look, gate=[FINAL] if name == bad else ())
    assert world.run() == (FINAL,)
    assert world.phases[bad] == "failed"
    behind = {bad}
    for _ in graph:
        behind |= {name for name, needs, *_ in graph if behind & set(needs)}
    assert not (behind - {bad}) & set(world.applied)
    assert set(world.phases) == {name for name, *_ in graph}
    assert {world.phases[name] for name in world.phases if name != bad} <= {"green", "cancelled"}


LATE = 10_000.0  # seconds; more than any stage here is given


def opens_late(world: World) -> Iterator[Problem]:
    """Closed for as long as anybody waits; then it would open."""
    while world.sim.now() < 1000.0 + LATE:
        yield CLOSED


TROUBLES: dict[str, Any] = {
    "its gate never opens": lambda _: {"gate": always(CLOSED)},
    "its gate opens too late": lambda world: {"gate": opens_late(world)},
    "its gate never answers": lambda _: {"look": math.inf},
    "its gate says too late that it is open": lambda _: {"look": LATE},
    "its gate closes, and then never answers": lambda _: {"gate": [CLOSED], "look": LATE},
    "its work never ends": lambda _: {"takes": math.inf},
    "its work ends too late": lambda _: {"takes": LATE},
    "its work fails": lambda _: {"raises": ProblemsFound(FINAL)},
}


@given(graphs(), st.sampled_from(sorted(TROUBLES)), st.integers(0, 60), st.data())
def test_no_gate_opens_because_time_ran_out(
    graph: list[tuple[str, tuple[str, ...], float, float]], trouble: str, timeout: int, data: st.DataObject
) -> None:
    bad = data.draw(st.sampled_from([name for name, *_ in graph]))
    world = World()
    for name, needs, takes, look in graph:
        how = {"takes": takes, "look": look} | (TROUBLES[trouble](world) if name == bad else {})
        world.stage(name, *needs, timeout=timeout, **how)
    (found,) = world.run()
    assert found.code in (CLOSED.code, FINAL.code, "stage-hung")
    assert world.at(bad, "green") == []
    assert world.phases[bad] == "failed"
    assert world.sim.now() - 1000.0 < LATE
    behind = {bad}
    for _ in graph:
        behind |= {name for name, needs, *_ in graph if behind & set(needs)}
    assert not (behind - {bad}) & set(world.applied)
