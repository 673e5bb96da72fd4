"""Pods under a certificate authority that was made anew: those that trust the former one are started anew, once."""

from pathlib import Path
from typing import Any

import pytest

from bootstrap.minikube import authority, ownership
from bootstrap.stages import cluster
from tests.minikube.conftest import World

SAID = "The certificate authority of small is a new one: its pods are started anew."


def pod(world: World, name: str, namespace: str, kind: str | None) -> None:
    owners: list[dict[str, Any]] = (
        [{"kind": kind, "name": "its", "uid": f"of-{name}", "controller": True}] if kind else []
    )
    meta = {"name": name, "namespace": namespace, "ownerReferences": owners}
    world.api.put({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": []}, "status": {}})


def there(world: World) -> set[str]:
    return {found["metadata"]["name"] for found in world.env.cluster.items("/api/v1/pods")}


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    """The authority's certificate, in the home of `world`."""
    found = tmp_path / ".minikube" / "ca.crt"
    found.parent.mkdir()
    found.write_text("the first")
    return found


def test_a_new_authority_starts_anew_what_a_controller_keeps(ca: Path, running: World) -> None:
    pod(running, "proxy", "kube-system", "DaemonSet")
    pod(running, "shop", "small", "ReplicaSet")
    pod(running, "etcd-small", "kube-system", "Node")
    pod(running, "bare", "small", None)
    before = there(running)
    cluster.apply(running.env)
    assert there(running) == before, "the same authority"
    ca.write_text("the second")
    cluster.apply(running.env)
    assert there(running) == before - {"proxy", "shop"}
    assert SAID in running.said
    pod(running, "proxy", "kube-system", "DaemonSet")
    assert cluster.check(running.env) is None
    cluster.apply(running.env)
    assert "proxy" in there(running), "once is enough, also after the gate was green"


def test_a_cluster_that_is_made_anew_has_no_former_authority(ca: Path, running: World) -> None:
    ownership.claim(running.env, exists=False)
    ca.write_text("the second")
    pod(running, "proxy", "kube-system", "DaemonSet")
    authority.ensure_trusted(running.env)
    assert "proxy" in there(running)
    assert SAID not in running.said


def test_without_a_certificate_nothing_is_known(running: World) -> None:
    pod(running, "proxy", "kube-system", "DaemonSet")
    authority.ensure_trusted(running.env)
    assert "proxy" in there(running)
    assert ownership.authority(running.env) == ""
