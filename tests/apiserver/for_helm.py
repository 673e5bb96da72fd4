"""What Helm needs of an API server besides JSON: Secrets in Kubernetes' protobuf, and a minimal OpenAPI.

Sources: k8s.io/api core/v1/generated.proto, k8s.io/apimachinery runtime and meta/v1 generated.proto.
"""

import base64
from collections.abc import Iterator

from tests.apiserver.resources import Document, Resource

MAGIC = b"k8s\0"


def decoded(content: bytes) -> Document:
    """The Secret in a protobuf body; of any other kind, such as DeleteOptions, nothing that the double heeds."""
    envelope = dict(_fields(content[len(MAGIC) :]))
    facts = {number: value.decode() for number, value in _fields(envelope[1])}
    if facts.get(2) != "Secret":
        return {}
    found: Document = {"apiVersion": facts[1], "kind": facts[2], "metadata": {"labels": {}}, "data": {}}
    names = {1: "name", 3: "namespace", 6: "resourceVersion"}
    for number, value in _fields(envelope[2]):
        if number == 1:
            for inner, part in _fields(value):
                if inner in names and part:
                    found["metadata"][names[inner]] = part.decode()
                elif inner == 11:
                    key, label = _pair(part)
                    found["metadata"]["labels"][key] = label.decode()
        elif number == 2:
            key, data = _pair(value)
            found["data"][key] = base64.b64encode(data).decode()
        elif number == 3:
            found["type"] = value.decode()
    return found


def _pair(entry: bytes) -> tuple[str, bytes]:
    parts = dict(_fields(entry))
    return parts[1].decode(), parts.get(2, b"")


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """The length-delimited fields of a message, by number; numbers are read over."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        size, at = _varint(message, at)
        if tag & 7 == 2:
            yield tag >> 3, message[at : at + size]
            at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value, shift, at = value | (byte & 0x7F) << shift, shift + 7, at + 1
        if byte < 0x80:
            return value, at


def openapi(path: str, resources: tuple[Resource, ...]) -> Document | None:
    """`/openapi/v3` and what is below: each kind takes `fieldValidation`; None for another path."""
    if path == "/openapi/v3":
        versions = {_root(resource): {"serverRelativeURL": f"{path}/{_root(resource)}"} for resource in resources}
        return {"paths": versions}
    served = [resource for resource in resources if path == f"/openapi/v3/{_root(resource)}"]
    if not served:
        return None
    paths = {f"/{_root(one)}/{one.plural}/{{name}}": {"patch": _patch(one)} for one in served}
    return {"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1"}, "paths": paths}


def _root(resource: Resource) -> str:
    return f"{'apis' if resource.group else 'api'}/{resource.version}"


def _patch(resource: Resource) -> Document:
    kind = {"group": resource.group, "version": resource.version.rpartition("/")[2], "kind": resource.kind}
    return {
        "x-kubernetes-group-version-kind": kind,
        "parameters": [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}],
    }
