"""A kubelet that was stopped or hangs, and so no longer reports to the API: what the gate says, and what `up` does."""

from datetime import UTC, datetime, timedelta

from bootstrap.cluster import health
from bootstrap.stages import cluster
from tests.doubles import told
from tests.minikube.conftest import World, node

WORDS = "Kubelet stopped posting node status."


def silence(world: World, kubelet: str, since_s: float = 0.0) -> None:
    """The API gave up on the kubelet `since_s` seconds ago, minikube finds it in that state, and a start mends it."""
    found = node("Unknown")
    since = datetime.now(UTC) - timedelta(seconds=since_s)
    found["status"]["conditions"][0] |= {"message": WORDS, "lastTransitionTime": since.strftime("%Y-%m-%dT%H:%M:%SZ")}
    world.api.put(found)
    world.minikube.kubelet = kubelet

    def started() -> None:
        world.api.mend()
        world.api.put(node())
        world.up()

    world.minikube.started = started


def test_one_that_was_stopped_is_started(running: World) -> None:
    silence(running, "Stopped")
    found = told(cluster.check, running.env)
    assert found is not None
    assert WORDS in found.evidence
    assert not found.final
    cluster.apply(running.env)
    assert running.minikube.did == ["start"]
    assert running.said == ["The cluster small runs without its kubelet: minikube starts it.", "minikube: Done"]
    assert cluster.check(running.env) is None


def test_one_that_hangs_has_its_node_started_anew(running: World) -> None:
    silence(running, "Running", since_s=health.KUBELET_TIMEOUT_S + 1)
    found = told(cluster.check, running.env)
    assert found is not None
    assert found.code in cluster.stage(()).retry_apply_on, (
        "one that was silent when the run began is looked at once more"
    )
    cluster.apply(running.env)
    assert running.minikube.did == ["stop", "start"]
    assert running.said[0] == "The kubelet of small hangs: its node is started anew."
    assert cluster.check(running.env) is None


def test_one_that_runs_is_given_time_after_a_sleep_of_the_machine(running: World) -> None:
    silence(running, "Running", since_s=health.KUBELET_TIMEOUT_S - 10)
    found = told(cluster.check, running.env)
    assert found is not None
    assert (found.code, found.final) == ("kubelet-silent", False)
    assert found.code not in cluster.stage(()).retry_apply_on, "the one repetition is kept for when it is lost"
    cluster.apply(running.env)
    assert running.minikube.did == []
    running.api.put(node())
    assert cluster.check(running.env) is None
