"""The catalogue on real outputs: each row matches what it is for, and nothing that only looks like it."""

from collections.abc import Callable

import pytest

from bootstrap.problems.catalogue import ROWS, Row, recognise
from tests.diagnose.recordings import SAME, SCOPES, Recording, Scope, every

EVERY = every()
KNOWN = [one for one in EVERY if one.code]
PATTERNS = [row for row in ROWS if row.pattern]
AREAS = {
    "Docker": ("docker", "image"),
    "pip": ("image",),
    "minikube": ("minikube",),
    "Helm": ("helm",),
    "Kubernetes": ("kubernetes", "pod"),
    "Dapr": ("daprd",),
    "Kafka": ("broker", "redpanda"),
    "Python": ("python", "pod"),
}


def near(scope: Scope) -> list[Recording]:
    """What is recorded as meaning nothing there, and what the same tool said in its other phases."""
    others = [one for one in KNOWN if one.scope[0] == scope[0] and one.scope != scope]
    return [one for one in EVERY if one.scope == scope and not one.code] + others


def codes(recording: Recording, scope: Scope) -> set[str]:
    found = (recognise(*scope, words, "x") for words in recording.words)
    return {one.code for one in found if one}


@pytest.mark.parametrize("row", PATTERNS, ids=lambda row: row.code)
def test_every_pattern_has_a_recorded_output(row: Row) -> None:
    assert [one for one in KNOWN if one.code == row.code and one.scope == (row.tool, row.phase)]


@pytest.mark.parametrize("recording", KNOWN, ids=lambda one: one.name)
def test_recorded_words_are_recognised(recording: Recording) -> None:
    assert recording.code in codes(recording, recording.scope)


@pytest.mark.parametrize("scope", SCOPES, ids="-".join)
def test_near_misses_are_not_recognised(scope: Scope) -> None:
    assert near(scope), "no near miss is recorded"
    for one in near(scope):
        found = {code for code in codes(one, scope) if frozenset((code, one.code)) not in SAME}
        assert found <= {one.code} - {""}, one.name


@pytest.mark.parametrize(
    "words", ["", "\n", "Error", "error: failed", "exit status 1", "OK", "Killed", "Warning: none"]
)
def test_words_that_say_nothing_are_not_recognised(words: str) -> None:
    assert [scope for scope in SCOPES if recognise(*scope, words, "x")] == []


def test_how_many_there_are(record_property: Callable[[str, object], None]) -> None:
    covered = {one.code for one in KNOWN}
    misses = sum(len(near(scope)) for scope in SCOPES)
    for area, tools in AREAS.items():
        assert [row for row in PATTERNS if row.tool in tools and row.code in covered], area
    record_property(
        "figures",
        f"catalogue: {len(ROWS)} rows; {len(PATTERNS)} recognise a tool's words, {len(covered)} of them proven on "
        f"{len(KNOWN)} recorded outputs, and on {misses} near misses",
    )
    assert len(covered) >= 40
