"""The numbers of retry policies, without waiting for them."""

import contextlib
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.local.sidecar.retry import NEVER, Retry, parse, seconds


def middle(low: float, high: float) -> float:
    return (low + high) / 2


@pytest.mark.parametrize(
    ("text", "expected"), [("500ms", 0.5), ("15s", 15), ("1m30s", 90), ("1.5h", 5400), ("10", 10), ("2us", 2e-6)]
)
def test_durations(text: str, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)


@given(st.text(max_size=8))
def test_a_text_is_a_duration_or_is_said_to_be_none(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(seconds(text), float)


def test_an_exponential_policy_grows_up_to_its_longest_pause() -> None:
    policy = parse({"policy": "exponential", "maxInterval": "2s", "maxRetries": 6})
    assert list(policy.pauses(middle)) == pytest.approx([0.5, 0.75, 1.125, 1.6875, 2.0, 2.0])


def test_an_exponential_policy_without_a_number_ends_after_a_quarter_of_an_hour() -> None:
    assert 840 < sum(parse({"policy": "exponential"}).pauses(middle)) <= 900


def test_a_constant_policy() -> None:
    assert list(parse({"policy": "constant", "duration": "200ms", "maxRetries": 2}).pauses()) == [0.2, 0.2]
    assert len(list(islice(parse({}).pauses(), 50))) == 50
    assert list(NEVER.pauses()) == []


@given(st.integers(0, 12), st.floats(0.5, 60))
def test_pauses_stay_within_their_jitter(times: int, longest: float) -> None:
    pauses = list(Retry(exponential=True, longest=longest, times=times).pauses())
    assert len(pauses) <= times
    assert all(0.25 <= pause <= longest * 1.5 for pause in pauses)


def test_only_matching_statuses_are_tried_again() -> None:
    policy = parse({"matching": {"httpStatusCodes": "429, 502-504"}})
    assert [s for s in (200, 404, 429, 500, 502, 503, 504, 505) if policy.matches(s)] == [429, 502, 503, 504]
