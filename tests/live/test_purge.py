"""`down --purge`: nothing of ours is left, and nothing of anybody else's has changed."""

import pytest

from bootstrap.core.env import Env
from tests.live.world import Belongings, belongings
from tests.local.conftest import Checkout

pytestmark = [pytest.mark.live, pytest.mark.real("docker")]


def test_nothing_of_ours_is_left(live: Checkout, env: Env, before: Belongings) -> None:
    live.inv("up", "--on", "minikube")
    live.inv("down", "--purge", "--yes")
    assert belongings(env) == before
    assert live.processes() == []
