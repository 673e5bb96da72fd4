"""Python values as TOML text, for the lines that a remedy asks to write."""

import json
import re
from collections.abc import Mapping

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def key_text(key: object) -> str:
    """A key, quoted when it must be."""
    text = str(key)
    return text if _BARE_KEY.fullmatch(text) else _string(text)


def value_text(value: object) -> str:
    """A value on one line. Numbers too large to print become 0."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, Mapping):
        return (
            "{ " + ", ".join(f"{key_text(k)} = {value_text(v)}" for k, v in value.items()) + " }"
            if value
            else "{}"
        )
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(value_text, value)) + "]"
    try:
        return str(value)
    except ValueError:  # Python refuses to print integers of more than 4300 digits
        return "0"


def shown(value: object, limit: int = 80) -> str:
    """A value for a sentence: on one line, at most `limit` characters."""
    text = value_text(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
