"""One world: a small checkout, and around it everything that `inv` deals with, none of it in the same process."""

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests import ports
from tests.apiserver import ApiServer, Document
from tests.dapr.conftest import archive
from tests.minikube.conftest import node, scene
from tests.scripted import checkout, minikube
from tests.scripted.commands import Command, Commands, Ended
from tests.scripted.controllers import Controllers
from tests.scripted.engine import Engine
from tests.scripted.kafka import Topics
from tests.scripted.programs import Programs
from tests.scripted.recorder import Recorder
from tests.scripted.serving import BehindTls, OnSocket


class Pods(dict[Any, Any]):
    """What pods answer through the API's proxy, whichever there are at the moment."""

    def __init__(self, world: "World") -> None:
        super().__init__()
        self.world = world

    def get(self, key: Any, default: Any = None) -> Any:
        namespace, _, name = key
        if name == "http:inv-probe:8000":
            if self.world.controllers.is_ready(namespace, {"app.kubernetes.io/name": "inv-probe"}):
                return self.world.probed
        elif name.endswith(":3500"):
            pod = self.world.api.get("v1", "pods", namespace, name.partition(":")[0])
            if pod and pod["status"]["phase"] == "Running":
                return lambda *_: (200, json.dumps(self.world.metadata(pod)))
        return default


class World:
    """See the module. `close` ends it."""

    def __init__(self, certificates: Path) -> None:
        self.certificates = certificates
        self.folder = Path(tempfile.mkdtemp(prefix="inv-world-"))  # short: sockets lie in it
        self.api, self.machine, self.node = ApiServer(), Engine(), Engine()
        self.api.routes.version = checkout.KUBERNETES
        self.build_fails, self.slow = "", 0.0
        self.controllers = Controllers(self.api, self.node)
        self.api.routes.proxies = Pods(self)
        self.minikube = minikube.Minikube(self)
        self.engine_is_away = False  # the node's, in a node that runs
        self.tls = BehindTls(self.node, certificates, lambda: self.engine_is_away or self.minikube.host != "Running")
        self.docker = OnSocket(self.machine, self.folder / "docker.sock")
        self.topics = Topics(self.machine)
        known = {"minikube": self.minikube, "docker": minikube.build(self), "kafka": self.topics}
        self.programs = Programs(self.folder, known)
        self.production = Recorder()
        self.node_port = ports.free(ports.NODE_PORTS)
        self.root = checkout.write(self.folder / "checkout", self.node_port)
        self.environ = self._environ()
        self.commands = Commands(self.folder / "commands", self.root)
        self.halt()
        self._somebody_else()

    def close(self) -> None:
        self.commands.close()
        self.controllers.close()
        self.programs.close()
        self.docker.stop()
        self.tls.stop()
        self.api.close()
        self.production.close()
        shutil.rmtree(self.folder)

    def start(self, *args: str, **environ: str) -> Command:
        """`inv ARGS`, still running."""
        return self.commands.start(args, {**self.environ, **environ})

    def inv(self, *args: str, **environ: str) -> Ended:
        """Runs `inv ARGS` to its end."""
        return self.start(*args, **environ).ended()

    def green(self, *args: str, **environ: str) -> str:
        """Runs `inv ARGS`, which must do what it is to; returns what it printed."""
        ended = self.inv(*args, **environ)
        assert ended.exit == 0, f"inv {' '.join(args)} ended with {ended.exit}:\n{ended.printed}"
        return ended.printed

    def boot(self) -> None:
        """The node comes up, with what was in it."""
        if not self.is_made():
            self._scene()
        for one in self.node.containers.values():
            one["State"]["Status"] = "running"
        self.controllers.restarted()
        self.resume()

    def resume(self) -> None:
        """What was paused goes on, as it was."""
        self.controllers.runs = True
        self.api.mend()
        self.slow_down()

    def is_made(self) -> bool:
        """Whether there is a cluster in the node, complete or not."""
        return self.api.get("v1", "nodes", "", "small") is not None

    def complete(self) -> None:
        """What minikube does after the API server answers: the network of pods, kube-proxy, CoreDNS, add-ons."""
        scene(self.api)

    def slow_down(self) -> None:
        """Each write of a workload takes `slow` seconds from now on, until the faults of the API are mended."""
        for method in ("POST", "PATCH") if self.slow else ():
            self.api.fault(path="/apis/apps/v1/", method=method, seconds=self.slow)

    def releases(self) -> dict[str, str]:
        """Helm's releases of ours: the status of the newest revision of each."""
        labels = [one["metadata"].get("labels", {}) for one in self.api.list("v1", "secrets")]
        mine = sorted((one for one in labels if "inv/owner" in one), key=lambda one: int(one["version"]))
        return {one["name"]: one["status"] for one in mine}

    def halt(self) -> None:
        """The node goes down; what is in it stays."""
        self.controllers.runs = False
        self.api.refuse_connections()

    def wipe(self) -> None:
        """What was in the node is gone."""
        with self.api.store.lock, self.node.lock:
            admissions = self.api.store.admissions
            self.api.store.objects.clear()
            self.api.store.admissions = [one for one in admissions if one.__name__ != "pod_security"]
            self.node.containers.clear()
            self.node.images.clear()

    def writes(self, since: int = 0) -> list[str]:
        """The requests to the API from that one on that change something."""
        return [
            f"{one.method} {one.path}"
            for one in self.api.requests[since:]
            if one.method != "GET" and one.query.get("dryRun") != "All"
        ]

    def pods(self) -> dict[str, str]:
        """The pods of the app: name → uid."""
        pods = self.api.list("v1", "pods", "small")
        return {pod["metadata"]["labels"]["app.kubernetes.io/name"]: pod["metadata"]["uid"] for pod in pods}

    def ours(self) -> set[str]:
        """The states of the broker's containers on the machine's engine."""
        there = self.machine.containers.items()
        return {one["State"]["Status"] for name, one in there if name.startswith("small-redpanda")}

    def logged(self, kind: str = "command", command: Command | None = None) -> list[str]:
        """What a command's run, by default the newest one, wrote down of that kind: lines of JSON."""
        runs = self.root.glob(f".inv/runs/*-{command.pid if command else '*'}-*/events.jsonl")
        found = sorted((one.stat().st_mtime_ns, one) for one in runs)
        lines = found[-1][1].read_text().splitlines() if found else []
        return [line for line in lines if f'"kind": "{kind}"' in line]

    def came(self, command: Command, stage: str, phase: str) -> bool:
        """Whether the run of that command wrote down that the stage came to that phase."""
        wanted = f'"stage": "{stage}", "phase": "{phase}"'
        return any(wanted in line for line in self.logged("stage", command))

    def touched(self) -> list[str]:
        """What is not ours in this world and is not as it was, or was asked; nothing may ever be."""
        now = self._strangers()
        return [name for name, before in self._before.items() if now[name] != before] + self.production.asked

    def _strangers(self) -> dict[str, str]:
        with self.api.store.lock:
            theirs = [one for key, one in sorted(self.api.store.objects.items()) if "somebody" in key]
        name = "somebodys-redpanda"
        found = [theirs, self.machine.containers.get(name), self.machine.volumes.get(name), self.minikube.theirs]
        told = dict(zip(("objects", "container", "volume", "profile"), map(json.dumps, found), strict=True))
        return told | {"kubeconfig": (self.folder / "home/.kube/config").read_text()}

    def probed(self, at: str, query: Mapping[str, str]) -> tuple[int, str]:
        """What the probe pod answers."""
        if at == "/dns":
            return 200, json.dumps({"address": "10.96.0.1"})
        if at == "/kafka":
            found = [["redpanda", 21701]] if self.topics.is_running("") else []
            return 200, json.dumps({"brokers": found, "error": "" if found else "[Errno 111] Connection refused"})
        if at == "/tcp":
            return 200, json.dumps({"error": ""})
        base, _, path = query["url"].rpartition("/")
        name = base.removeprefix("http://").partition(".")[0]
        pod = self.controllers.is_ready("small", {"app.kubernetes.io/name": name})
        if pod is None:
            return 200, json.dumps({"error": f"no answer from {query['url']}"})
        version = next(one["image"] for one in pod["spec"]["containers"] if one["name"] == name).rpartition(":")[2]
        told = {"status": "ok", "service": name, "version": version} if path == "healthz" else {"status": "ready"}
        return 200, json.dumps({"status": 200, "body": json.dumps(told)})

    def metadata(self, pod: Document) -> Document:
        """What the sidecar of a pod tells of itself."""
        namespace, app = pod["metadata"]["namespace"], pod["metadata"]["annotations"]["dapr.io/app-id"]
        components = self.api.list("dapr.io/v1alpha1", "components", namespace)
        subscriptions = self.api.list("dapr.io/v2alpha1", "subscriptions", namespace)
        specs = [one["spec"] for one in subscriptions if app in one.get("scopes", [app])]
        return {
            "runtimeVersion": "1.18.1",
            "components": [{"name": one["metadata"]["name"]} for one in components],
            "subscriptions": [
                {"topic": one["topic"], "deadLetterTopic": one.get("deadLetterTopic", "")} for one in specs
            ],
        }

    def _scene(self) -> None:
        for name in ("default", "kube-system"):
            self.api.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        message = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
        message += "message:docker: network plugin is not ready: cni config uninitialized"
        ready = {"type": "Ready", "status": "False", "message": message, "lastTransitionTime": "2026-01-01T00:00:00Z"}
        bare = node("False")
        bare["status"]["conditions"] = [ready]
        self.api.put(bare)
        name = self.node.put_container("etcd", {})["Id"]
        status = {"name": "etcd", "containerID": f"docker://{name}", "state": {"running": {}}}
        meta = {"name": "etcd-small", "namespace": "kube-system"}
        self.api.put(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": meta,
                "spec": {"containers": [{"name": "etcd", "image": "etcd"}]},
                "status": {"phase": "Running", "containerStatuses": [status]},
            }
        )
        self.api.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "somebody"}})
        labels = {"owner": "helm", "name": "shop", "status": "pending-upgrade", "version": "1"}
        where = {"name": "sh.helm.release.v1.shop.v1", "namespace": "somebody", "labels": labels}
        self.api.put({"apiVersion": "v1", "kind": "Secret", "metadata": where, "data": {"password": "c2VjcmV0"}})
        self._before = self._strangers()

    def _environ(self) -> dict[str, str]:
        home = self.folder / "home"
        (home / ".kube").mkdir(parents=True)
        self.production.kubeconfig(home / ".kube" / "config")
        kept = {name: os.environ[name] for name in ("HELM", "LANG", "UV_CACHE_DIR") if name in os.environ}
        return kept | {
            "HOME": str(home),
            "PATH": f"{self.programs.folder}:{os.environ['PATH']}",
            "MINIKUBE": str(self.programs.folder / "minikube"),
            "DOCKER_HOST": f"unix://{self.docker.path}",
            "KUBECONFIG": str(home / ".kube" / "config"),
            "INV_DAPR_CHART": str(archive(self.folder)),
        }

    def _somebody_else(self) -> None:
        self.machine.put_image("redpandadata/redpanda:v25.3.1")
        name = "somebodys-redpanda"
        self.machine.put_container(name, {"Image": "redpandadata/redpanda:v25.3.1"})
        self.machine.start(name)
        self.machine.volumes[name] = {"Name": name, "Labels": None}
        self._before = self._strangers()
