"""What a code means: every one can be looked up, and a misspelt one leads to its nearest."""

from collections import Counter
from pathlib import Path

import pytest

from bootstrap.cli.explain import explain, found
from bootstrap.problems.docs_page import AREAS
from bootstrap.problems.problem import ProblemsFound, Row

CHECKOUT = Path(__file__).resolve().parents[2]
EVERY = [row for rows in AREAS.values() for row in rows]
Out = pytest.CaptureFixture[str]


def test_a_code_leads_to_one_section() -> None:
    twice = [code for code, count in Counter(row.code for row in EVERY).items() if count > 1]
    assert twice == []


@pytest.mark.parametrize("row", EVERY, ids=lambda row: row.code)
def test_where_every_problem_is_found(row: Row) -> None:
    assert found(CHECKOUT, row), "nothing tells it"


def test_cause_remedy_place_and_link(capsys: Out) -> None:
    assert explain(CHECKOUT, "topic-config-differs") == 0
    out = capsys.readouterr().out
    assert out.startswith("  topic-config-differs  (Broker and topics)\n\n  The broker has KEY=ACTUAL")
    assert "  ─ what to type\n    ./inv up\n  ─ where it is found\n    bootstrap/stages/topics.py:" in out
    assert out.endswith("  docs/troubleshooting.md#topic-config-differs\n")


def test_whose_words_mean_it(capsys: Out) -> None:
    explain(CHECKOUT, "release-in-progress")
    assert "    in the words of helm, phase deploy\n" in capsys.readouterr().out


def test_without_a_code_all_of_them(capsys: Out) -> None:
    assert explain(CHECKOUT, "all") == 0
    out = capsys.readouterr().out
    assert all(f"    {row.code} " in out for row in EVERY)
    assert all(f"\n  {area}\n" in out for area in AREAS)


@pytest.mark.parametrize(
    ("typed", "nearest"), [("relase-in-progres", "release-in-progress"), ("😀", ""), ("topic", "topic-")]
)
def test_a_code_that_there_is_not(typed: str, nearest: str) -> None:
    with pytest.raises(ProblemsFound) as failed:
        explain(CHECKOUT, typed)
    (problem,) = failed.value.problems
    assert problem.code == "code-unknown"
    assert problem.remedy.startswith(f"./inv explain {nearest}")
