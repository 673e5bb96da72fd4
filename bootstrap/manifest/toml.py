"""Python values as TOML text, for sentences and for the lines that a remedy asks to write."""

import json
import re
from collections.abc import Mapping, Sequence

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def key_text(key: object) -> str:
    """A key, quoted when it must be."""
    text = str(key)
    return text if _BARE_KEY.fullmatch(text) else _string(text)


def value_text(value: object) -> str:
    """A value on one line. A whole number that Python refuses to print is written in hexadecimal."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key_text(k)} = {value_text(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(value_text, value)) + "]"
    try:
        return str(value)
    except ValueError:
        return f"{value:#x}"


def table_text(location: Sequence[str | int], value: object) -> str:
    """A key with its value, on one line; a table under its header, the tables inside it after it."""
    if not isinstance(value, Mapping):
        return f"{key_text(location[-1])} = {value_text(value)}"
    inner = [(k, v) for k, v in value.items() if isinstance(v, Mapping)]
    plain = [f"{key_text(k)} = {value_text(v)}" for k, v in value.items() if not isinstance(v, Mapping)]
    return "\n".join([f"[{dotted(location)}]", *plain, *(table_text((*location, k), v) for k, v in inner)])


def dotted(location: Sequence[str | int]) -> str:
    """A place in a document, as people write it: services.backend-api.publishes[0]."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{_short(key_text(part))}"
    return text.removeprefix(".")


def shown(value: object) -> str:
    """A value for a sentence: on one line, shortened."""
    return _short(value_text(value))


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"


def _string(text: str) -> str:
    """A basic string; what a terminal would not show, or would obey, is escaped."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in quoted)
