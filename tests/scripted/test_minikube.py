"""The scripted minikube says of a profile's life what the real one was recorded to say."""

from bootstrap import commands
from tests.minikube import life
from tests.scripted.world import World


def test_the_life_of_a_profile_is_as_recorded(world: World) -> None:
    env = commands.open_env(world.root, world.environ)
    env.minikube.mkdir(parents=True, exist_ok=True)
    assert life.lived(env) == life.recorded()
