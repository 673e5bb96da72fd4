"""A checkout of one's own on a real minikube, brought up from nothing by the first test and deleted after the last.

The programs and the Docker Engine are those that the environment variables name. `up` refuses a profile of the
manifest's name that is already there, so nothing of anybody is touched. The files build on each other in the order of
their names, and the tests of a file in the order in which they stand.
"""

import os
from collections.abc import Iterator

import pytest

from bootstrap.cli import commands
from bootstrap.core.env import Env
from tests.live.world import Belongings, belongings, leave_belongings
from tests.local.conftest import Checkout, copy_checkout

LIMIT = 1800.0  # seconds that a command may take: a fresh machine downloads everything


@pytest.fixture(scope="package")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """One checkout for all tests, in the order in which they stand."""
    made = copy_checkout(tmp_path_factory.mktemp("live") / "checkout")
    made.limit = LIMIT
    yield made
    made.start("down", "--purge", "--yes").communicate(timeout=LIMIT)


@pytest.fixture(scope="package")
def before(live: Checkout) -> Belongings:
    """What was on the machine before the first command: with things of somebody else where nobody else is there."""
    env = commands.open_env(live.path, live.environ)
    if os.environ.get("CI") == "true":
        leave_belongings(env.docker)
    return belongings(env)


@pytest.fixture
def env(live: Checkout, before: Belongings) -> Env:
    """What the commands of that checkout see."""
    return commands.open_env(live.path, live.environ)


@pytest.fixture
def running(live: Checkout, before: Belongings) -> Checkout:
    """The checkout with its app up and proven, so that a file's tests also run alone."""
    live.inv("up", "--on", "minikube")
    return live
