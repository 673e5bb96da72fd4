"""The kinds of value in the manifest, each with its meaning in words."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

Key = TypeVar("Key")
Value = TypeVar("Value")

_LABEL = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
_SERVICE = r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$"
_TOPIC = r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,248}$"
_ENV = r"^[A-Za-z_][A-Za-z0-9_]*$"
_VERSION = r"^[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}$"
_FOLDER = r"^([A-Za-z0-9._-]+/)*[A-Za-z][A-Za-z0-9_-]*$"
_IMAGE = r"^[a-z0-9][a-z0-9._:/-]*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}|@sha256:[0-9a-f]{64})$"

IN_WORDS = {
    _LABEL: "1 to 63 of a-z, 0-9 and -, starting and ending with a letter or digit",
    _SERVICE: "1 to 63 of a-z, 0-9 and -, starting with a letter, ending with a letter or digit",
    _TOPIC: "1 to 249 of A-Z, a-z, 0-9, dot, _ and -, not starting with a dot",
    _ENV: "letters, digits and _, not starting with a digit",
    _VERSION: "a full version, x.y.z",
    _FOLDER: "a relative path, with / between its parts",
    _IMAGE: "an image with a fixed tag or digest, such as name:v1.2.3",
}


def frozen(table: Mapping[Key, Value]) -> Mapping[Key, Value]:
    """A read-only copy."""
    return MappingProxyType(dict(table))


def _pinned(image: str) -> str:
    if image.endswith(":latest"):
        raise PydanticCustomError("unpinned", "an image with a tag that does not move, as latest does")
    return image


Label = Annotated[str, StringConstraints(pattern=_LABEL)]
ServiceName = Annotated[str, StringConstraints(pattern=_SERVICE)]
TopicName = Annotated[str, StringConstraints(pattern=_TOPIC)]
EnvName = Annotated[str, StringConstraints(pattern=_ENV)]
Version = Annotated[str, StringConstraints(pattern=_VERSION)]
FolderPath = Annotated[str, StringConstraints(pattern=_FOLDER, max_length=200)]
Image = Annotated[
    str,
    StringConstraints(pattern=_IMAGE, max_length=400),
    AfterValidator(_pinned),
    Field(json_schema_extra={"not": {"pattern": ":latest$"}}),
]
Port = Annotated[int, Field(ge=1024, le=65535)]
NodePort = Annotated[int, Field(ge=30000, le=32767)]
PodSecurityLevel = Literal["privileged", "baseline", "restricted"]
CleanupPolicy = Literal["delete", "compact", "compact,delete"]

# TOML has arrays, the types have tuples: only this conversion is allowed, all else is strict.
Topics = Annotated[tuple[TopicName, ...], Field(strict=False, json_schema_extra={"uniqueItems": True})]
Services = Annotated[tuple[ServiceName, ...], Field(strict=False, json_schema_extra={"uniqueItems": True})]
Variables = Annotated[Mapping[EnvName, str], AfterValidator(frozen)]
