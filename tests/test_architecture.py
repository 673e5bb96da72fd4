"""The page about the structure says what is there."""

import re

from tests.architecture import PICTURE, ROOT, layers, picture

PAGE = ROOT / "docs" / "architecture.md"


def test_the_picture_is_fresh() -> None:
    assert PICTURE.read_text(encoding="utf-8") == picture(), "draw it anew: .venv/bin/python -m tests.architecture"


def test_the_contract_has_every_package() -> None:
    there = {path.name for path in (ROOT / "bootstrap").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert {*layers()} == there | {"pipeline"}


def test_the_page_tells_of_every_package_and_of_nothing_else() -> None:
    text = PAGE.read_text(encoding="utf-8")
    told = set(re.findall(r"`bootstrap/([a-z]+)(?:/|\.py)`", text))
    assert told >= set(layers())
    for path in re.findall(r"`((?:bootstrap|tests|services|infrastructure|benchmarks|docs)/[\w./-]*)`", text):
        assert (ROOT / path).exists(), path
