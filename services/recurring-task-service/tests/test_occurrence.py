import calendar
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from recurring_task_service.occurrence import first_after, next_occurrence
from taskapp.events import Recurrence
from taskapp.testing import make_task

PERIODS = {"daily": timedelta(days=1), "weekly": timedelta(days=7)}
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
RULES = st.sampled_from(["daily", "weekly", "monthly"])


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "rule", "now", "expected"),
    [
        ("2026-03-10T09:00", "daily", "2026-03-10T10:00", "2026-03-11T09:00"),
        ("2026-03-10T09:00", "daily", "2026-03-01T00:00", "2026-03-11T09:00"),
        ("2026-03-10T09:00", "daily", "2026-03-15T08:59", "2026-03-15T09:00"),
        ("2026-03-10T09:00", "daily", "2026-03-15T09:00", "2026-03-16T09:00"),
        ("2026-03-10T09:00", "weekly", "2026-03-10T10:00", "2026-03-17T09:00"),
        ("2026-03-10T09:00", "weekly", "2027-03-10T10:00", "2027-03-16T09:00"),
        ("2026-01-31T09:00", "monthly", "2026-01-31T10:00", "2026-02-28T09:00"),
        ("2028-01-31T09:00", "monthly", "2028-01-31T10:00", "2028-02-29T09:00"),
        ("2026-01-31T09:00", "monthly", "2026-02-28T09:00", "2026-03-31T09:00"),
        ("2026-12-15T09:00", "monthly", "2026-12-15T10:00", "2027-01-15T09:00"),
        ("2020-05-31T09:00", "monthly", "2026-06-30T08:00", "2026-06-30T09:00"),
    ],
)
def test_calendar(start: str, rule: Recurrence, now: str, expected: str) -> None:
    assert first_after(at(start), rule, at(now)) == at(expected)


@given(MOMENTS, RULES, MOMENTS)
def test_next_is_the_first_of_the_rule_after_the_old_date_and_after_now(
    start: datetime, rule: Recurrence, now: datetime
) -> None:
    following = first_after(start, rule, now)
    assert following > start
    assert following > now
    assert following.timetz() == start.timetz()
    if rule == "monthly":
        last = calendar.monthrange(following.year, following.month)[1]
        assert following.day == min(start.day, last)
        # No other month of the rule lies between.
        assert following - max(start, now) <= timedelta(days=31)
    else:
        assert (following - start) % PERIODS[rule] == timedelta(0)
        assert following - max(start, now) <= PERIODS[rule]


@given(MOMENTS, RULES, MOMENTS, st.timedeltas(timedelta(days=-40), timedelta(days=40)))
def test_the_reminder_keeps_its_distance_to_the_due_date(
    due_at: datetime, rule: Recurrence, now: datetime, lead: timedelta
) -> None:
    assume(due_at - lead >= datetime(1, 3, 1, tzinfo=UTC))
    found = next_occurrence(make_task(recurrence=rule, due_at=due_at, remind_at=due_at - lead), now)
    assert found is not None
    assert found.due_at is not None
    assert found.remind_at == found.due_at - lead


@given(RULES, MOMENTS)
def test_without_dates_the_next_occurrence_has_none(rule: Recurrence, now: datetime) -> None:
    found = next_occurrence(make_task(recurrence=rule), now)
    assert found is not None
    assert (found.due_at, found.remind_at) == (None, None)


def test_a_reminder_without_a_due_date_follows_the_rule_itself() -> None:
    task = make_task(recurrence="weekly", remind_at="2026-03-10T09:00:00Z")
    found = next_occurrence(task, at("2026-03-12T09:00"))
    assert found is not None
    assert found.remind_at == at("2026-03-17T09:00")


def test_carries_over_what_the_task_is() -> None:
    task = make_task(recurrence="daily", description="all of them")
    found = next_occurrence(task, at("2026-03-12T09:00"))
    assert found is not None
    assert (found.title, found.description, found.recurrence, found.previous_id) == (
        task.title,
        task.description,
        "daily",
        task.id,
    )


def test_no_next_occurrence_of_what_does_not_recur() -> None:
    assert next_occurrence(make_task(), at("2026-03-12T09:00")) is None


@pytest.mark.parametrize("rule", ["daily", "weekly", "monthly"])
def test_the_end_of_the_calendar_ends_the_series(rule: Recurrence) -> None:
    task = make_task(recurrence=rule, due_at="9998-12-31T23:00:00Z")
    assert next_occurrence(task, at("2026-03-12T09:00")) is None
