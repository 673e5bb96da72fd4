"""One small object through which stages reach the outside world. Tests inject their own doors."""

import hashlib
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from bootstrap.clients import command, docker_engine, http
from bootstrap.clients.command import Completed
from bootstrap.clients.http import Answer
from bootstrap.clients.kafka import Broker
from bootstrap.core import state
from bootstrap.core.ports import Ports
from bootstrap.core.processes import OWNER, RUN, Processes
from bootstrap.manifest import Manifest

if TYPE_CHECKING:
    from docker import DockerClient

    from bootstrap.clients.kubernetes_api import Cluster

Value = TypeVar("Value")
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER")


def owner_of(root: Path) -> str:
    """The mark of the processes and containers of a checkout, made from its path: two checkouts never meet."""
    return hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]


def _cluster_at(kubeconfig: Path, context: str) -> "Cluster":
    from bootstrap.clients.kubernetes_api import Cluster

    return Cluster.connect(kubeconfig, context)


class Run(Protocol):
    """The door for subprocesses (`bootstrap.clients.command.run`)."""

    def __call__(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        cancelled: threading.Event,
        cwd: Path | None = None,
        environ: Mapping[str, str] | None = None,
        on_line: Callable[[str], object] | None = None,
    ) -> Completed: ...


class Request(Protocol):
    """The door for HTTP (`bootstrap.clients.http.request`)."""

    def __call__(self, method: str, url: str, body: object = None, timeout: float = 2.0) -> Answer: ...


@dataclass
class Env:
    """The environment at hand: what it is to be (`manifest`), where its state lies, and the doors to the world.

    `notify` tells the user something that is not a problem; `progress` how far a download is (what, bytes here, bytes
    in all; 0: unknown; equal: it is over). `cancelled` is set when the run must end. `secrets` are values that were
    read from Secrets: they are written nowhere. `now` is a clock in seconds that stands still while the machine sleeps.
    """

    manifest: Manifest
    environ: Mapping[str, str]
    place: str = "local"
    cancelled: threading.Event = field(default_factory=threading.Event)
    secrets: set[str] = field(default_factory=set)
    notify: Callable[[str], object] = str
    progress: Callable[[str, int, int], object] = lambda *_: None
    request: Request = http.request
    runner: Run = command.run
    broker_at: Callable[[str], Broker] = Broker
    docker_of: "Callable[[Mapping[str, str]], DockerClient]" = docker_engine.connect
    cluster_at: "Callable[[Path, str], Cluster]" = _cluster_at
    now: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._connecting = threading.Lock()
        self._connected: tuple[tuple[int, int] | None, Cluster] | None = None
        self._keeping = threading.RLock()
        self._kept: dict[str, tuple[object, Any]] = {}

    @property
    def root(self) -> Path:
        """The checkout."""
        return self.manifest.root

    @property
    def state(self) -> Path:
        """The one git-ignored folder for state, logs and caches."""
        return self.root / ".inv"

    def scratch(self) -> AbstractContextManager[Path]:
        """An empty folder below `state`, gone at the end of the context; see `bootstrap.core.state.scratch`."""
        return state.scratch(self.state)

    @property
    def local(self) -> Path:
        """State of the `local` place."""
        return self.state / "local"

    @cached_property
    def processes(self) -> Processes:
        """The processes of this checkout."""
        return Processes(self.local / "processes", owner_of(self.root), self.child_environ())

    @cached_property
    def ports(self) -> Ports:
        """The ports of this checkout's processes."""
        return Ports(self.local / "ports.json")

    @cached_property
    def docker(self) -> "DockerClient":
        """This machine's Docker Engine; see `bootstrap.clients.docker_engine.connect` for what it raises."""
        return self.docker_of(self.environ)

    @property
    def minikube(self) -> Path:
        """State of the `minikube` place."""
        return self.state / "minikube"

    @property
    def kubeconfig(self) -> Path:
        """The environment's own kubeconfig; the user's is neither read nor changed."""
        return self.minikube / "kubeconfig"

    @property
    def context(self) -> str:
        """The context in `kubeconfig`: minikube names it as the profile."""
        return self.manifest.cluster.profile

    @property
    def signature(self) -> tuple[int, int] | None:
        """Changes when `kubeconfig` is written anew, as it is with every start of a cluster that has moved."""
        stat = self.kubeconfig.stat() if self.kubeconfig.exists() else None
        return (stat.st_mtime_ns, stat.st_size) if stat else None

    def memoize(self, name: str, state: object, make: Callable[[], Value]) -> Value:
        """What `make` answers, the same for every thread; kept for this run while `state` stays the same."""
        with self._keeping:
            if name not in self._kept or self._kept[name][0] != state:
                self._kept[name] = (state, make())
            kept: Value = self._kept[name][1]
            return kept

    @property
    def cluster(self) -> "Cluster":
        """The cluster of this environment, as `kubeconfig` has it now; see `kubernetes_api.Cluster`."""
        signature = self.signature
        with self._connecting:
            if self._connected is None or self._connected[0] != signature:
                self._connected = (signature, self.cluster_at(self.kubeconfig, self.context))
            return self._connected[1]

    @property
    def local_broker(self) -> str:
        """The broker that was chosen for `local`: "wheel" or "redpanda"."""
        with suppress(OSError, ValueError):
            if (self.local / "broker").read_text().strip() == "redpanda":
                return "redpanda"
        return "wheel"

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        cwd: Path | None = None,
        environ: Mapping[str, str] | None = None,
        on_line: Callable[[str], object] | None = None,
    ) -> Completed:
        """Runs a command to its end; see `bootstrap.clients.command.run`.

        It carries this checkout's marker: when this program is killed, the next run finds the command and ends it.
        """
        marks = {OWNER: owner_of(self.root), RUN: str(os.getpid())}
        marked = {**(self.environ if environ is None else environ), **marks}
        return self.runner(
            argv, timeout=timeout, cancelled=self.cancelled, cwd=cwd or self.root, environ=marked, on_line=on_line
        )

    def get(self, url: str, timeout: float = 2.0) -> Answer:
        """GET on loopback."""
        return self.request("GET", url, timeout=timeout)

    def child_environ(self, **more: str) -> dict[str, str]:
        """The environment for a process of ours: no proxy, no PYTHON* or PIP_* of the user's, no secret by accident."""
        return {name: self.environ[name] for name in PASSED_ON if name in self.environ} | more
