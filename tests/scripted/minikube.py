"""A scripted minikube: one profile of ours at most, in any state, beside somebody else's."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.minikube import doubles
from tests.minikube.conftest import provisioner
from tests.scripted.programs import Said

if TYPE_CHECKING:
    from tests.scripted.world import World

PROFILE = "small"
PAUSE = 0.02  # seconds that each step takes
BEGIN = ("Initial Minikube Setup", "Selecting Driver", "Starting Node", "Pulling Base Image")
CREATE = ("Creating Container", "Preparing Kubernetes")
BOOT = ("Generating certificates", "Booting control plane", "Configuring RBAC rules", "Configuring CNI")
END = ("Verifying Kubernetes", "Enabling Addons", "Done")
HOSTS = {"created": "Stopped", "exited": "Stopped", "paused": "Paused", "running": "Running"}


def steps(*names: str) -> str:
    events = [{"type": "io.k8s.sigs.minikube.step", "data": {"name": name}} for name in names]
    return "".join(f"{json.dumps(event)}\n" for event in events)


class Minikube:
    """`known` is whether there is such a profile; the state of its node is that of its container. `environs` are given.

    `booting` since the API server of a new cluster answers, until all of it is there. As the real one, a later start
    takes a cluster that was left so for a whole one: it says "Done" and adds nothing.
    """

    def __init__(self, world: "World") -> None:
        self.world = world
        self.known = self.paused = self.booting = False
        self.boot_s = PAUSE  # seconds from the API server's first answer to the rest of a new cluster
        self.environs: list[dict[str, str]] = []
        self.theirs = json.dumps(doubles.config() | {"Name": "theirs"}, sort_keys=True)

    def __call__(self, args: list[str], environ: dict[str, str]) -> Said:
        self.environs.append(environ)
        if args[0] == "version":
            yield "v1.38.1\n"
            return 0
        assert args[:2] == ["--profile", PROFILE], args
        if args[2:] == ["config", "get", "profile"]:
            return 14
        name = args[2]
        does: Said = getattr(self, f"_{name.replace('-', '_')}")(environ)
        return (yield from does)

    @property
    def host(self) -> str:
        """As minikube names the state of the profile's machine; "" where there is no such profile."""
        if not self.known:
            return ""
        with self.world.machine.lock:
            node = self.world.machine.containers.get(PROFILE)
            return HOSTS[node["State"]["Status"]] if node else "Nonexistent"

    def _profile(self, environ: dict[str, str]) -> Said:
        found: list[dict[str, Any]] = [{"Name": "theirs", "Config": json.loads(self.theirs)}]
        if self.known:
            port = self.world.node_port
            found.append({"Name": PROFILE, "Config": self._config_of(port)})
        yield json.dumps({"invalid": [], "valid": found})
        return 0

    def _config_of(self, port: int) -> dict[str, Any]:
        version = f"v{self.world.api.routes.version}"
        return doubles.config(ExposedPorts=[f"127.0.0.1:{port}:{port}"], KubernetesVersion=version)

    def _status(self, environ: dict[str, str]) -> Said:
        if self.host in ("", "Nonexistent"):
            yield "null" if self.host else doubles.recorded("status/missing.jsonl")
            return 7 if self.host else 85
        told = doubles.states(self.host, "Paused" if self.paused else self.host)
        yield json.dumps({"Name": PROFILE, "Worker": False} | told)
        return doubles.status_code(told)

    def _start(self, environ: dict[str, str]) -> Said:
        machine, host = self.world.machine, self.host
        yield steps(*BEGIN)
        self.known = True
        yield PAUSE
        if host == "Running":
            yield steps("Updating Driver")
        with machine.lock:
            machine.put_network(PROFILE)
            if PROFILE not in machine.containers:
                machine.put_container(PROFILE, {"Labels": {"name.minikube.sigs.k8s.io": PROFILE}})
                yield steps(CREATE[0])
        yield PAUSE
        machine.start(PROFILE)
        self.paused = False
        yield steps(CREATE[1])
        is_new = not self.world.is_made()
        yield PAUSE
        if is_new:
            yield steps(*BOOT)
            self.booting = True
        self.world.boot()
        self.world.api.kubeconfig(Path(environ["KUBECONFIG"]), PROFILE)
        yield self.boot_s
        if is_new:
            self.world.complete()
            self.booting = False
        yield steps(*END)
        return 0

    def _pause(self, environ: dict[str, str]) -> Said:
        yield PAUSE
        self.pause()
        return 0

    def pause(self) -> None:
        """As by hand."""
        self.world.halt()
        self.paused = True

    def _unpause(self, environ: dict[str, str]) -> Said:
        yield PAUSE
        self.paused = False
        self.world.resume()
        return 0

    def _addons(self, environ: dict[str, str]) -> Said:
        yield PAUSE
        self.world.api.put(provisioner())
        return 0

    def _stop(self, environ: dict[str, str]) -> Said:
        yield PAUSE
        self.stop()
        return 0

    def stop(self) -> None:
        """As by hand."""
        self.world.halt()
        self.world.machine.stop(PROFILE)
        self.paused = False

    def _delete(self, environ: dict[str, str]) -> Said:
        if self.known:
            yield PAUSE
            self.delete()
        yield doubles.recorded("delete/deleted.jsonl")
        return 0

    def delete(self) -> None:
        """As by hand: the node goes, its network, and all that was in it."""
        self.world.halt()
        self.world.wipe()
        self.known = self.paused = self.booting = False
        with self.world.machine.lock:
            self.world.machine.containers.pop(PROFILE, None)
            self.world.machine.networks.pop(PROFILE, None)

    def _docker_env(self, environ: dict[str, str]) -> Said:
        if self.host != "Running":
            code = {"": 85, "Nonexistent": 80}.get(self.host, 83)
            yield f"false exit code {code}\n"
            return code
        yield json.dumps(
            {
                "DOCKER_HOST": f"tcp://127.0.0.1:{self.world.tls.port}",
                "DOCKER_TLS_VERIFY": "1",
                "DOCKER_CERT_PATH": str(self.world.certificates),
                "MINIKUBE_ACTIVE_DOCKERD": PROFILE,
            }
        )
        return 0


def build(world: "World") -> Any:
    """The docker program with its plugin buildx: `docker build` leaves an image in the node's engine, after a while."""

    def does(args: list[str], environ: dict[str, str]) -> Said:
        if args == ["buildx", "version"]:
            yield "github.com/docker/buildx v0.24.0 d0e5e86\n"
            return 0
        assert args[0] == "build", args
        assert environ["DOCKER_HOST"] == f"tcp://127.0.0.1:{world.tls.port}", "an image is built in the node alone"
        yield PAUSE
        if world.build_fails:
            yield world.build_fails
            return 1
        yield "#5 [2/3] COPY\n"
        yield PAUSE
        labels = dict(_values(args, "--label"))
        with world.node.lock:
            world.node.put_image(next(arg.partition("=")[2] for arg in args if arg.startswith("--tag=")), labels)
        return 0

    return does


def _values(args: list[str], flag: str) -> Iterator[tuple[str, str]]:
    for arg in args:
        if arg.startswith(f"{flag}="):
            key, _, value = arg.removeprefix(f"{flag}=").partition("=")
            yield key, value
