"""Takes secrets out of what is kept or passed on: logs of runs, evidence, bundles.

Known values are removed wherever they appear, in their usual encodings too. All others are found by the name beside
them (password, token, ...) or by their shape (a name and password in a URL, a private key, a bearer token).
"""

import base64
import json
import re
from collections.abc import Callable, Collection, Iterable
from typing import Any
from urllib.parse import quote, quote_plus

REMOVED = "<removed>"
SHOWN = 40  # characters before a name that may belong to it
SHORTEST = 6  # characters of a known value that is looked for: shorter ones are in every text
_NAMES = (
    r"(?:password|passwd|passphrase|pwd|secret|token|authorization|credential|cookie|connection[-_ ]?string|"
    r"(?:api|access|account|private|client|shared|encryption)[-_]?key)"
)
_NAME = re.compile(_NAMES, re.IGNORECASE)
# A value that is no secret whatever its name: a truth value or nothing, with or without quotes.
_PLAIN = r"(?P<quote>\\?[\"']|)(?:true|false|yes|no|on|off|null|none|nil|~)(?P=quote)"
_NUMBER = r"(?P<around>\\?[\"']|)\d+(?:\.\d+)?(?:ms|[smhd]|[KMG]i?|%)?(?P=around)"
_END = r"(?=[,;}\])]*(?:[\s\"']|\\\"|$))"
_IS_PLAIN, _IS_NUMBER = re.compile(_PLAIN, re.IGNORECASE), re.compile(_NUMBER)
# A number is none either where its name says that it measures something; any other may be a password of digits.
_MEASURES = frozenset(
    (
        *("age", "attempts", "bits", "bytes", "count", "days", "duration", "expiration", "expires"),
        *("expiry", "hours", "interval", "length", "lifetime", "limit", "minutes", "mode", "ms"),
        *("port", "retries", "rounds", "seconds", "size", "timeout", "ttl", "version"),
    )
)
_AMOUNTS = frozenset(("max", "min", "num", "total"))  # before a plural, such as maxTokens
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def _measures(name: str) -> bool:
    """Whether a name, such as `tokenExpirationSeconds`, says that its value measures something."""
    words = [word.lower() for word in _WORD.findall(name)]
    return bool(words) and (words[-1] in _MEASURES or (words[0] in _AMOUNTS and words[-1].endswith("s")))


def _unless_it_measures(found: re.Match[str]) -> str:
    before = re.search(r"[\w.-]*$", found.string[max(0, found.start() - SHOWN) : found.start()])
    name = (before[0] if before else "") + found[1]
    return found[0] if found["number"] and _measures(name) else f"{found[1]}{REMOVED}"


_SHAPES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), REMOVED),
    # Up to the last @ before the path: a password may hold one itself.
    (re.compile(r"(?<=://)[^/\s\"'<>]*@"), f"{REMOVED}@"),
    (
        re.compile(
            r"(?i)((?:proxy-)?authorization|cookie)(\\?[\"']?\s*[:=]\s*)"
            # To the end of the line, unless that is a truth value alone.
            rf"(?!\s*{_PLAIN}[,;}}\])]*\s*(?:[\r\n\"']|$))\\?[\"']?[^\r\n\"']+"
        ),
        rf"\1\2{REMOVED}",
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {REMOVED}"),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), REMOVED),  # a JSON Web Token
    (re.compile(r"\b(?:gh[opsu]_|github_pat_|glpat-|xox[abp]-|AKIA)[\w-]{10,}"), REMOVED),
    (
        re.compile(
            rf"(?i)({_NAMES}[\w.-]{{0,40}}\\?[\"']?[ \t]*(?::=|=>|[:=])(?!=)[ \t]*)(?!\s*{_PLAIN}{_END})"
            rf"(?:(?P<number>{_NUMBER}){_END}|"
            r"[|>][+-]?[ \t]*\n(?:(?:[ \t]+|#[ \t]+)\S.*\n?)+|\\\"(?:(?!\\\").)*\\\"|\"(?:[^\"\\\n]|\\.)*\"|"
            r"'[^'\n]*'|[^\s\"']\S*)"
        ),
        _unless_it_measures,
    ),
    (
        re.compile(
            rf"(?i)(--?[\w-]{{0,40}}{_NAMES}[\w-]{{0,40}}\s+)(?!-|\s*{_PLAIN}{_END})(?:(?P<number>{_NUMBER}){_END}|\S+)"
        ),
        _unless_it_measures,
    ),
)


def text(said: str, known: Collection[str] = ()) -> str:
    """What was said, with `<removed>` in place of every secret; `known` are values that are secret as they are."""
    for value in _encoded(known):
        said = said.replace(value, REMOVED)
    for shape, instead in _SHAPES:
        said = shape.sub(instead, said)
    return said


def document(value: Any, known: Collection[str] = (), *, secret: bool = False, name: str = "") -> Any:
    """A plain document (of dicts, lists, strings, ...), without the secrets in it.

    Everything below a key that names a secret is removed; so is the `value` of an object whose `name` does, as
    Kubernetes writes environment variables. What is no secret whatever its name stays: truth values, nothing, and
    numbers whose name says that they measure something. `secret`: the whole of it is one; `name`: of the value.
    """
    if isinstance(value, dict):
        named = isinstance(value.get("name"), str) and "value" in value and _NAME.search(value["name"])
        return {
            text(str(key), known): document(
                one,
                known,
                secret=secret or bool(_NAME.search(str(key))) or bool(named and key == "value"),
                name=value["name"] if named and key == "value" else str(key),
            )
            for key, one in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [document(one, known, secret=secret, name=name) for one in value]
    if value is None or isinstance(value, bool):
        return value
    if secret and not _IS_PLAIN.fullmatch(str(value)) and not (_measures(name) and _IS_NUMBER.fullmatch(str(value))):
        return REMOVED
    return value if isinstance(value, int | float) else text(str(value), known)


def _encoded(known: Iterable[str]) -> list[str]:
    """Each value as it is, and as URLs, JSON and Secrets write it; the longest first, since one may be in another."""
    found = set()
    for value in known:
        if len(value) >= SHORTEST:
            encoded = base64.b64encode(value.encode()).decode()
            found |= {value, quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1], encoded}
    return sorted(found, key=len, reverse=True)
