"""Fixtures: the double of the API server, and this project's doors to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.clients.kubernetes_api import Cluster
from bootstrap.core.env import Env
from tests.apiserver.server import ApiServer
from tests.doubles import small_env


@pytest.fixture
def api() -> Iterator[ApiServer]:
    """An API server that holds the namespaces `default` and `kube-system`."""
    with ApiServer() as server:
        yield server


@pytest.fixture
def cluster_env(api: ApiServer, tmp_path: Path) -> Env:
    """The environment of `tests.doubles.small_env` on minikube: its kubeconfig leads to `api`; its namespace exists."""
    root = tmp_path / "small"
    root.mkdir()
    env = small_env(root, place="minikube")
    api.kubeconfig(env.kubeconfig, env.context)
    api.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": env.manifest.namespace}})
    return env


@pytest.fixture
def cluster(cluster_env: Env) -> Cluster:
    """The door to `api` that `cluster_env` has."""
    return cluster_env.cluster
