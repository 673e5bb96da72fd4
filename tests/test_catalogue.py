"""The catalogue: every row used and complete, every pattern proven on recorded words and on near misses."""

import ast
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bootstrap.problems.catalogue import ROWS, Row, problem, recognise

CHECKOUT = Path(__file__).resolve().parents[1]
RECORDED = Path(__file__).parent / "recorded"
BY_CODE = {row.code: row for row in ROWS}
OWN_ARGUMENTS = {"evidence", "where", "final"}


@dataclass(frozen=True)
class Call:
    """A call of `problem`; `facts` is None where they come from elsewhere (`**facts`)."""

    at: str
    code: str
    facts: frozenset[str] | None


def calls() -> Iterator[Call]:
    for path in [*sorted((CHECKOUT / "bootstrap").rglob("*.py")), CHECKOUT / "tasks.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "problem"):
                continue
            if path.name == "catalogue.py":
                continue
            names = [keyword.arg for keyword in node.keywords]
            facts = None if None in names else frozenset(name for name in names if name) - OWN_ARGUMENTS
            codes = [leaf.value for leaf in ast.walk(node.args[0]) if isinstance(leaf, ast.Constant)]
            for code in codes:
                yield Call(f"{path.relative_to(CHECKOUT)}:{node.lineno}", str(code), facts)


CALLS = list(calls())


def passed_on() -> Iterator[str]:
    """The codes that findings carry until they become problems."""
    for path in sorted((CHECKOUT / "bootstrap").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ("Refusal", "finding"):
                yield from (str(leaf.value) for leaf in node.args[:1] if isinstance(leaf, ast.Constant))


def wanted(row: Row) -> set[str]:
    """The facts that its cause and its remedy need."""
    return {name for _, name, _, _ in string.Formatter().parse(row.cause + row.remedy) if name}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.code)
def test_every_row_is_complete(row: Row) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)+", row.code)
    assert row.cause.endswith(".")
    assert row.remedy.strip()
    assert any(not line.startswith("#") for line in row.remedy.splitlines()), "something to type, not only a comment"
    assert bool(row.tool) == bool(row.phase) == bool(row.pattern), "a pattern is scoped"
    re.compile(row.pattern)


def test_codes_are_unique() -> None:
    assert len(BY_CODE) == len(ROWS)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.at} {call.code}")
def test_every_problem_has_its_row_and_fills_it(call: Call) -> None:
    row = BY_CODE[call.code]
    if call.facts is not None:
        assert wanted(row) <= call.facts, f"{call.at} leaves a placeholder of {call.code} open"


def test_every_row_is_used() -> None:
    used = {call.code for call in CALLS} | {row.code for row in ROWS if row.pattern} | set(passed_on())
    assert set(BY_CODE) - used == set()


PATTERNS = [row for row in ROWS if row.tool in ("python", "sidecar", "broker", "helm")]
FACTS = {"name": "shop", "path": "services/shop", "chart": "shop"}
FACTS |= {"kubeconfig": ".inv/minikube/kubeconfig", "context": "taskapp", "namespace": "taskapp"}


@pytest.mark.parametrize("row", PATTERNS, ids=lambda row: row.code)
def test_a_recorded_output_is_recognised(row: Row) -> None:
    words = (RECORDED / f"{row.tool}-{row.phase}" / f"{row.code}.txt").read_text()
    found = recognise(row.tool, row.phase, words, "shop ended.", where="x.py:1", **FACTS)
    assert found is not None
    assert (found.code, found.final, found.where) == (row.code, True, "x.py:1")
    assert found.evidence == words.strip()
    assert "{" not in found.cause + found.remedy, "a placeholder stays open"


@pytest.mark.parametrize("path", sorted(RECORDED.glob("*-*/none-*.txt")), ids=lambda path: path.stem)
def test_a_near_miss_is_not_recognised(path: Path) -> None:
    tool, _, phase = path.parent.name.partition("-")
    assert recognise(tool, phase, path.read_text(), "shop ended.", **FACTS) is None


@pytest.mark.parametrize("row", PATTERNS, ids=lambda row: row.code)
def test_no_words_are_recognised_outside_their_tool_and_phase(row: Row) -> None:
    words = (RECORDED / f"{row.tool}-{row.phase}" / f"{row.code}.txt").read_text()
    assert recognise("docker", row.phase, words, "x") is None
    assert recognise(row.tool, "build", words, "x") is None


def test_facts_fill_a_problem_and_never_format_again() -> None:
    found = problem("topic-config-differs", "x", key="{wanted}", actual="{0}", wanted="%s", evidence="  words\n")
    assert found.cause == "The broker has {wanted}={0}, environment.toml says %s."
    assert found.evidence == "words"


def test_a_path_in_a_remedy_is_one_word_to_a_shell() -> None:
    at = Path("/mnt/c/Users/Jane Doe/task app")
    found = problem("wsl-checkout-on-windows", "x", path=at, name=Path(at.name))
    assert "git clone '/mnt/c/Users/Jane Doe/task app' ~/'task app'" in found.remedy
    assert str(at) in problem("disk-full", "x", path=at, free=0, needed=1).cause
