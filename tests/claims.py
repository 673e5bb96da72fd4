"""What gates claim (`claims.toml`), and the tests that carry the mark `closes`: `docs/gates.md` is made from both.

`python -m tests.claims` writes the page.
"""

import ast
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

TESTS = Path(__file__).parent
BOOTSTRAP = TESTS.parent / "bootstrap"
MAKERS = ("problem", "finding", "Finding", "Refusal")  # what takes a code first
PAGE = TESTS.parent / "docs" / "gates.md"
HEAD = """\
<!-- Written by `python -m tests.claims`; do not edit. -->
# What the gates prove

A stage is done when its gate is open, and gates are asked in every run. Here is every claim that a gate makes; the
[code](troubleshooting.md) with which it closes where that claim is false; and the test in which that alone is false.
No gate opens because time ran out: a wait that ends, ends closed. Where nothing answers at all, no gate that asks the
world opens either (`tests/test_silence.py`).
"""


@dataclass(frozen=True)
class Gate:
    """One gate. `module` is of `bootstrap/stages`; `stage` its name in a run, "" for one that every service has.

    `asks` are other modules of `bootstrap` with parts of it; `work` codes with which the work before it ends.
    """

    name: str
    module: str
    places: list[str]
    claims: dict[str, list[str]]
    stage: str = ""
    asks: Sequence[str] = ()
    work: Sequence[str] = ()

    @property
    def modules(self) -> tuple[str, ...]:
        """Where it is written, below `bootstrap`."""
        return f"stages/{self.module}", *self.asks

    @property
    def codes(self) -> set[str]:
        """Every code of its claims, and of its work."""
        return {*self.work, *(code for codes in self.claims.values() for code in codes)}


@dataclass(frozen=True)
class Mark:
    """`@pytest.mark.closes(gate, claim, *codes)` on a test; `says` are all strings of the test but its marks'."""

    test: str
    gate: str
    claim: str
    codes: tuple[str, ...]
    says: frozenset[str] = field(repr=False)


def gates() -> list[Gate]:
    """All gates, in the order of the pipeline."""
    document = tomllib.loads((TESTS / "claims.toml").read_text(encoding="utf-8"))
    return [Gate(name=name, **one) for name, one in document.items()]


def made(module: str) -> set[str]:
    """Every code of a problem that a module of `bootstrap` makes."""
    found = set()
    for node in ast.walk(ast.parse((BOOTSTRAP / f"{module}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MAKERS and node.args:
            code = node.args[0]  # one of two, where it depends
            chosen = [code.body, code.orelse] if isinstance(code, ast.IfExp) else [code]
            found |= {str(each.value) for each in chosen if isinstance(each, ast.Constant)}
    return found


def marks() -> Iterator[Mark]:
    """Every mark on every test, read from the files: so it is the same whichever tests are run."""
    for file in sorted(TESTS.rglob("test_*.py")):
        text = file.read_text(encoding="utf-8")
        if ".closes(" in text:
            where = f"{TESTS.name}/{file.relative_to(TESTS)}"
            yield from _in(ast.parse(text), where)


def _in(tree: ast.AST, where: str) -> Iterator[Mark]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from _in(node, f"{where}::{node.name}")
        elif isinstance(node, ast.FunctionDef):
            found = [each for each in node.decorator_list if _is_mark(each)]
            others = [each for each in ast.iter_child_nodes(node) if each not in found]
            says = frozenset(text for each in others for text in _strings(each))
            for mark in found:
                gate, claim, *codes = _strings(mark)
                yield Mark(f"{where}::{node.name}", gate, claim, tuple(codes), says)


def _is_mark(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.closes"


def _strings(tree: ast.AST) -> list[str]:
    return [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def page() -> str:
    """The whole page."""
    tests: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for mark in marks():
        for code in mark.codes:
            tests[mark.gate, mark.claim, code].append(mark.test)
    return "\n".join([HEAD, *(line for gate in gates() for line in _table(gate, tests))])


def _table(gate: Gate, tests: dict[tuple[str, str, str], list[str]]) -> Iterator[str]:
    yield f"## {gate.name}\n"
    yield f"Runs on {' and '.join(gate.places)}.\n"
    yield "| It proves that | else it closes with | proven by |"
    yield "|---|---|---|"
    for claim, codes in gate.claims.items():
        for number, code in enumerate(codes):
            proofs = "<br>".join(map(_link, tests[gate.name, claim, code]))
            yield f"| {'' if number else claim} | [{code}](troubleshooting.md#{code}) | {proofs} |"
    yield ""


def _link(test: str) -> str:
    file, _, name = test.partition("::")
    words = name.rpartition("::")[2].removeprefix("test_").replace("_", " ").replace(" s ", "'s ")
    return f"[{words}](../{file})"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
