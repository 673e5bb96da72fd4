"""docs/troubleshooting.md says what the code says."""

import ast
import re
from pathlib import Path

from bootstrap.problems.catalogue import ROWS
from bootstrap.problems.docs_page import AREAS, FIRST_USE, MANIFEST, text
from bootstrap.problems.rows import first_use

CHECKOUT = Path(__file__).resolve().parents[1]


def strings(path: Path) -> set[str]:
    """Every string literal of a file."""
    return {str(node.value) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}


def test_the_page_is_up_to_date() -> None:
    page = (CHECKOUT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    assert page == text(), "write it anew: .venv/bin/python -m bootstrap.problems.docs_page"


def test_every_code_of_the_manifest_is_there() -> None:
    used = set().union(*(strings(path) for path in (CHECKOUT / "bootstrap" / "manifest").glob("*.py")))
    codes = {literal for literal in used if re.fullmatch(r"manifest(-[a-z]+)+", literal)}
    assert codes == {row.code for row in MANIFEST}


def test_every_code_of_first_use_is_there() -> None:
    made = set()
    for node in ast.walk(ast.parse(Path(first_use.__file__).read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Row", "Problem"):
            made |= {first.value for first in node.args[:1] if isinstance(first, ast.Constant)}
    made |= set(re.findall(r"\[([a-z-]+)\] docs/", (CHECKOUT / "inv").read_text()))
    assert made == {row.code for row in FIRST_USE}


def test_every_section_has_a_cause_and_a_remedy_without_open_placeholders() -> None:
    sections = re.split(r"(?m)^### ", text())[1:]
    assert len(sections) == sum(map(len, AREAS.values()))
    assert {section.partition("\n")[0] for section in sections} == {row.code for row in (*ROWS, *MANIFEST, *FIRST_USE)}
    for section in sections:
        code, _, body = section.partition("\n\n")
        cause, _, remedy = body.partition("```sh\n")
        assert re.fullmatch(r"[a-z]+(-[a-z]+)+", code)
        assert cause.strip()
        assert remedy.partition("```")[0].strip()
        assert not re.search(r"\{\w+\}", section), code


def test_no_fact_runs_into_another_word() -> None:
    for row in (row for rows in AREAS.values() for row in rows):
        assert not re.search(r"[\w}]\{\w+\}|\{\w+\}\w", row.remedy), row.code


def test_braces_are_as_a_problem_shows_them() -> None:
    assert "docker info --format '{{.SystemTime}}'\n" in text()
    assert """ --patch '{"metadata":{"finalizers":null}}'\n""" in text()
