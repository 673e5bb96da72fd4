"""`status` of a cluster over many pods, against nothing but the lists that it needs, in turns.

.venv/bin/python -m benchmarks.status_pods [PODS] [ROUNDS]

The API server is the tests' double, in a process of its own: real HTTP and the real client, pods with their sidecar as
large as real ones. What a real API server takes to answer is not in it. Gates, engine and broker are left out.
"""

import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bootstrap.clients.kubernetes_api import path
from bootstrap.core.env import Env
from bootstrap.targets import minikube_status
from tests.apiserver import ApiServer
from tests.cluster.pod_documents import pod
from tests.docker_doubles import FakeEngine
from tests.doubles import FakeBroker, small_env

TARGET = 1.0  # seconds
SIZE = 9000  # bytes of a pod with a sidecar, its managedFields included, as the API sends it


def large(number: int) -> dict[str, Any]:
    """A pod of a service, as large as a real one, and as costly to read: most of a pod is small nested fields."""
    document = pod(("shop", "mailer")[number % 2], f"pod-{number:05}")
    missing = SIZE - len(json.dumps(document))
    fields: dict[str, Any] = {f"f:field-{index:04}": {"f:of": {}} for index in range(missing // 34)}
    document["metadata"]["managedFields"] = [{"manager": "kubelet", "fieldsV1": fields}]
    return document


def serve(pods: int, kubeconfig: Path, ready: Connection) -> None:
    with ApiServer() as server:
        for number in range(pods):
            server.put(large(number))
        server.kubeconfig(kubeconfig, "small")
        ready.send(True)
        ready.recv()


def seconds(call: Callable[[], object]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


def lists(env: Env) -> None:
    """The same questions, one after the other, and nothing made of the answers."""
    for version, kind, namespace in (
        ("v1", "pods", "small"),
        ("apps/v1", "deployments", "small"),
        ("apps/v1", "deployments", "dapr-system"),
        ("apps/v1", "statefulsets", "dapr-system"),
        ("v1", "nodes", ""),
    ):
        env.cluster.items(path(version, kind, namespace), resourceVersion="0")
    env.cluster.metadata(path("v1", "secrets"), labelSelector="owner=helm")


def main(pods: int = 500, rounds: int = 9) -> None:
    engine, broker = FakeEngine(), FakeBroker()
    with tempfile.TemporaryDirectory() as folder:
        reachable_urls: dict[str, Any] = {"docker_of": lambda _: engine, "broker_at": lambda _: broker}
        env = small_env(Path(folder), place="minikube", **reachable_urls)
        here, there = multiprocessing.Pipe()
        server = multiprocessing.get_context("spawn").Process(target=serve, args=(pods, env.kubeconfig, there))
        server.start()
        here.recv()
        asked = [seconds(lambda: minikube_status.facts(env, lambda _: {})) for _ in range(2)]  # imports, connections
        pairs = [
            (seconds(lambda: minikube_status.facts(env, lambda _: {})), seconds(lambda: lists(env)))
            for _ in range(rounds)
        ]
        here.send(True)
        server.join()
    whole, raw = zip(*pairs, strict=True)
    ratio = statistics.median(a / b for a, b in pairs)
    print(
        f"status over {pods} pods: {statistics.median(whole):.3f} s, the first time {asked[0]:.3f} s, target {TARGET}"
    )
    print(f"the lists alone, in a row: {statistics.median(raw):.3f} s; ratio {ratio:.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
