"""The runner on random graphs of stages, on simulated time."""

from hypothesis import given
from hypothesis import strategies as st

from tests.runner_world import FINAL, World

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
