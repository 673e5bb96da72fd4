"""Worlds for tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import certificates
from tests.scripted.world import World

MakeWorld = Callable[[], World]


@pytest.fixture(scope="module")
def make_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeWorld]:
    """Makes worlds that end with the module."""
    folder: Path = certificates.write(tmp_path_factory.mktemp("tls") / "certificates")
    made: list[World] = []

    def make() -> World:
        made.append(World(folder))
        return made[-1]

    yield make
    for world in made:
        world.close()


@pytest.fixture(scope="module")
def world(make_world: MakeWorld) -> World:
    """One world for all tests of a module, in order."""
    return make_world()
