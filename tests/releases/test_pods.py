"""The gate of a service: what its pods must be."""

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bootstrap.cluster.pods import service_pods
from tests.releases.world import DAPR, ID, NAME, TIME, World


def test_a_sidecar_as_an_init_container_is_one(audit: World) -> None:
    containers: list[Any] = [{"name": NAME, "image": audit.reference}]
    audit.pod(spec={"containers": containers, "initContainers": [{"name": "daprd", "restartPolicy": "Always"}]})
    assert audit.look() is None


def test_a_pod_of_another_tag(audit: World) -> None:
    audit.pod(spec={"containers": [{"name": NAME, "image": f"taskapp/{NAME}:old"}, {"name": "daprd"}]})
    found = audit.look()
    assert found is not None
    assert found.code == "image-differs"


@pytest.mark.closes("each service (minikube)", "pods run the image that was built", "image-differs")
def test_a_pod_of_the_same_tag_and_another_image(audit: World) -> None:
    audit.images[audit.reference]["Id"] = "sha256:" + "9" * 64
    found = audit.look()
    assert found is not None
    assert found.code == "image-differs"
    assert ID in found.evidence


@pytest.mark.parametrize(
    "running",
    [
        f"docker://{ID}",
        ID,
        "docker-pullable://taskapp/audit-service@sha256:" + "a" * 64,
        "taskapp/audit-service@sha256:" + "b" * 64,
    ],
)
def test_the_ways_in_which_runtimes_name_an_image(running: str) -> None:
    digests = ["taskapp/audit-service@sha256:" + "a" * 64]
    built = {"Id": ID, "RepoDigests": digests, "Descriptor": {"digest": "sha256:" + "b" * 64}}
    assert service_pods.is_image(running, built)


@pytest.mark.parametrize(
    "running", ["", "docker://", "sha256:", "docker://sha256:" + "9" * 64, "taskapp/audit-service:1"]
)
def test_what_is_not_the_image(running: str) -> None:
    assert not service_pods.is_image(running, {"Id": ID, "RepoDigests": None})


def restarted(audit: World, ended: str, started: str, container: int = 0) -> dict[str, Any]:
    pod = audit.pod()
    status = copy.deepcopy(pod["status"])
    status["containerStatuses"][container] |= {
        "restartCount": 2,
        "state": {"running": {"startedAt": started}},
        "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": ended}},
    }
    return audit.pod(status=status)


@pytest.mark.closes("each service (minikube)", "nothing was restarted of late", "service-restarted")
@pytest.mark.parametrize(("container", "option"), [(0, ""), (1, " --sidecar")])
def test_a_container_restarted_a_moment_ago(audit: World, container: int, option: str) -> None:
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    restarted(audit, now, now, container)
    found = audit.look()
    assert found is not None
    assert (found.code, found.final) == ("service-restarted", False)
    assert "Error (exit code 1)" in found.evidence
    assert f"./inv logs {NAME} --previous{option}\n" in found.remedy


@pytest.mark.parametrize(
    ("ended", "started", "closed"),
    [
        ("2026-11-22T20:00:00Z", "2026-11-22T20:00:01Z", True),  # it runs for nine seconds
        ("2026-11-22T19:59:00Z", "2026-11-22T19:59:01Z", False),  # it runs for more than a minute
        ("2026-11-22T19:51:30Z", "2026-11-22T20:00:01Z", False),  # before the pod's network was made anew: the node
    ],
)
def test_which_restarts_count(audit: World, ended: str, started: str, closed: bool) -> None:
    pod = restarted(audit, ended, started)
    now = datetime.fromisoformat("2026-11-22T20:00:10Z")
    assert bool(service_pods.restarted(pod, NAME, now)) == closed
    assert datetime.fromisoformat(TIME) + timedelta(seconds=1) < now


def test_pods_that_end_or_have_ended_do_not_count(audit: World) -> None:
    old = {"containers": [{"name": NAME, "image": "taskapp/audit-service:old"}]}
    audit.pod("evicted", spec=old, status={"phase": "Failed"})
    audit.pod("ending", spec=old, metadata={"name": "ending", "deletionTimestamp": TIME, "finalizers": ["x/y"]})
    assert [pod["metadata"]["name"] for pod in service_pods.of(audit.env, NAME)] == [f"{NAME}-1"]


def test_only_a_pod_that_asks_for_a_sidecar_misses_one(audit: World) -> None:
    bare = {"containers": [{"name": NAME}]}
    asks, asks_not = audit.pod("a", spec=bare), audit.pod("b", spec=bare, metadata={"name": "b", "annotations": {}})
    assert asks["metadata"]["annotations"] == DAPR
    assert service_pods.without_sidecar([asks, asks_not]) == [asks]
