"""Turns what is wrong with the manifest into problems: where it stands, the nearest valid value, the line to write."""

import difflib
from collections.abc import Iterable, Mapping, Set
from copy import deepcopy
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from bootstrap import manifest_fields as fields
from bootstrap.manifest_lines import Lines, Location
from bootstrap.problem import Problem
from bootstrap.toml_text import key_text, shown, value_text

_ABSENT = object()


def dotted(location: Location) -> str:
    """A location as people write it: services.backend-api.publishes[0]."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f"{'.' if text else ''}{shown_key(part)}"
    return text


def shown_key(key: str) -> str:
    text = key_text(key)
    return text if len(text) <= 80 else text[:79] + "…"


def at(data: object, location: Location) -> Any:
    """What the data holds there; `_ABSENT` when nothing."""
    for part in location:
        try:
            data = data[part]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return _ABSENT
    return data


def without_invalid(data: Mapping[str, Any], locations: Iterable[Location]) -> dict[str, Any]:
    """A copy without what is invalid; an invalid topic or service stays as an empty one, so that its name is known."""
    copy: dict[str, Any] = deepcopy(dict(data))
    for location in sorted(locations, key=len, reverse=True):
        parent = at(copy, location[:-1])
        if at(copy, location) is _ABSENT:
            continue
        if isinstance(parent, list):
            parent[location[-1]] = None
        elif len(location) == 2 and location[0] in ("topics", "services"):
            if not isinstance(parent[location[1]], dict):
                parent[location[1]] = {}
        else:
            del parent[location[-1]]
    return copy


class Collector:
    """Every problem found in one manifest."""

    def __init__(self, path: Path, data: Mapping[str, Any], lines: Lines, model: type[BaseModel]) -> None:
        self._file = path.name
        self._data = data
        self._lines = lines
        self._model = model
        self._found: list[tuple[int, Problem]] = []
        self.locations: set[Location] = set()

    @property
    def found(self) -> list[Problem]:
        """The problems in the order of the file."""
        return [problem for _, problem in sorted(self._found, key=lambda pair: pair[0])]

    def __call__(
        self,
        code: str,
        location: Location,
        summary: str,
        cause: str,
        *,
        instead: object = None,
        remedy: str = "",
    ) -> None:
        """Add a problem. `instead` is the value to write there; None: what stands there is to go."""
        line = self._lines.of(location)
        remedy = remedy or self._correction(location, instead)
        self._found.append(
            (line, Problem(code, summary, cause, remedy, where=f"{self._file}:{line}", final=True))
        )

    def reference(self, location: Location, name: str, kind: str, known: Set[str]) -> None:
        """Add a reference to something that the manifest does not have."""
        near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.0 if len(known) == 1 else 0.4)
        listed = ", ".join(sorted(known)) or "none"
        self(
            "manifest-unknown-reference",
            location,
            f"{dotted(location)} names the {kind} {shown(name)}, which does not exist.",
            f"The {kind}s that exist: {listed}." + (f" The nearest is {near[0]}." if near else ""),
            instead=self._replaced(location, name, near[0]) if near else None,
        )

    def validation(self, errors: Iterable[ErrorDetails]) -> None:
        """Add what pydantic found."""
        for error in errors:
            location: Location = error["loc"]
            kind = error["type"]
            if location[-1:] == ("[key]",) and kind not in ("missing", "extra_forbidden"):
                self._bad_name(location[:-1], error)
            elif kind == "missing":
                self.locations.add(location)
                self._missing(location)
            else:
                self.locations.add(location)
                self._unknown_key(location) if kind == "extra_forbidden" else self._invalid(location, error)

    def _bad_name(self, location: Location, error: ErrorDetails) -> None:
        name = str(location[-1])
        self(
            "manifest-invalid-value",
            location,
            f"The name {shown(name)} in {dotted(location[:-1])} is not valid.",
            f"A name there is {fields.wanted(error)}.",
            remedy=f"# rename it at {self._file}:{self._lines.of(location)}:\n"
            + self._header((*location[:-1], fields.nearest_name(name, error))),
        )

    def _missing(self, location: Location) -> None:
        example = fields.example(self._model, location)
        doc = fields.description(self._model, location)
        table = location[:-1]
        self(
            "manifest-missing-key",
            location,
            f"{dotted(table) or self._file} has no {location[-1]}.",
            f"It is needed: {doc}",
            remedy=f"# add {f'under [{dotted(table)}]' if table else 'to the file'} ({self._file}:{self._lines.of(table)}):\n"
            + (
                _tables(location, example)
                if isinstance(example, Mapping)
                else f"{location[-1]} = {value_text(example)}"
            ),
        )

    def _unknown_key(self, location: Location) -> None:
        table, key = location[:-1], str(location[-1])
        known = fields.keys(self._model, table)
        unused = [name for name in known if at(self._data, (*table, name)) is _ABSENT]
        near = difflib.get_close_matches(key, unused, n=1)
        value = at(self._data, location)
        remedy = ""
        if near and isinstance(value, Mapping) and self._lines.has_header(location):
            remedy = f"# {self._file}:{self._lines.of(location)} should read:\n[{dotted((*table, near[0]))}]"
        elif near:
            remedy = (
                f"# {self._file}:{self._lines.of(location)} should read:\n{near[0]} = {value_text(value)}"
            )
        self(
            "manifest-unknown-key",
            location,
            f"{dotted(location)} is not a key of the manifest.",
            f"Keys of {dotted(table) or 'the manifest'}: {', '.join(known)}."
            + (f" The nearest is {near[0]}." if near else ""),
            remedy=remedy,
        )

    def _invalid(self, location: Location, error: ErrorDetails) -> None:
        example = fields.example(self._model, location)
        nearest = fields.nearest(error, example)
        self(
            "manifest-invalid-value",
            location,
            f"{dotted(location)} is {shown(error['input'])}, but must be {fields.wanted(error)}.",
            f"{fields.description(self._model, location)} The nearest valid value is {shown(nearest)}.",
            instead=nearest,
        )

    def _replaced(self, location: Location, name: str, near: str) -> object:
        """The value with the reference inside it replaced."""
        value = at(self._data, location)
        return value.replace(f"{{url:{name}}}", f"{{url:{near}}}") if isinstance(value, str) else near

    def _header(self, location: Location) -> str:
        return f"[{dotted(location)}]" if len(location) == 2 else str(key_text(location[-1]))

    def _correction(self, location: Location, instead: object) -> str:
        """The line to write so that `location` becomes `instead` (None: goes away)."""
        here = f"{self._file}:{self._lines.of(location)}"
        while location and isinstance(location[-1], int):  # an array is written as a whole
            array = list(at(self._data, location[:-1]))
            array[location[-1] : location[-1] + 1] = [] if instead is None else [instead]
            location, instead = location[:-1], array
        if instead is None:
            return f"# remove {dotted(location)} at {here}"
        if isinstance(instead, Mapping) and self._lines.has_header(location):
            return f"# {here} should read:\n{_tables(location, instead)}"
        return f"# {here} should read:\n{key_text(location[-1])} = {value_text(instead)}"


def _tables(location: Location, value: Mapping[str, Any]) -> str:
    """A table with its header, and the tables inside it after it."""
    plain = {k: v for k, v in value.items() if not isinstance(v, Mapping)}
    text = [f"[{dotted(location)}]", *(f"{key_text(k)} = {value_text(v)}" for k, v in plain.items())]
    text += [_tables((*location, k), v) for k, v in value.items() if isinstance(v, Mapping)]
    return "\n".join(text)
