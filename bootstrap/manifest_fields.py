"""What the manifest's types know about a place in it: its keys, meaning, an example, and the nearest valid value."""

import difflib
import re
from collections.abc import Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from bootstrap.manifest_lines import Location

IN_WORDS = {
    r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$": "1 to 63 of a-z, 0-9 and -, with a letter or digit at both ends",
    r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$": "1 to 63 of a-z, 0-9 and -, from a letter to a letter or digit",
    r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,248}$": "1 to 249 of A-Z, a-z, 0-9, dot, _ and -, not starting with a dot",
    r"^[A-Za-z_][A-Za-z0-9_]*$": "letters, digits and _, not starting with a digit",
    r"^[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}$": "a full version, x.y.z",
    r"^([A-Za-z0-9._-]+/)*[A-Za-z][A-Za-z0-9_-]*$": "a relative path with / between its parts",
    r"^[a-z0-9][a-z0-9._:/-]*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}|@sha256:[0-9a-f]{64})$": (
        "an image with a fixed tag or digest, such as name:v1.2.3"
    ),
}
_TYPES = {
    "int_type": "a whole number",
    "string_type": 'a string, in "quotes"',
    "bool_type": "true or false",
    "tuple_type": "an array, in [brackets]",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "mapping_type": "a table",
    "dict_type": "a table",
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
            return _TYPES.get(kind, error["msg"])


def nearest(error: ErrorDetails, example: object) -> object:
    """A valid value, as near to the one given as can be told; else the example."""
    context, given = error.get("ctx", {}), error["input"]
    match error["type"]:
        case "greater_than_equal":
            return context["ge"]
        case "less_than_equal":
            return context["le"]
        case "literal_error":
            choices = re.findall(r"'([^']*)'", context["expected"])
            near = (
                difflib.get_close_matches(str(given).lower()[:100], choices, n=1, cutoff=0.5)
                if isinstance(given, str)
                else []
            )
            return near[0] if near else example
        case "bool_type" if isinstance(given, str) and given.lower() in ("true", "false"):
            return given.lower() == "true"
        case "tuple_type" if isinstance(given, str) and isinstance(example, list | tuple):
            return [given]
        case "string_pattern_mismatch":
            return _nearest_text(str(given), context["pattern"], example)
    return example


def nearest_name(name: str, error: ErrorDetails) -> str:
    """A valid name, as near to the one given as can be told."""
    pattern = error.get("ctx", {}).get("pattern", ".*")
    return str(_nearest_text(name, pattern, "name"))


def _nearest_text(given: str, pattern: str, example: object) -> object:
    given = given[:60]
    slug = re.sub(r"[^a-z0-9]+", "-", given.lower()).strip("-")
    version = re.sub(r"[^0-9.]", "", given).strip(".")
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", given)
    for candidate in (given.strip(), version, f"{version}.0", slug, plain, f"_{plain}", f"s-{slug}"):
        # A tag cannot be guessed, nor a folder: only their spelling could be
        if re.fullmatch(pattern, candidate) and candidate:
            return candidate
    return example


def _inner(annotation: Any) -> Any:
    """The type inside `X | None` or `Annotated[X, …]`."""
    arguments = [a for a in get_args(annotation) if a is not type(None)]
    if type(None) in get_args(annotation) or hasattr(annotation, "__metadata__"):
        return _inner(arguments[0])
    return annotation


def _field(model: type[BaseModel], location: Location) -> tuple[FieldInfo | None, Any]:
    """The field nearest to a location, and the type that stands there (None: unknown)."""
    field: FieldInfo | None = None
    kind: Any = model
    for part in location:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            field = kind.model_fields.get(str(part))
            if field is None:
                return None, None
            kind = _inner(field.annotation)
        elif get_origin(kind) is not None:  # a mapping's value, a tuple's element
            arguments = get_args(kind)
            kind = _inner(arguments[1] if issubclass(get_origin(kind), Mapping) else arguments[0])
    return field, kind


def keys(model: type[BaseModel], table: Location) -> list[str]:
    """The keys that a table may have."""
    _, kind = _field(model, table)
    return list(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else []


def description(model: type[BaseModel], location: Location) -> str:
    """One sentence on what stands at a location."""
    field, _ = _field(model, location)
    return (field.description if field else None) or ""


def example(model: type[BaseModel], location: Location) -> Any:
    """A valid value for a location; a table's holds only what it must."""
    field, kind = _field(model, location)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {
            name: example(kind, (name,)) for name, inner in kind.model_fields.items() if inner.is_required()
        }
    if field is None or not field.examples:
        return {}
    value = field.examples[0]
    if isinstance(location[-1], int) and isinstance(value, list | tuple):
        return value[0]
    if isinstance(value, Mapping) and field is not model.model_fields.get(str(location[-1])) and kind is str:
        return next(iter(value.values()))
    return value
