"""labelSelector and fieldSelector, as lists take them."""

import re

from tests.apiserver.resources import Document
from tests.apiserver.statuses import Refused

_SET = re.compile(r"(?P<key>[^\s,!=()]+) +(?P<how>in|notin) +\((?P<values>[^)]*)\)")
_FIELDS = ("metadata.name", "metadata.namespace", "status.phase", "spec.nodeName", "type", "reason")


def chosen(item: Document, labels: str, fields: str) -> bool:
    """Whether both selectors choose the object. Raises `Refused` (400) for one that the API would not take."""
    return _labels(item["metadata"].get("labels", {}), labels) and all(_field(item, term) for term in _terms(fields))


def _labels(have: Document, selector: str) -> bool:
    for match in _SET.finditer(selector):
        values = [value.strip() for value in match["values"].split(",")]
        if (have.get(match["key"]) in values) != (match["how"] == "in"):
            return False
    return all(_label(have, term) for term in _terms(_SET.sub("", selector)))


def _label(have: Document, term: str) -> bool:
    if "!=" in term:
        key, _, value = term.partition("!=")
        return bool(have.get(key.strip()) != value.strip())
    if "=" in term:
        key, _, value = term.replace("==", "=").partition("=")
        return bool(have.get(key.strip()) == value.strip())
    return term[1:] not in have if term.startswith("!") else term in have


def _field(item: Document, term: str) -> bool:
    path, how, value = re.split(r"(!=|==?)", term, maxsplit=1)
    if path not in _FIELDS and not path.startswith("involvedObject."):
        raise Refused(400, f'Unable to find "{item["kind"]}" that match label selector "", field selector "{term}"')
    found: object = item
    for part in path.split("."):
        found = found.get(part, "") if isinstance(found, dict) else ""
    return (str(found) == value) != (how == "!=")


def _terms(selector: str) -> list[str]:
    return [term.strip() for term in selector.split(",") if term.strip()]
