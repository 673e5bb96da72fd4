"""What is wrong, why, and what to type: the one shape in which every failure reaches the user."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    `code` is stable and kebab-case. `summary` is one sentence that names the object. `remedy` can be pasted
    (lines of shell; comment lines start with #). `evidence` is the tool's own words. `where` is `file:line` when there
    is one. `final` means that waiting cannot help.
    """

    code: str
    summary: str
    cause: str
    remedy: str
    evidence: str = ""
    where: str = ""
    final: bool = False


@dataclass(frozen=True)
class Row:
    """One known problem. `cause` and `remedy` may hold `{facts}`; the named groups of `pattern` are facts too.

    `unknown` marks the one that stands for words which no pattern matches: all that is known is who said them.
    """

    code: str
    cause: str
    remedy: str
    tool: str = ""
    phase: str = ""
    pattern: str = ""
    unknown: bool = False


class Failed(Exception):
    """A known failure, carrying every problem found. Only `tasks.py` turns it into an exit code."""

    def __init__(self, problems: Iterable[Problem] | Problem) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("; ".join(f"{p.code}: {p.summary}" for p in self.problems))
