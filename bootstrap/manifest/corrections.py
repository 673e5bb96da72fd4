"""The line to write instead of a wrong one in the manifest."""

from collections.abc import Mapping
from typing import Any

from bootstrap.manifest.lines import Lines, Location
from bootstrap.manifest.toml import dotted, key_text, table_text, value_text

ABSENT: Any = object()


def value_at(data: Any, location: Location) -> Any:
    """What the data holds at a location, or `ABSENT`."""
    for part in location:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return ABSENT
    return data


def correction(file: str, data: Any, lines: Lines, location: Location, instead: Any, key: str = "") -> str:
    """How the line of `location` should read for it to hold `instead` (`ABSENT`: be gone), under the name `key`."""
    here = f"{file}:{lines.of(location)}"
    key = key or str(location[-1])
    while isinstance(location[-1], int) or lines.is_inline(location[:-1]):  # stands in one line with its neighbours
        whole = value_at(data, location[:-1])
        if isinstance(whole, Mapping):
            parts = [(key, instead) if k == location[-1] else (k, v) for k, v in whole.items()]
            instead = {k: v for k, v in parts if v is not ABSENT}
        else:
            elements = [instead if n == location[-1] else v for n, v in enumerate(whole)]
            instead = [v for v in elements if v is not ABSENT]
        location = location[:-1]
        key = str(location[-1])
    if instead is ABSENT:
        return f"# remove {dotted(location)} at {here}"
    if lines.has_header(location) and key != location[-1]:
        return f"# {here} should read:\n[{dotted((*location[:-1], key))}]"
    if isinstance(instead, Mapping) and not lines.is_inline(location):
        return f"# {here} should read:\n{table_text((*location[:-1], key), instead)}"
    return f"# {here} should read:\n{key_text(key)} = {value_text(instead)}"
