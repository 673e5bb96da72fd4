"""What the manifest's types know about a place in it: keys, meaning, an example, the nearest valid value."""

import difflib
import re
from collections.abc import Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from bootstrap.manifest.lines import Location
from bootstrap.manifest.types import IN_WORDS

_KINDS = {
    "int_type": "a whole number",
    "string_type": 'a string, in "quotes"',
    "bool_type": "true or false",
    "tuple_type": "an array, in [brackets]",
    "model_type": "a table",
    "mapping_type": "a table",
}


def wanted(error: ErrorDetails) -> str:
    """What must stand there, to follow "must be"."""
    context = error.get("ctx", {})
    match error["type"]:
        case "greater_than_equal":
            return f"at least {context['ge']}"
        case "less_than_equal":
            return f"at most {context['le']}"
        case "literal_error":
            return f"one of {context['expected']}"
        case "string_pattern_mismatch":
            return IN_WORDS[context["pattern"]]
        case "string_too_long":
            return f"at most {context['max_length']} characters long"
        case kind:
            return _KINDS.get(kind, error["msg"])


def nearest(error: ErrorDetails, example: object) -> object:
    """A valid value, as near to the given one as can be told; else the example."""
    context, given = error.get("ctx", {}), error["input"]
    match error["type"], given:
        case "greater_than_equal", _:
            return context["ge"]
        case "less_than_equal", _:
            return context["le"]
        case "literal_error", str():
            choices = re.findall(r"'([^']*)'", context["expected"])
            near = difflib.get_close_matches(given.lower()[:100], choices, n=1, cutoff=0.5)
            return near[0] if near else example
        case "bool_type", str() if given.lower() in ("true", "false"):
            return given.lower() == "true"
        case "int_type", str() if isinstance(example, int) and re.fullmatch("[1-9][0-9]{0,4}", given):
            return int(given)
        case "tuple_type", str():
            return [given]
        case "string_pattern_mismatch", str():
            return _nearest_text(given, context["pattern"], example)
    return example


def nearest_name(name: str, error: ErrorDetails) -> str:
    """A valid name, as near to the given one as can be told."""
    return str(_nearest_text(name, error.get("ctx", {}).get("pattern", ""), "name"))


def _nearest_text(given: str, pattern: str, example: object) -> object:
    """The first spelling that fits: without blanks, as a version, with - for what is not allowed, with _ for it."""
    given = given[:60].strip()
    version = re.sub(r"[^0-9.]", "", given).strip(".")
    words = re.sub(r"[^a-z0-9]+", "-", given.lower()).strip("-")
    variable = re.sub(r"[^A-Za-z0-9_]+", "_", given)
    is_path = "/" in pattern  # an image or folder of another spelling is another one
    spellings = [given] if is_path else [given, version, f"{version}.0", words, variable, f"_{variable}"]
    return next((text for text in spellings if re.fullmatch(pattern, text)), example)


def keys(model: type[BaseModel], table: Location) -> list[str]:
    """The keys that a table may have."""
    kind = _find(model, table)[1]
    return list(kind.model_fields) if _is_table(kind) else []


def description(model: type[BaseModel], location: Location) -> str:
    """One sentence on what stands at a location; empty for an unknown one."""
    field, kind = _find(model, location)
    return (field.description if field else kind.__doc__) or ""


def example(model: type[BaseModel], location: Location) -> Any:
    """A valid value for a location; for a table, what it must have."""
    field, kind = _find(model, location)
    if _is_table(kind):
        required = [name for name, inner in kind.model_fields.items() if inner.is_required()]
        return {name: example(kind, (name,)) for name in required}
    value = field.examples[0] if field and field.examples else {}
    if get_origin(kind) is None and isinstance(value, Mapping):  # one entry of the mapping
        value = next(iter(value.values()), "")
    return value[0] if isinstance(location[-1], int) else value


def _is_table(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _find(model: type[BaseModel], location: Location) -> tuple[FieldInfo | None, Any]:
    """The field around a location (None: an entry of a mapping of tables), and the type that stands there."""
    field: FieldInfo | None = None
    kind: Any = model
    for part in location:
        if _is_table(kind):
            field = kind.model_fields[str(part)]
            kind = _plain(field.annotation)
        elif get_args(kind):
            kind = _plain(get_args(kind)[-1 if isinstance(part, str) else 0])
            field = None if _is_table(kind) else field
    return field, kind


def _plain(annotation: Any) -> Any:
    """The type inside `X | None` or `Annotated[X, …]`."""
    while hasattr(annotation, "__metadata__") or type(None) in get_args(annotation):
        annotation = get_args(annotation)[0]
    return annotation
