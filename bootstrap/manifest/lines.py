"""Where in a TOML text a key or value stands: `tomllib` gives values without positions."""

import re
import tomllib
from collections.abc import Iterator

Location = tuple[str | int, ...]

DEEPEST = 50  # levels; Python's own limit would be met somewhere later, by whoever walks the data

_TOKEN = re.compile(
    r"""
    "{3} (?: \\. | [^\\] )*? "{3,5}     # multi-line strings first: their quotes would look like empty strings
    | '{3} .*? '{3,5}
    | " (?: \\. | [^"\\\n] )* " | '[^'\n]*'
    | \#[^\n]* | \n | [ \t\r]+
    | [][{}=,.]
    | [^][{}=,.\s"'#]+
    """,
    re.VERBOSE | re.DOTALL,
)


def _plain(key: str) -> str:
    return str(tomllib.loads(f"key = {key}")["key"]) if key[0] in "\"'" else key


class Lines:
    """Line numbers (from 1) of the keys and array elements of a text that `tomllib` has accepted.

    Raises `RecursionError` when tables and arrays are nested deeper than `DEEPEST`.
    """

    def __init__(self, text: str) -> None:
        self._lines: dict[Location, int] = {}
        self._headers: set[Location] = set()
        self._inline: set[Location] = set()
        self._tokens = list(self._scan(text.replace("\r\n", "\n")))
        self._at = 0
        self._document()

    def of(self, location: Location) -> int:
        """Line of a location, or of the nearest thing around it; 1 when there is none."""
        for length in range(len(location), 0, -1):
            if line := self._lines.get(location[:length]):
                return line
        return 1

    def has_header(self, location: Location) -> bool:
        """Whether the text has a line `[location]`."""
        return location in self._headers

    def is_inline(self, location: Location) -> bool:
        """Whether it is an inline table, `key = { … }`."""
        return location in self._inline

    @staticmethod
    def _scan(text: str) -> Iterator[tuple[str, int]]:
        line = 1
        for match in _TOKEN.finditer(text):
            token = match.group()
            if token[0] not in " \t\r#":
                yield token, line
            line += token.count("\n")

    def _peek(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _next(self) -> tuple[str, int]:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _accept(self, *wanted: str) -> bool:
        found = self._peek() in wanted
        self._at += found
        return found

    def _record(self, location: Location, line: int) -> None:
        if len(location) > DEEPEST:
            raise RecursionError
        for length in range(1, len(location) + 1):
            self._lines.setdefault(location[:length], line)

    def _key(self) -> tuple[Location, int]:
        token, line = self._next()
        parts = [_plain(token)]
        while self._accept("."):
            parts.append(_plain(self._next()[0]))
        return tuple(parts), line

    def _document(self) -> None:
        table: Location = ()
        arrays: dict[Location, int] = {}
        while self._peek():
            if self._accept("\n"):
                continue
            if self._accept("["):
                is_array = self._accept("[")
                table, line = self._key()
                table = self._inside_arrays(table, arrays)
                if is_array:
                    arrays[table] = arrays.get(table, -1) + 1
                    table = (*table, arrays[table])
                self._record(table, line)
                self._headers.add(table)
                while self._accept("]"):
                    pass
            else:
                self._pair(table)

    @staticmethod
    def _inside_arrays(table: Location, arrays: dict[Location, int]) -> Location:
        """`[a.b]` after `[[a]]` belongs to the last element of a."""
        found: Location = ()
        for part in table[:-1]:
            found = (*found, part)
            if found in arrays:
                found = (*found, arrays[found])
        return (*found, table[-1])

    def _pair(self, table: Location) -> None:
        key, line = self._key()
        self._record((*table, *key), line)
        self._accept("=")
        self._value((*table, *key))

    def _value(self, location: Location) -> None:
        if self._accept("{"):
            self._inline.add(location)
            while not self._accept("}"):
                if not self._accept(",", "\n"):
                    self._pair(location)
        elif self._accept("["):
            index = 0
            while not self._accept("]"):
                if self._accept(","):
                    index += 1
                elif not self._accept("\n"):
                    self._record((*location, index), self._tokens[self._at][1])
                    self._value((*location, index))
        else:
            while self._peek() not in ("\n", ",", "]", "}", ""):
                self._next()
