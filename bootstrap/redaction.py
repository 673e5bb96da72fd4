"""Takes secrets out of what is kept or passed on: logs of runs, evidence, bundles.

Known values are removed wherever they appear, in their usual encodings too. All others are found by the name beside
them (password, token, ...) or by their shape (a name and password in a URL, a private key, a bearer token).
"""

import base64
import json
import re
from collections.abc import Collection, Iterable
from typing import Any
from urllib.parse import quote, quote_plus

REMOVED = "<removed>"
SHORTEST = 6  # characters of a known value that is looked for: shorter ones are in every text
_NAMES = (
    r"(?:password|passwd|passphrase|pwd|secret|token|authorization|credential|cookie|connection[-_ ]?string|"
    r"(?:api|access|account|private|client|shared|encryption)[-_]?key)"
)
_NAME = re.compile(_NAMES, re.IGNORECASE)
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), REMOVED),
    # Up to the last @ before the path: a password may hold one itself.
    (re.compile(r"(?<=://)[^/\s\"'<>]*@"), f"{REMOVED}@"),
    (re.compile(r"(?i)((?:proxy-)?authorization|cookie)(\\?[\"']?\s*[:=]\s*)\\?[\"']?[^\r\n\"']+"), rf"\1\2{REMOVED}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {REMOVED}"),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), REMOVED),  # a JSON Web Token
    (re.compile(r"\b(?:gh[opsu]_|github_pat_|glpat-|xox[abp]-|AKIA)[\w-]{10,}"), REMOVED),
    (
        re.compile(
            rf"(?i)({_NAMES}[\w.-]{{0,40}}\\?[\"']?[ \t]*(?::=|=>|[:=])(?!=)[ \t]*)"
            r"(?:[|>][+-]?[ \t]*\n(?:[ \t]+\S.*\n?)+|\\\"(?:(?!\\\").)*\\\"|\"(?:[^\"\\\n]|\\.)*\"|"
            r"'[^'\n]*'|[^\s\"']\S*)"
        ),
        rf"\1{REMOVED}",
    ),
    (re.compile(rf"(?i)(--?[\w-]{{0,40}}{_NAMES}[\w-]{{0,40}}\s+)(?!-)\S+"), rf"\1{REMOVED}"),
)


def text(said: str, known: Collection[str] = ()) -> str:
    """What was said, with `<removed>` in place of every secret; `known` are values that are secret as they are."""
    for value in _encoded(known):
        said = said.replace(value, REMOVED)
    for shape, instead in _SHAPES:
        said = shape.sub(instead, said)
    return said


def document(value: Any, known: Collection[str] = (), *, secret: bool = False) -> Any:
    """A plain document (of dicts, lists, strings, ...), without the secrets in it.

    Everything below a key that names a secret is removed; so is the `value` of an object whose `name` does, as
    Kubernetes writes environment variables. `secret`: the whole of it is one.
    """
    if isinstance(value, dict):
        named = isinstance(value.get("name"), str) and "value" in value and _NAME.search(value["name"])
        return {
            text(str(key), known): document(
                one, known, secret=secret or bool(_NAME.search(str(key))) or bool(named and key == "value")
            )
            for key, one in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [document(one, known, secret=secret) for one in value]
    if value is None or isinstance(value, bool):
        return value
    if secret:
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
