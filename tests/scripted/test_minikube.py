"""Holds the scripted minikube to the recording of the real one."""

from bootstrap.cli import commands
from tests.minikube import life
from tests.scripted.world import World


def test_the_life_of_a_profile_is_as_recorded(world: World) -> None:
    env = commands.open_env(world.root, world.environ)
    env.minikube.mkdir(parents=True, exist_ok=True)
    assert life.lived(env) == life.recorded()
