"""The benchmarks run. What they measure is for people: nothing here looks at the numbers."""

import json

import pytest

from benchmarks import chain, runner_overhead, up
from benchmarks import list as listing


def test_runner_overhead(capsys: pytest.CaptureFixture[str]) -> None:
    runner_overhead.main(count=12, rounds=1, longest=0.01)
    assert "runner over 12 stages: " in capsys.readouterr().out


def test_the_graph_is_the_same_for_the_same_seed() -> None:
    first, path = runner_overhead.graph(50, 0.1, seed=1)
    again, same = runner_overhead.graph(50, 0.1, seed=1)
    assert [stage.needs for stage in first] == [stage.needs for stage in again]
    assert path == same > 0.1
    assert sum(len(stage.needs) for stage in first) > 50


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    listing.main(rounds=1)
    assert "inv --list: " in capsys.readouterr().out


def test_a_command_that_fails_is_no_measurement() -> None:
    with pytest.raises(RuntimeError, match=r"sh -c echo words; exit 3: exit 3\nwords"):
        up.timed(["sh", "-c", "echo words; exit 3"], up.ROOT)


def test_a_row_shows_every_value(capsys: pytest.CaptureFixture[str]) -> None:
    up.row("cold up", [3.0, 1.0, 2.0], "target 15 s")
    assert " ".join(capsys.readouterr().out.split()) == "cold up 2.00 s (3.00, 1.00, 2.00) target 15 s"


def test_the_chain_of_a_run() -> None:
    def events(*phases: tuple[str, str, float]) -> list[str]:
        return [json.dumps({"kind": "stage", "stage": s, "phase": p, "at": at}) for s, p, at in phases]

    lines = [
        *events(("a", "applying", 0), ("b", "applying", 0), ("a", "green", 2), ("c", "applying", 2)),
        *events(("b", "green", 5), ("c", "green", 6.5)),
        json.dumps({"kind": "end", "green": True}),
    ]
    took, wall = chain.times(lines)
    assert (took, wall) == ({"a": 2, "b": 5, "c": 4.5}, 6.5)
    assert chain.longest({name: took[name] for name in "abc"}, {"c": ["a"]}) == (6.5, ["a", "c"])
    with pytest.raises(ValueError, match="did not become green"):
        chain.times([json.dumps({"kind": "end", "green": False})])
