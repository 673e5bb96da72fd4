"""`inv up` on minikube, from nothing to nothing, with the real pipeline and a real Helm in a scripted world."""

import pytest

from tests.scripted.world import World

pytestmark = pytest.mark.real("helm")


def test_from_nothing_to_green_and_back(world: World) -> None:
    printed = world.green("up")
    assert "small is up and proven" in printed
    assert all(f"✔ {name} " in printed for name in ("cluster", "images", "dapr", "shop", "mailer", "smoke"))
    pods = world.pods()
    assert pods.keys() == {"postgres", "shop", "mailer", "inv-probe"}

    # Again: nothing is to do, so nothing is done, and it says so.
    writes, ran = len(world.writes()), len(world.programs.ran)
    printed = world.green("up")
    assert "the app has not changed since it was last proven" in printed
    assert world.writes()[writes:] == []
    assert not [line for line in world.programs.ran[ran:] if line.startswith("docker build ") or " start" in line]
    assert [line for line in world.logged() if "helm" in line] == []
    assert world.pods() == pods

    # A changed line rolls that one service out, and no other.
    main = world.root / "services/shop/shop/__main__.py"
    main.write_text(main.read_text() + "# changed\n")
    assert "shop runs its new version" in world.green("rebuild", "shop")
    changed = world.pods()
    assert {name for name in pods if pods[name] != changed[name]} == {"shop"}
    world.green("up")
    assert world.pods() == changed

    # Down keeps all that is in the cluster; up goes on with it.
    world.green("down")
    assert (world.minikube.host, world.ours()) == ("Stopped", {"exited"})
    world.green("up")
    assert world.pods() == changed

    assert world.touched() == []
    printed = world.green("down", "--purge")
    assert "deleted the minikube profile small" in printed
    assert (world.minikube.host, world.ours()) == ("", set())
    assert world.machine.volumes.keys() == {"somebodys-redpanda"}
    assert world.touched() == ["objects"]  # the node went, with all that was in it
