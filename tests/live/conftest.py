"""A checkout of one's own on a real minikube, brought up from nothing by the first test and deleted after the last.

The programs and the Docker Engine are those that the environment variables name. `up` refuses a profile of the
manifest's name that is already there, so nothing of anybody is touched.
"""

from collections.abc import Iterator

import pytest

from bootstrap import commands
from bootstrap.env import Env
from tests.local.conftest import Checkout, copy_checkout

LIMIT = 1800.0  # seconds that a command may take: a fresh machine downloads everything


@pytest.fixture(scope="package")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """One checkout for all tests, in the order in which they stand."""
    made = copy_checkout(tmp_path_factory.mktemp("live") / "checkout")
    made.limit = LIMIT
    yield made
    made.start("down", "--purge", "--yes").communicate(timeout=LIMIT)


@pytest.fixture
def env(live: Checkout) -> Env:
    """What the commands of that checkout see."""
    return commands.open_env(live.path, live.environ)
