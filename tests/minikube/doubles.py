"""A scripted minikube, and the machine's Docker Engine around it. What it prints is as the real one prints it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bootstrap.clients.command import Completed
from tests.docker_doubles import FakeEngine

RECORDED = Path(__file__).parents[1] / "recorded"
MIB = 1024 * 1024
NODE_IMAGE = "gcr.io/k8s-minikube/kicbase:v0.0.50"
NODE_DIGEST = "sha256:eb4fec00e8ad70adf8e6436f195cc429825ffb85f95afcdb5d8d9deb576f3e93"
HELP = f"""\
    --auto-update-drivers=true:
	If set, automatically updates drivers to the latest version. Defaults to true.

    --base-image='{NODE_IMAGE}@{NODE_DIGEST}':
	The base image to use for docker/podman drivers. Intended for local development.
"""  # of `minikube start --help`, minikube 1.38.1


def recorded(name: str) -> str:
    """What the real minikube printed; `name` is "start/minikube-offline.jsonl"."""
    return (RECORDED / f"minikube-{name}").read_text()


def config(**changes: Any) -> dict[str, Any]:
    """The configuration of the profile `small`, as the real minikube has it after our arguments, with changes."""
    (found,) = json.loads(recorded("profile/half-made.json"))["valid"]
    document: dict[str, Any] = found["Config"]
    document["KubernetesConfig"]["KubernetesVersion"] = "v1.36.2"
    document["ExposedPorts"] = ["127.0.0.1:30080:30080"]
    for key, value in changes.items():
        place = document["KubernetesConfig"] if key in document["KubernetesConfig"] else document
        place[key] = value
    return document


def states(host: str, apiserver: str) -> dict[str, str]:
    """What `minikube status` says of a machine: of one that does not run, the same four times."""
    if host != "Running":
        return dict.fromkeys(("Host", "Kubelet", "APIServer", "Kubeconfig"), host)
    kubelet = "Running" if apiserver == "Running" else "Stopped"  # `minikube pause` stops it
    return {"Host": host, "Kubelet": kubelet, "APIServer": apiserver, "Kubeconfig": "Configured"}


def status_code(told: dict[str, str]) -> int:
    """The exit code of `minikube status`: a bit each for the machine, the cluster, and the kubeconfig."""
    is_up = told["APIServer"] == told["Kubelet"] == "Running"
    return (told["Host"] != "Running") | (not is_up) << 1 | (told["Kubeconfig"] != "Configured") << 2


@dataclass
class Minikube:
    """`profiles`: name → configuration; `active` is the one that the user chose, or "". `host` and `apiserver` are the
    states of the profile `small`.

    `starts`: what the next starts print and end with; none left: they work, and `started` is called.
    `enabled` is called when the storage provisioner is enabled, which prints and ends as `addons` has it.
    """

    profiles: dict[str, dict[str, Any]] = field(default_factory=dict)
    host: str = "Running"
    apiserver: str = "Running"
    kubelet: str = ""  # where it is in another state than the API server
    starts: list[tuple[int, str]] = field(default_factory=list)
    started: Callable[[], object] = bool
    resumed: Callable[[], object] = bool
    enabled: Callable[[], object] = bool
    addons: tuple[int, str] = (0, "* The 'storage-provisioner' addon is enabled\n")
    active: str = ""
    docker_env: tuple[int, str] = (80, "false exit code 80\n")
    ran: list[tuple[str, ...]] = field(default_factory=list)
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def did(self) -> list[str]:
        """The commands that change something, in order."""
        return [words[0] for words in self.ran if words[0] in ("start", "unpause", "stop", "delete", "addons")]

    def __call__(
        self,
        argv: Sequence[str],
        *,
        environ: Mapping[str, str],
        on_line: Callable[[str], object] | None = None,
        **_: object,
    ) -> Completed:
        if argv[1] == "version":
            return Completed(tuple(argv), 0, "v1.38.1\n", "", 0.0)
        assert tuple(argv[1:3]) == ("--profile", "small"), argv
        words = tuple(argv[3:])
        if words == ("start", "--help"):
            return Completed(tuple(argv), 0, HELP, "", 0.0)
        self.ran.append(words)
        self.environ = environ
        code, said = getattr(self, f"_{words[0].replace('-', '_')}")()
        for line in said.splitlines():
            if on_line:
                on_line(line)
        return Completed(tuple(argv), code, said, "", 0.0)

    def _profile(self) -> tuple[int, str]:
        valid = [{"Name": name, "Status": "Skipped", "Config": found} for name, found in self.profiles.items()]
        return 0, json.dumps({"invalid": [], "valid": valid})

    def _status(self) -> tuple[int, str]:
        if "small" not in self.profiles:
            return 85, recorded("status/missing.jsonl")
        if self.host == "Nonexistent":
            return 7, "null"
        told = states(self.host, self.apiserver)
        if self.kubelet and self.host == "Running":
            told["Kubelet"] = self.kubelet
        return status_code(told), json.dumps({"Name": "small", "Worker": False} | told)

    def _start(self) -> tuple[int, str]:
        self.profiles.setdefault("small", config(ContainerRuntime=self._told("container-runtime", "containerd")))
        if self.starts:
            return self.starts.pop(0)
        self.host = self.apiserver = "Running"
        self.kubelet = ""
        self.started()
        return 0, '{"type":"io.k8s.sigs.minikube.step","data":{"name":"Done"}}\n'

    def _told(self, flag: str, default: str) -> str:
        """The value of a flag; without it the program's own, here as minikube 1.39 has it."""
        given = [word.partition("=")[2] for word in self.ran[-1] if word.startswith(f"--{flag}=")]
        return given[-1] if given else default

    def _unpause(self) -> tuple[int, str]:
        self.apiserver = "Running"
        self.resumed()
        return 0, ""

    def _stop(self) -> tuple[int, str]:
        if "small" not in self.profiles:
            return 85, ""
        self.host = "Stopped"
        return 0, ""

    def _addons(self) -> tuple[int, str]:
        assert self.ran[-1] == ("addons", "enable", "storage-provisioner")
        if self.addons[0] == 0:
            self.enabled()
        return self.addons

    def _config(self) -> tuple[int, str]:
        _, verb, name, *value = self.ran[-1]
        assert name == "profile"
        if verb == "set":
            (self.active,) = value
        return (0, f"{self.active}\n") if self.active else (14, "")

    def _delete(self) -> tuple[int, str]:
        self.profiles.pop("small", None)
        self.active = ""
        return 0, recorded("delete/deleted.jsonl")

    def _docker_env(self) -> tuple[int, str]:
        return self.docker_env


class Machine(FakeEngine):
    """This machine's engine: 4 CPUs, 16 GiB."""

    has: dict[str, int] = {"NCPU": 4, "MemTotal": 16384 * MIB}  # noqa: RUF012 - what a test may set on its own

    def info(self) -> dict[str, int]:
        return self.has
