"""Reads the manifest's file: plain data, and the lines of its keys."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

from bootstrap.manifest.lines import DEEPEST, Lines
from bootstrap.problems.problem import Problem, ProblemsFound


def read(path: Path) -> tuple[dict[str, Any], Lines]:
    """The data of a TOML file and the lines of its keys. Raises `ProblemsFound` when it cannot be read or parsed."""
    text = _text(path)
    try:
        return tomllib.loads(text), Lines(text)
    except RecursionError:
        depths = [line.count("[") + line.count("{") + line.count(".") for line in text.split("\n")]
        deepest = depths.index(max(depths)) + 1
        raise _not_toml(path.name, text, deepest, f"tables nested more than {DEEPEST} deep") from None
    except ValueError as error:  # not only TOMLDecodeError: Python refuses numbers of more than 4300 digits
        message, _, position = str(error).partition(" (at ")
        at = re.match(r"line (\d+), column \d+", position)
        number = re.search(r"[0-9_]{4300,}", text)
        if at:
            line = int(at[1])
        elif number and not position:
            line, message = text.count("\n", 0, number.start()) + 1, "a number with thousands of digits"
        else:
            line = text.rstrip().count("\n") + 1
        raise _not_toml(path.name, text, line, message) from None


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise _failed(
            "manifest-missing",
            f"There is no {path.name} in {path.absolute().parent}.",
            "It describes the environment; without it there is nothing to do.",
            f"git checkout -- {path.name}",
            path.name,
        ) from None
    except OSError as error:
        raise _failed(
            "manifest-unreadable",
            f"{path} cannot be read: {error.strerror}.",
            "It must be a file that you may read.",
            f"ls -ld {shlex.quote(str(path))}",
            path.name,
        ) from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _failed(
            "manifest-syntax",
            f"{path.name} is not UTF-8: byte 0x{raw[error.start]:02x} in line {line}.",
            "An editor saved it in another encoding, such as Latin-1 or UTF-16.",
            f"iconv -f latin1 -t utf-8 {path.name} > {path.name}.utf8 && mv {path.name}.utf8 {path.name}",
            f"{path.name}:{line}",
        ) from None


def _not_toml(file: str, text: str, line: int, message: str) -> ProblemsFound:
    content = "".join(c if c.isprintable() else "�" for c in text.split("\n")[line - 1].strip()[:200])
    unquoted = re.fullmatch(r"""([\w.-]+)\s*=\s*([^\s"'\[{#=][^"'#�]*?)\s*""", content)
    if unquoted and re.match("Invalid value|Expected newline", message):
        remedy = f'# {file}:{line} should read:\n{unquoted[1]} = "{unquoted[2]}"'
    elif re.match("Cannot overwrite|Cannot declare|Duplicate", message):
        remedy = f"# remove {file}:{line}, or what it repeats:\n# {content}"
    else:
        remedy = f"# correct {file}:{line}:\n# {content}"
    return _failed(
        "manifest-syntax",
        f"{file} is not TOML at line {line}: {message[:1].lower()}{message[1:]}.",
        "A key stands once in its table, a string is in quotes, every bracket is closed.",
        remedy,
        f"{file}:{line}",
        content,
    )


def _failed(code: str, summary: str, cause: str, remedy: str, where: str, evidence: str = "") -> ProblemsFound:
    return ProblemsFound(Problem(code, summary, cause, remedy, evidence, where, final=True))
