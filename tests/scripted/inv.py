"""`inv`, with two doors that lead into a world: Kafka's, and the way to the loopback of pods.

As a program it is given orders on its stdin, a line of JSON each, and becomes one more `inv` at each: its modules are
loaded once.
"""

import importlib
import json
import os
import pkgutil
import signal
import sys
from pathlib import Path
from typing import Any

import bootstrap
from bootstrap.cli import commands
from bootstrap.clients.http import Answer
from bootstrap.clients.kubernetes_api import Cluster, path
from bootstrap.core.env import Env
from tasks import _do
from tests.scripted.kafka import Door

HEAVY = ("docker", "docker.tls", "kubernetes.client", "kubernetes.config", "pyhelm3", "yaml")


class Through(Cluster):
    """The cluster, whose pods answer through the API's proxy."""

    def ask_pod(self, namespace: str, pod: str, port: int, at: str, seconds: float = 5.0) -> Answer:
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        try:
            return Answer(200, self.text(path("v1", "pods", namespace, f"{pod}:{port}", f"proxy{at}")))
        except (ApiException, HTTPError) as error:
            return Answer(0, str(error))


def main(root: Path, args: list[str]) -> None:
    """One command, to its exit."""

    def act(_: Env) -> int:
        env = commands.open_env(root, dict(os.environ))
        env.cluster_at, env.broker_at = Through.connect, Door  # type: ignore[assignment]
        match args:
            case ["up"]:
                return commands.up(env)
            case ["rebuild", *services]:
                return commands.rebuild(env, services)
            case ["down"]:
                return commands.down(env)
            case ["down", "--purge"]:
                return commands.down(env, purge=True)
        raise AssertionError(args)

    _do(act)


def become(order: dict[str, Any]) -> None:
    """Forks twice: one is `inv`, another waits for its end and writes down how it was."""
    told = Path(order["told"])
    if os.fork():
        return
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if not child:
        os.setsid()
        with told.with_suffix(".out").open("w") as out, Path(os.devnull).open() as nothing:
            os.dup2(nothing.fileno(), 0)
            os.dup2(out.fileno(), 1)
            os.dup2(out.fileno(), 2)
        os.environ.clear()
        os.environ.update(order["environ"])
        main(Path(order["root"]), order["args"])
    told.with_suffix(".pid").write_text(f"{child}\n")
    _, status = os.waitpid(child, 0)
    told.with_suffix(".end").write_text(f"{os.waitstatus_to_exitcode(status)}\n")
    os._exit(0)


def serve() -> None:
    """Loads everything, and takes orders until stdin ends."""
    for module in pkgutil.walk_packages(bootstrap.__path__, "bootstrap."):
        if not module.name.endswith("__main__") and not module.name.startswith("bootstrap.local.sidecar"):
            importlib.import_module(module.name)
    for name in HEAVY:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        become(json.loads(line))


if __name__ == "__main__":
    serve()
