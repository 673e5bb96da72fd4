"""One world for each sidecar: a broker, a scripted app, and two sidecars with the resources that `inv up` writes."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.dapr import daprd
from tests.contract.world import World


@pytest.fixture(scope="session", params=["built-in", pytest.param("daprd", marks=pytest.mark.real("daprd"))])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    binary = None
    if request.param == "daprd":
        binary = daprd.find(os.environ)
        assert binary is not None, "the part daprd was found"
    with tempfile.TemporaryDirectory(prefix="contract-") as folder, World(Path(folder), binary) as world:
        yield world
