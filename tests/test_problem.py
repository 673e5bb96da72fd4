"""Equal problems of several objects are one, and nothing else is."""

import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.cli.report import Report
from bootstrap.problems.problem import Problem, ProblemsFound, fold

ONE = Problem("build-broken", "The image of a cannot be built.", "A cause.", "./inv up", evidence="words", final=True)


def of(name: str) -> Problem:
    return replace(ONE, summary=f"The image of {name} cannot be built.")


def test_equal_problems_of_several_objects_are_one_that_names_all() -> None:
    failed = ProblemsFound([of("a"), of("b"), of("c")])
    assert failed.problems == (of("a, b, c"),)
    assert str(failed) == "build-broken: The image of a, b, c cannot be built."


def test_what_is_told_twice_is_told_once() -> None:
    assert fold([ONE, replace(ONE, evidence="other words"), of("b")]) == (of("a, b"),)


@pytest.mark.parametrize(
    "other",
    [
        {"code": "build-other"},
        {"cause": "Another cause."},
        {"remedy": "./inv down"},
        {"evidence": "other words"},
        {"where": "services/b/Dockerfile:3"},
        {"final": False},
        {"summary": "The image of b cannot be found."},
        {"summary": "Nothing of this is alike."},
        {"summary": "Shorter."},
    ],
    ids=lambda other: next(iter(other)),
)
def test_problems_that_differ_in_more_than_their_object_stay_apart(other: dict[str, object]) -> None:
    second = replace(of("b"), **other)  # type: ignore[arg-type]
    assert fold([ONE, second]) == (ONE, second)


@given(st.lists(st.sampled_from("abcdefg"), min_size=1))
def test_every_object_is_named_once(names: list[str]) -> None:
    [found] = fold(map(of, names))
    assert found.summary == f"The image of {', '.join(dict.fromkeys(names))} cannot be built."
    assert fold([found]) == (found,)


def test_the_report_shows_them_once() -> None:
    out = io.StringIO()
    Report(out).problems([of("a"), of("b")])
    assert out.getvalue().count("[build-broken]") == 1
    assert "The image of a, b cannot be built." in out.getvalue()
