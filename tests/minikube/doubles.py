"""A scripted minikube, and the machine's Docker Engine around it. What it prints is as the real one prints it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bootstrap.command import Completed
from tests.docker_doubles import FakeEngine

RECORDED = Path(__file__).parents[1] / "recorded"
MIB = 1024 * 1024


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


@dataclass
class Minikube:
    """`profiles`: name → configuration; `active` is the one that the user chose, or "". `host` and `apiserver` are the
    states of the profile `small`.

    `starts`: what the next starts print and end with; none left: they work, and `started` is called.
    """

    profiles: dict[str, dict[str, Any]] = field(default_factory=dict)
    host: str = "Running"
    apiserver: str = "Running"
    starts: list[tuple[int, str]] = field(default_factory=list)
    started: Callable[[], object] = bool
    active: str = ""
    docker_env: tuple[int, str] = (80, "false exit code 80\n")
    ran: list[tuple[str, ...]] = field(default_factory=list)
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def did(self) -> list[str]:
        """The commands that change something, in order."""
        return [words[0] for words in self.ran if words[0] in ("start", "unpause", "stop", "delete")]

    def __call__(
        self,
        argv: Sequence[str],
        *,
        environ: Mapping[str, str],
        heard: Callable[[str], object] | None = None,
        **_: object,
    ) -> Completed:
        if argv[1] == "version":
            return Completed(tuple(argv), 0, "v1.38.1\n", "", 0.0)
        assert tuple(argv[1:3]) == ("--profile", "small"), argv
        words = tuple(argv[3:])
        self.ran.append(words)
        self.environ = environ
        code, said = getattr(self, f"_{words[0].replace('-', '_')}")()
        for line in said.splitlines():
            if heard:
                heard(line)
        return Completed(tuple(argv), code, said, "", 0.0)

    def _profile(self) -> tuple[int, str]:
        valid = [{"Name": name, "Status": "Skipped", "Config": found} for name, found in self.profiles.items()]
        return 0, json.dumps({"invalid": [], "valid": valid})

    def _status(self) -> tuple[int, str]:
        if "small" not in self.profiles:
            return 85, recorded("status/missing.jsonl")
        if self.host == "Nonexistent":
            return 7, "null"
        states = {"Host": self.host, "Kubelet": self.host, "APIServer": self.apiserver, "Kubeconfig": "Configured"}
        return 0, json.dumps({"Name": "small", "Worker": False} | states)

    def _start(self) -> tuple[int, str]:
        self.profiles.setdefault("small", config())
        if self.starts:
            return self.starts.pop(0)
        self.host = self.apiserver = "Running"
        self.started()
        return 0, '{"type":"io.k8s.sigs.minikube.step","data":{"name":"Done"}}\n'

    def _unpause(self) -> tuple[int, str]:
        self.apiserver = "Running"
        return 0, ""

    def _stop(self) -> tuple[int, str]:
        self.host = "Stopped"
        return 0, ""

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
