"""A checkout of its own for every test."""

from pathlib import Path

import pytest
from uv import find_uv_bin

from tests.wrapper.checkout import INVOKE, Checkout, Index


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return Index(tmp_path / "wheels")


@pytest.fixture
def checkout(tmp_path: Path, index: Index) -> Checkout:
    """Nothing but the tools on PATH yet: a test adds the Pythons and uv that it wants."""
    checkout = Checkout(tmp_path, index)
    invoke = index.add("invoke", {"invoke/__init__.py": "", "invoke/__main__.py": INVOKE})
    uv = index.add("uv", {"uv-1.0.data/scripts/uv": f"#!/bin/sh\nexec '{find_uv_bin()}' \"$@\"\n"})
    checkout.lock.write_text(invoke + uv, encoding="utf-8")
    return checkout
