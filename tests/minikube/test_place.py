"""The place `minikube`, where the cluster is not there or does not answer."""

import subprocess
import sys
from pathlib import Path

import pytest

from bootstrap.problems.problem import ProblemsFound
from bootstrap.targets import minikube as place
from tests.minikube.conftest import World

ROOT = Path(__file__).parents[2]
LABELS = {"app.kubernetes.io/name": "shop", "app.kubernetes.io/managed-by": "Helm"}


def test_of_a_cluster_that_does_not_answer_nothing_runs(world: World) -> None:
    world.up()
    pod = {"name": "shop-1", "namespace": world.env.manifest.namespace, "labels": LABELS}
    uid = world.api.put({"apiVersion": "v1", "kind": "Pod", "metadata": pod, "spec": {}})["metadata"]["uid"]
    assert place.started(world.env, "shop") == f"{uid}:0"
    assert uid in place.running_fingerprint(world.env)
    world.api.refuse_connections()
    assert place.started(world.env, "shop") == ""
    assert uid not in place.running_fingerprint(world.env), "`up` begins with this, and starts the cluster again"


def test_logs_of_a_stopped_cluster(world: World) -> None:
    with pytest.raises(ProblemsFound) as raised:
        place.logs(world.env, "shop", sidecar=False, previous=False, follow=False)
    assert raised.value.problems[0].code == "nothing-runs"


def test_the_docker_library_is_whole_before_anything_runs_side_by_side() -> None:
    """Threads that import parts of it at the same time were told of a circular import."""
    code = "import sys\nfrom bootstrap.targets import target\ntarget.import_module(target.PLACES['minikube'])\n"
    code += "assert sys.modules.keys() >= {'docker.client', 'docker.context', 'docker.errors', 'docker.tls'}\n"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)
