"""Strict validation of rendered YAML against the Kubernetes API's schema: what the API server would silently drop."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from bootstrap.clients import yaml_reader
from bootstrap.lint import kubernetes_models as api

# The client words a quantity as a string; the API takes a number as well.
QUANTITIES = frozenset({"limits", "requests", "sizeLimit", "divisor", "capacity", "hard"})
ACCEPTED = {
    "str": {"str", "timestamp"},
    "datetime": {"str", "timestamp"},
    "int": {"int"},
    "float": {"int", "float"},
    "bool": {"bool"},
}
WORDS = {"str": "a string", "datetime": "a time", "int": "a whole number", "float": "a number", "bool": "true or false"}
SHAPES = {"mapping": "a mapping", "sequence": "a list", "scalar": "one value", "any": "any value"}

Chain = tuple[tuple[str, api.Model], ...]


@dataclass(frozen=True)
class Finding:
    """One thing in a rendered document that the API would not take as it was meant.

    `line` counts from 1 in the whole rendered text; `path` is the field's, such as `spec.replicas`; `advice` says what
    would be right; `source` is the template that Helm names for the document.
    """

    code: str
    what: str
    advice: str
    path: str
    line: int
    source: str
    document: str


@dataclass(frozen=True)
class _Document:
    source: str
    name: str

    def finding(self, code: str, node: yaml.Node, path: str, what: str, advice: str) -> Finding:
        return Finding(code, what, advice, path, node.start_mark.line + 1, self.source, self.name)


def findings(text: str) -> Iterator[Finding]:
    """Everything wrong in the documents of `text`, as `helm template` prints them. Empty documents are no error.

    Raises `yaml.YAMLError` when the text is not YAML.
    """
    lines = text.splitlines()
    for node in yaml.compose_all(text, Loader=yaml_reader.LOADER):
        if isinstance(node, yaml.ScalarNode) and _tag(node) == "null":
            continue
        yield from _document(node, _source(lines, node.start_mark.line))


def _source(lines: list[str], line: int) -> str:
    """The template in Helm's `# Source:` comment above a line; empty without one."""
    for text in reversed(lines[: line + 1]):
        if match := re.match(r"# Source: (.+)", text):
            return match[1].strip()
        if text.startswith("---") and not text.startswith("--- #"):
            break
    return ""


def _document(node: yaml.Node, source: str) -> Iterator[Finding]:
    top = {str(key.value): value for key, value in node.value} if isinstance(node, yaml.MappingNode) else {}
    version, kind = (str(top[key].value) if key in top else "" for key in ("apiVersion", "kind"))
    document = _Document(source, f"{kind} {_name(top)}".strip() or "document")
    if not version or not kind:
        yield document.finding(
            "chart-kind-unknown", node, "", "A document has no apiVersion or no kind.", "Every object states both."
        )
        return
    if not _name(top):
        yield document.finding("chart-missing-field", node, "metadata.name", 'missing field "metadata.name"', "")
    if not api.is_builtin(version):
        return  # its schema is in a CustomResourceDefinition
    if model := api.model_of(version, kind):
        yield from _walk(node, model, (("", model),), "", document)
    else:
        yield document.finding(
            "chart-kind-unknown",
            top["kind"],
            "kind",
            f"Kubernetes {api.kubernetes_version()} has no {kind} in {version}.",
            f"{kind} is there in another apiVersion." if kind in api.kinds() else "Correct the kind.",
        )


def _name(top: dict[str, yaml.Node]) -> str:
    metadata = top.get("metadata")
    if not isinstance(metadata, yaml.MappingNode):
        return ""
    return next((str(value.value) for key, value in metadata.value if key.value == "name"), "")


def _walk(node: yaml.Node, kind: str, chain: Chain, path: str, document: _Document) -> Iterator[Finding]:
    """What is wrong with the value of a field of that type. `null` is as good as no field at all."""
    if kind == "object" or _tag(node) == "null":
        return
    looks = api.shape(kind)
    if looks != _looks(node):
        yield _wrong(node, path, SHAPES[looks], document)
        return
    container, element = api.inside(kind)
    if isinstance(node, yaml.ScalarNode):
        allowed = ACCEPTED.get(element, set())
        quantity = {"int", "float"} if QUANTITIES & set(path.split(".")) and element == "str" else set()
        if allowed and _tag(node) not in allowed | quantity:
            yield _wrong(node, path, WORDS[element], document)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _walk(item, element, _named(chain, index), f"{path}[{index}]", document)
    elif container == "dict":
        yield from _repeated(node, path, document)
        for key, value in node.value:
            yield from _walk(value, element, chain, f"{path}.{key.value}", document)
    elif api.is_object(element):
        yield from _object(node, element, (*chain[:-1], (chain[-1][0], element)), path, document)


def _named(chain: Chain, index: int) -> Chain:
    name, model = chain[-1]
    return (*chain[:-1], (f"{name}[{index}]", model))


def _object(node: yaml.Node, model: api.Model, chain: Chain, path: str, document: _Document) -> Iterator[Finding]:
    yield from _repeated(node, path, document)
    known, present = api.fields(model), set()
    for key, value in node.value:
        name = str(key.value)
        place = f"{path}.{name}".lstrip(".")
        if name in known:
            if _tag(value) != "null":
                present.add(name)
            # Which object stands there is known, and put in, when it is walked.
            yield from _walk(value, known[name], (*chain, (name, model)), place, document)
        else:
            yield document.finding(
                "chart-unknown-field", key, place, f'unknown field "{place}"', _advice(chain, name, value)
            )
    for name in sorted(api.required(model) - present):
        place = f"{path}.{name}".lstrip(".")
        yield document.finding("chart-missing-field", node, place, f'missing field "{place}"', "")


def _advice(chain: Chain, name: str, value: yaml.Node) -> str:
    if near := api.misspelt(chain[-1][1], name):
        return f"The nearest field there is {near}."
    if place := api.belongs(chain, name, _looks(value)):
        return f"{name} belongs to {place}."
    return f"The fields there are: {', '.join(api.fields(chain[-1][1]))}."


def _repeated(node: yaml.Node, path: str, document: _Document) -> Iterator[Finding]:
    seen = set()
    for key, _ in node.value:
        place = f"{path}.{key.value}".lstrip(".")
        if str(key.value) in seen:
            yield document.finding("chart-duplicate-field", key, place, f'duplicate field "{place}"', "")
        seen.add(str(key.value))


def _wrong(node: yaml.Node, path: str, wanted: str, document: _Document) -> Finding:
    given = f'"{node.value}"' if _tag(node) == "str" else str(node.value)
    shown = given if isinstance(node, yaml.ScalarNode) else SHAPES[_looks(node)]
    return document.finding("chart-wrong-type", node, path, f'field "{path}" is {shown}', f"It must be {wanted}.")


def _looks(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "mapping"
    return "sequence" if isinstance(node, yaml.SequenceNode) else "scalar"


def _tag(node: yaml.Node) -> str:
    return str(node.tag).rpartition(":")[2]
