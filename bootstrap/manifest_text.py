"""Reads the manifest's text: from the file to plain data with line numbers."""

import re
import tomllib
from pathlib import Path
from typing import Any

from bootstrap.manifest_lines import Lines
from bootstrap.problem import Failed, Problem


def read(path: Path) -> str:
    """The text of the file. Raises `Failed` when there is none that can be read."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise Failed(
            Problem(
                "manifest-missing",
                f"There is no {path.name} in {path.absolute().parent}.",
                "It describes the environment; nothing can be done without it.",
                f"git checkout -- {path.name}",
                where=path.name,
                final=True,
            )
        ) from None
    except OSError as error:
        raise Failed(
            Problem(
                "manifest-unreadable",
                f"{path} cannot be read: {error.strerror}.",
                "It must be a file that you may read.",
                f"ls -ld {path}",
                where=path.name,
                final=True,
            )
        ) from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise Failed(
            Problem(
                "manifest-syntax",
                f"{path.name} is not UTF-8: byte 0x{raw[error.start]:02x} in line {line}.",
                "TOML is UTF-8. An editor saved it in another encoding, such as Latin-1 or UTF-16.",
                f"file {path.name}\n# then, with the encoding that it names:\n"
                f"iconv -f latin1 -t utf-8 {path.name} > manifest.utf8 && mv manifest.utf8 {path.name}",
                where=f"{path.name}:{line}",
                final=True,
            )
        ) from None


def parse(path: Path, text: str) -> tuple[dict[str, Any], Lines]:
    """The data of a TOML text and the lines of its keys. Raises `Failed` when it is not TOML."""
    try:
        return tomllib.loads(text), Lines(text)
    except RecursionError:
        raise Failed(_syntax(path, text, 1, "brackets inside brackets, hundreds deep")) from None
    except ValueError as error:  # not only TOMLDecodeError: Python refuses numbers of more than 4300 digits
        message = str(error)
        at_line = re.search(r" \(at line (\d+), column \d+\)", message)
        last = len(text.rstrip().splitlines()) or 1
        line = int(at_line[1]) if at_line else _line_of_long_number(text) or last
        raise Failed(_syntax(path, text, line, message.partition(" (at ")[0])) from None


def _line_of_long_number(text: str) -> int | None:
    number = re.search(r"[0-9_]{4300,}", text)
    return text.count("\n", 0, number.start()) + 1 if number else None


def _syntax(path: Path, text: str, line: int, message: str) -> Problem:
    lines = text.splitlines()
    content = lines[line - 1].strip()[:200] if line <= len(lines) else ""
    unquoted = re.fullmatch(r"""([A-Za-z0-9_.-]+)\s*=\s*([^\s"'\[{#=][^"'#]*?)\s*""", content)
    if unquoted and message in ("Invalid value", "Expected newline or end of document after a statement"):
        remedy = f'# {path.name}:{line} should read:\n{unquoted[1]} = "{unquoted[2]}"'
    elif "Cannot overwrite" in message or "Cannot declare" in message or "twice" in message:
        remedy = f"# remove one of the two; the second is {path.name}:{line}:\n# {content}"
    else:
        remedy = f"# correct {path.name}:{line}:\n# {content}"
    return Problem(
        "manifest-syntax",
        f"{path.name} is not TOML at line {line}: {message[:1].lower()}{message[1:]}.",
        "A key may stand once in its table, strings are in quotes, and every bracket is closed.",
        remedy,
        evidence=content,
        where=f"{path.name}:{line}",
        final=True,
    )
