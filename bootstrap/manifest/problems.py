"""What is wrong with a manifest, as problems: where it stands, the nearest valid value, the line to write."""

import difflib
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from bootstrap.manifest import fields
from bootstrap.manifest.corrections import ABSENT, correction, value_at
from bootstrap.manifest.lines import Lines, Location
from bootstrap.manifest.toml import dotted, key_text, shown, table_text
from bootstrap.problems.problem import Problem


def without_invalid(data: Mapping[str, Any], locations: Iterable[Location]) -> dict[str, Any]:
    """A copy without what is invalid; the name of an invalid topic or service stays, an array keeps its length."""
    copy: dict[str, Any] = deepcopy(dict(data))
    for location in sorted(locations, key=len, reverse=True):
        parent = value_at(copy, location[:-1])
        if value_at(copy, location) is ABSENT:
            continue
        if isinstance(location[-1], int):
            parent[location[-1]] = None
        elif len(location) == 2 and location[0] in ("topics", "services"):
            parent[location[-1]] = {}
        else:
            del parent[location[-1]]
    return copy


class Collector:
    """Every problem found in one manifest. Locations with an invalid value are in `locations`."""

    def __init__(self, file: str, data: Mapping[str, Any], lines: Lines, model: type[BaseModel]) -> None:
        self._file = file
        self._data = data
        self._lines = lines
        self._model = model
        self._found: list[tuple[int, Problem]] = []
        self._meant: set[str] = set()  # names that a correction brings: not missing, not unknown
        self.locations: set[Location] = set()

    @property
    def found(self) -> list[Problem]:
        """The problems, in the order of the file."""
        return [problem for _, problem in sorted(self._found, key=lambda pair: pair[0])]

    def add(self, code: str, location: Location, summary: str, cause: str, remedy: str) -> None:
        """Add a problem with what stands at a location."""
        line = self._lines.of(location)
        self._found.append((line, Problem(code, summary, cause, remedy, where=f"{self._file}:{line}", final=True)))

    def conflict(self, location: Location, summary: str, cause: str, instead: Any = ABSENT, remedy: str = "") -> None:
        """Add two things that contradict each other. `instead` is the value to write; `ABSENT`: remove it."""
        self.add("manifest-conflict", location, summary, cause, remedy or self._correction(location, instead))

    def reference(self, location: Location, name: str, kind: str, known: Iterable[str]) -> None:
        """Add a name of something that does not exist. `known`: the names that do."""
        if name in self._meant:
            return
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
        value = value_at(self._data, location)
        instead = near[0] if near else ABSENT
        if near and value != name:  # the name stands inside a text
            instead = value.replace(f"{{url:{name}}}", f"{{url:{near[0]}}}")
        self.add(
            "manifest-unknown-reference",
            location,
            f"{dotted(location)} names the {kind} {shown(name)}, which does not exist.",
            f"The {kind}s that exist: {', '.join(map(key_text, names)) or 'none'}." + _nearest(near),
            self._correction(location, instead),
        )

    def validation(self, errors: Iterable[ErrorDetails]) -> None:
        """Add what pydantic found."""
        for error in sorted(errors, key=lambda error: error["type"] == "missing"):
            location: Location = error["loc"]
            if error["type"] == "missing":
                self._missing(location)
            elif error["type"] == "extra_forbidden":
                self._unknown_key(location)
            elif location[-1] == "[key]" and value_at(self._data, location) is ABSENT:
                # pydantic's mark for the name of an entry
                self._bad_name(location[:-1], error)
                continue
            else:
                self._invalid(location, error)
            self.locations.add(location)

    def _bad_name(self, location: Location, error: ErrorDetails) -> None:
        name = str(location[-1])
        new = fields.nearest_name(name, error)
        self._meant.add(new)
        self.add(
            "manifest-invalid-value",
            location,
            f"The name {shown(name)} in {dotted(location[:-1])} is not valid.",
            f"Such a name is {fields.wanted(error)}. The nearest is {new}.",
            self._correction(location, value_at(self._data, location), new),
        )

    def _missing(self, location: Location) -> None:
        table = location[:-1]
        if dotted(location) in self._meant:
            return
        self.add(
            "manifest-missing-key",
            location,
            f"{dotted(table) or self._file} has no {location[-1]}.",
            f"It must be stated. {fields.description(self._model, location)}",
            f"# add {f'under [{dotted(table)}]' if table else 'to the file'}, with your own values:\n"
            + table_text(location, fields.example(self._model, location)),
        )

    def _unknown_key(self, location: Location) -> None:
        table, key = location[:-1], str(location[-1])
        known = fields.keys(self._model, table)
        unused = [name for name in known if value_at(self._data, (*table, name)) is ABSENT]
        near = difflib.get_close_matches(key, unused, n=1)
        if near:
            self._meant.add(dotted((*table, near[0])))
            remedy = self._correction(location, value_at(self._data, location), near[0])
        else:
            remedy = self._correction(location, ABSENT)
        self.add(
            "manifest-unknown-key",
            location,
            f"{dotted(location)} is not a key of the manifest.",
            f"Keys of {dotted(table) or 'the manifest'}: {', '.join(known)}." + _nearest(near),
            remedy,
        )

    def _invalid(self, location: Location, error: ErrorDetails) -> None:
        nearest = fields.nearest(error, fields.example(self._model, location))
        self.add(
            "manifest-invalid-value",
            location,
            f"{dotted(location)} is {shown(error['input'])}, but must be {fields.wanted(error)}.",
            f"{fields.description(self._model, location)} The nearest valid value: {shown(nearest)}.",
            self._correction(location, nearest),
        )

    def _correction(self, location: Location, instead: Any, key: str = "") -> str:
        return correction(self._file, self._data, self._lines, location, instead, key)


def _nearest(near: list[str]) -> str:
    return f" The nearest is {key_text(near[0])}." if near else ""
