"""A Dockerfile read as far as problems need it: which line put a file into the image."""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

INSTRUCTION = re.compile(r"\s*([A-Za-z]+)\s+(.*)", re.DOTALL)


@dataclass(frozen=True)
class Instruction:
    """One instruction: the number of its first line, its word in capitals, the rest with line ends as spaces."""

    line: int
    word: str
    rest: str


def instructions(text: str) -> Iterator[Instruction]:
    """All instructions, in order. Comments are left out, lines that go on are joined."""
    begun, parts = 0, list[str]()
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if line.startswith("#") or not (line or parts):
            continue
        begun = begun if parts else number
        parts.append(line.removesuffix("\\").strip())
        if line.endswith("\\"):
            continue
        if match := INSTRUCTION.match(" ".join(parts)):
            yield Instruction(begun, match[1].upper(), match[2].strip())
        parts = []


def origin(text: str, path: str) -> int:
    """The line that put `path` (absolute, in the image) there, as far as the text tells; 0 where it does not.

    It is the instruction of the last stage that names the longest part of the path; of equals, the last one.
    """
    best, length, folder = 0, 0, "/"
    for each in instructions(text):
        if each.word == "FROM":
            best, length, folder = 0, 0, "/"
        if each.word == "WORKDIR":
            folder = posixpath.join(folder, each.rest.strip("\"'"))
        for target in _targets(each):
            place = posixpath.normpath(posixpath.join(folder, target))
            if (path == place or path.startswith(place.rstrip("/") + "/")) and len(place) >= length:
                best, length = each.line, len(place)
    return best


def _targets(each: Instruction) -> list[str]:
    if each.word in ("COPY", "ADD"):
        return [word.strip('",[]') for word in each.rest.split()][-1:]
    if each.word == "RUN":
        named = re.findall(r"(?<![\w./])/[\w./+@-]+", each.rest)
        # pip puts what it installs for its user, root, here
        return [*named, "/root/.local"] if "--user" in each.rest.split() else named
    return []


def naming(text: str, words: str) -> int:
    """The last line whose instruction holds `words`, spaces apart; 0 where none does."""
    wanted = " ".join(words.replace("\\", " ").split())
    found = [each.line for each in instructions(text) if wanted and wanted in " ".join(each.rest.split())]
    return found[-1] if found else 0


def user(text: str) -> int:
    """The line of the last USER of the last stage; where there is none, that of its FROM, or 0."""
    line = 0
    for each in instructions(text):
        if each.word in ("FROM", "USER"):
            line = each.line
    return line
