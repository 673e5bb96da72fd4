"""`inv explain`: what a code means, what to type, and where it is found."""

import difflib
import re
from pathlib import Path

from bootstrap.cli.report import report_for
from bootstrap.problems.catalogue import problem
from bootstrap.problems.docs_page import AREAS, advice
from bootstrap.problems.problem import ProblemsFound, Row

ALL = "all"
PAGE = "docs/troubleshooting.md"


def explain(root: Path, code: str) -> int:
    """Prints one row of the catalogue, or all codes by what they are about for the word `all`.

    `root` is the checkout. Raises `ProblemsFound` (`code-unknown`) for a code that there is not. Returns the exit code.
    """
    if code == ALL:
        return _all()
    known = {row.code: (area, row) for area, rows in AREAS.items() for row in rows}
    if code not in known:
        nearest = difflib.get_close_matches(code, known, 3, 0.0)
        summary = f"There is no problem with the code {code!r}."
        raise ProblemsFound(problem("code-unknown", summary, known=", ".join(nearest), nearest=nearest[0], final=True))
    area, row = known[code]
    report = report_for()
    report.line(f"  {code}  ({area})\n")
    report.line(f"  {advice(row.cause)}")
    report.line("  ─ what to type")
    for text in advice(row.remedy).splitlines():
        report.line(f"    {text}")
    report.line("  ─ where it is found")
    for text in found(root, row):
        report.line(f"    {text}")
    report.line(f"  {PAGE}#{code}")
    return 0


def _all() -> int:
    report = report_for()
    for area, rows in AREAS.items():
        report.line(f"\n  {area}")
        report.table([(f"  {row.code}", advice(row.cause).partition(". ")[0]) for row in sorted(rows, key=_code)])
    report.line(f"\n  ./inv explain CODE · {PAGE}")
    return 0


def _code(row: Row) -> str:
    return row.code


def found(root: Path, row: Row) -> list[str]:
    """The lines of the code that tell this problem, and the tool whose words mean it."""
    lines = [f"in the words of {row.tool}, phase {row.phase}"] if row.pattern else []
    for path in (root / "inv", *sorted((root / "bootstrap").rglob("*.py"))):
        # Rows are not where a problem is found; those of first use stand beside the code that makes them.
        if "problems" in path.relative_to(root).parts and path.stem != "first_use":
            continue
        for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if re.search(rf'["\[]{row.code}["\]]', text):
                lines.append(f"{path.relative_to(root)}:{number}")
    return lines
