"""The generated files, and that the schema agrees with the types."""

import copy
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from bootstrap.manifest import load, schema
from bootstrap.manifest.toml import table_text
from bootstrap.problems.problem import ProblemsFound

ROOT = Path(__file__).parents[2]


def test_generated_files_are_fresh() -> None:
    stale = [path.name for path, text in schema.files(ROOT).items() if path.read_text(encoding="utf-8") != text]
    assert not stale, "run: python -m bootstrap.manifest.schema"


def test_schema_is_valid_and_accepts_the_manifests(manifest_text: str) -> None:
    Draft202012Validator.check_schema(schema.json_schema())
    validator = Draft202012Validator(schema.json_schema())
    validator.validate(tomllib.loads(manifest_text))
    validator.validate(tomllib.loads((ROOT / "environment.toml").read_text(encoding="utf-8")))


def test_manifest_of_this_project_is_good() -> None:
    assert load(ROOT / "environment.toml").root == ROOT


def changed(data: dict[str, Any], value: object, path: tuple[str, ...] = ()) -> Iterator[dict[str, Any]]:
    """The data with one key after another absent, then with another value in its place."""
    for key, inner in data.items():
        without = copy.deepcopy(data)
        del without[key]
        yield without
        yield {**copy.deepcopy(data), key: value}
        if isinstance(inner, dict):
            for part in changed(inner, value, (*path, key)):
                yield {**copy.deepcopy(data), key: part}


@pytest.mark.parametrize(
    "value", [0, 8081, True, 1.5, "", "x", "A b", "latest", "x:latest", [], ["orders"], [1], {}, {"x": 1}]
)
def test_schema_and_types_agree(checkout: Path, manifest_text: str, value: object, read: Callable[..., object]) -> None:
    """A single key absent or of another value is refused by both or by neither, references and conflicts aside."""
    validator = Draft202012Validator(schema.json_schema())
    path = checkout / "environment.toml"
    for data in changed(tomllib.loads(manifest_text), value):
        path.write_text(table_text(("x",), data).partition("\n")[2].replace("[x.", "["), encoding="utf-8")
        assert tomllib.loads(path.read_text(encoding="utf-8")) == data
        try:
            load(path)
            codes = set()
        except ProblemsFound as failed:
            codes = {problem.code for problem in failed.problems}
        codes -= {"manifest-unknown-reference", "manifest-conflict"}
        assert validator.is_valid(data) == (not codes), (data, codes)
