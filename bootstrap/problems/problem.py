"""What is wrong, why, and what to type: the one shape in which every failure reaches the user."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

LOOKING = ("status", "verify", "diagnose", "doctor", "logs", "open")
"""The commands that change nothing of what runs."""


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


def fold(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems, in their order; those that differ in the one word that names their object become one.

    One that is told twice under the same sentence is kept once. "The image of a cannot be built." and "The image of b
    cannot be built." with the same cause, remedy and evidence become "The image of a, b cannot be built."
    """
    different: dict[tuple[str, str, str], Problem] = {}
    for each in problems:
        different.setdefault((each.code, each.summary, each.where), each)
    groups: dict[tuple[object, ...], list[Problem]] = {}
    for each in different.values():
        groups.setdefault((replace(each, summary=""), len(each.summary.split())), []).append(each)
    return tuple(one for group in groups.values() for one in _folded(group))


def _folded(group: list[Problem]) -> list[Problem]:
    words = [each.summary.split() for each in group]
    differ = [place for place, told in enumerate(zip(*words, strict=True)) if len(set(told)) > 1]
    if len(differ) != 1:
        return group
    summary = list(words[0])
    summary[differ[0]] = ", ".join(told[differ[0]] for told in words)
    return [replace(group[0], summary=" ".join(summary))]


class ProblemsFound(Exception):
    """A known failure, carrying every problem found, equal ones as one (see `fold`).

    Only `tasks.py` turns it into an exit code.
    """

    def __init__(self, problems: Iterable[Problem] | Problem) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else fold(problems)
        super().__init__("; ".join(f"{p.code}: {p.summary}" for p in self.problems))


def after(problem: Problem, command: str) -> Problem:
    """The problem for a user who has just run `./inv COMMAND`: the remedy is never that command alone.

    A command that only looks would find the same again, so it is left out; one that mends, such as `up`, comes after
    a look at everything that is wrong.
    """
    own, looks = f"./inv {command}", command.split()[0] in LOOKING
    lines = problem.remedy.splitlines()
    if looks:
        lines = [line for line in lines if line.strip() != own]
    if not any(line.strip() and line.strip() != own for line in lines):
        last = [] if looks else [own]
        lines = ["./inv diagnose --bundle" if command == "diagnose" else "./inv diagnose", *last]
    return replace(problem, remedy="\n".join(lines))
