"""The schema of the Kubernetes API, read from the models of the official Python client.

The client is generated from the API's own OpenAPI document: client 35 is Kubernetes 1.35.
"""

import difflib
import re
from collections import deque
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

LOOK_INSIDE = 4  # levels below an object in which the right place of a field is looked for
NEAR = 0.8  # likeness from which one name is a misspelling of another
# The API refuses these without a `spec`, although its schema does not say so.
NEED_A_SPEC = frozenset(
    f"V1{kind}"
    for kind in (
        "CronJob",
        "DaemonSet",
        "Deployment",
        "Job",
        "JobTemplateSpec",
        "Pod",
        "PodTemplateSpec",
        "ReplicaSet",
        "Service",
        "StatefulSet",
    )
)

Model = str
"""The name of a class of `kubernetes.client.models`, such as `V1PodSpec`."""


def kubernetes_version() -> str:
    """The Kubernetes version, `1.N`, whose schema this is."""
    return f"1.{version('kubernetes').partition('.')[0]}"


def is_builtin(api_version: str) -> bool:
    """Whether the API server itself serves that group, rather than a CustomResourceDefinition."""
    group = api_version.rpartition("/")[0]
    return "." not in group or group.endswith(".k8s.io")


@cache
def model_of(api_version: str, kind: str) -> Model | None:
    """The model of a built-in kind; None when the API of that version has no such kind."""
    from kubernetes import client

    group, _, number = api_version.rpartition("/")
    group = re.sub(r"\.k8s\.io$|\.", "-", group or "core").strip("-")
    api = getattr(client, f"{_camel(group)}{_camel(number)}Api", None)
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind).lower()
    if api is None or not any(hasattr(api, f"create_{scope}{snake}") for scope in ("", "namespaced_")):
        return None
    names = (f"{_camel(number)}{kind}", f"{_camel(group)}{_camel(number)}{kind}")
    return next(filter(is_object, names), None)


def _camel(words: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in words.split("-"))


@cache
def kinds() -> frozenset[str]:
    """The names of all built-in kinds, whatever their apiVersion."""
    from kubernetes.client import models

    found = (re.fullmatch(r"V\d[a-z0-9]*?([A-Z]\w+)", name) for name in dir(models))
    return frozenset(
        name[1]
        for name in found
        if name and {"api_version", "kind", "metadata"} <= set(getattr(models, name[0]).attribute_map)
    )


@cache
def is_object(kind: str) -> bool:
    """Whether a type is an object with fields of its own, rather than a scalar."""
    return isinstance(_class(kind), type)


def _class(model: Model) -> Any:
    from kubernetes.client import models

    return getattr(models, model, None)


@cache
def fields(model: Model) -> Mapping[str, str]:
    """The fields of an object: name in YAML → type in the client's words, such as `list[V1Container]`."""
    known = _class(model)
    return {name: known.openapi_types[attribute] for attribute, name in known.attribute_map.items()}


@cache
def required(model: Model) -> frozenset[str]:
    """The fields that an object must have, by their names in YAML."""
    from kubernetes.client import Configuration

    # The setters are the only place where the client knows it: they refuse None.
    known = _class(model)
    blank = known.__new__(known)
    blank.local_vars_configuration = Configuration.get_default_copy()
    found = {"spec"} if model in NEED_A_SPEC else set()
    for attribute, name in known.attribute_map.items():
        try:
            setattr(blank, attribute, None)
        except ValueError:
            found.add(name)
    return frozenset(found)


def inside(kind: str) -> tuple[str, str]:
    """The container and the element of a type: `("list", "V1Container")`, `("dict", "str")`, `("", "int")`."""
    # Releases of the client before 36 write a mapping with parentheses: `dict(str, str)`.
    match = re.fullmatch(r"(list)\[(.+)\]|(dict)[\[(]str, (.+)[\])]", kind)
    if match is None:
        return "", kind
    return (match[1], match[2]) if match[1] else (match[3], match[4])


def shape(kind: str) -> str:
    """How a value of that type looks in YAML: `mapping`, `sequence`, `scalar` or `any`."""
    container, element = inside(kind)
    if container:
        return "sequence" if container == "list" else "mapping"
    return "any" if element == "object" else "mapping" if is_object(element) else "scalar"


def misspelt(model: Model, field: str) -> str:
    """The field of the object that was probably meant; empty when none is near."""
    by_case = {name.lower(): name for name in fields(model)}
    near = difflib.get_close_matches(field.lower(), by_case, 1, NEAR)
    return by_case[near[0]] if near else ""


def belongs(chain: Sequence[tuple[str, Model]], field: str, looks: str) -> str:
    """The nearest place where a field of that name and shape exists; empty when there is none.

    `chain`: the objects around the field, the document first, each with the part of the path that leads to it; the last
    is the object that does not have the field.
    """
    parent = chain[-1][0].partition("[")[0]
    candidates: list[tuple[bool, int, int, str]] = []
    for up, index in enumerate(range(len(chain) - 1, -1, -1)):
        # The document's own part of the path is empty.
        base = [re.sub(r"\[\d+\]", "[]", part) for part, _ in chain[: index + 1] if part]
        for steps, there in _places(chain[index][1]).get(field, ()):
            if there not in (looks, "any"):
                continue
            path = [*base, *steps]
            owner = path[-2].rstrip("[]") if len(path) > 1 else ""
            candidates.append((owner != parent, up + len(steps), len(candidates), ".".join(path)))
    return min(candidates)[3] if candidates else ""


@cache
def _places(model: Model) -> Mapping[str, tuple[tuple[tuple[str, ...], str], ...]]:
    """Every field at and below an object: name → its places, the shallow ones first, each with the shape there."""
    found: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    todo: deque[tuple[Model, tuple[str, ...]]] = deque([(model, ())])
    while todo:
        here, path = todo.popleft()
        for name, kind in fields(here).items():
            found.setdefault(name, []).append(((*path, name), shape(kind)))
            container, element = inside(kind)
            if is_object(element) and len(path) < LOOK_INSIDE and name not in ("status", "metadata"):
                todo.append((element, (*path, f"{name}[]" if container == "list" else name)))
    return {name: tuple(places) for name, places in found.items()}
