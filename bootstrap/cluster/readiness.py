"""What a container answers to its readiness probe, and whether it has said the same for too long to be starting."""

from dataclasses import dataclass

from bootstrap.clients.http import Answer
from bootstrap.cluster.pods.case import Container, PodSnapshot
from bootstrap.core.env import Env
from bootstrap.problems import redaction

STEADY_S = 45.0
"""A service that gives the same answer for that long is not starting. All that it needs was proven before it was
deployed, and a client that was refused tries again within 30 s."""
LONGEST_S = 3.0  # for one answer; `diagnose` looks at several pods and has 10 s
SHOWN, KEPT = 200, 2000  # characters of a body in one sentence, and as evidence


@dataclass(frozen=True)
class NotReady:
    """An answer that means "not ready" to the kubelet. `is_steady`: it has been the same for too long to be a start."""

    path: str
    answer: Answer
    reason: str
    is_steady: bool

    @property
    def words(self) -> str:
        """The request and its answer."""
        return f"GET {self.path}: {self.answer.status} {self.answer.text[:KEPT]}"


def ask(case: PodSnapshot, container: Container) -> NotReady | None:
    """Ask a running container as its readiness probe does; None where it does not answer, or answers that it is ready.

    How long it has said the same is remembered from look to look.
    """
    probe = container.spec.get("readinessProbe") or {}
    get = probe.get("httpGet") or {}
    port = _port(container, get.get("port"))
    if port is None or get.get("scheme", "HTTP") != "HTTP" or "host" in get:
        return None
    where, seconds = get.get("path") or "/", min(float(probe.get("timeoutSeconds", 1)), LONGEST_S)
    answer = case.env.cluster.ask_pod(case.namespace, case.name, port, where, seconds)
    uid = case.pod["metadata"].get("uid") or case.shown
    state = (container.restarts, answer.status, answer.text)
    since = case.env.memoize(f"readiness of {uid} {container.name}", state, case.env.now)
    if not answer.status or 200 <= answer.status < 400:
        return None
    is_steady = case.env.now() - since >= STEADY_S and _has_started(case, container)
    return NotReady(where, answer, reason(case.env, answer), is_steady)


def reason(env: Env, answer: Answer) -> str:
    """Return why a service says that it is not ready: its checks that fail, else the beginning of its words."""
    checks = answer.table().get("checks")
    if isinstance(checks, dict) and (failed := {name: told for name, told in checks.items() if told != "ok"}):
        said = "; ".join(f"{name}: {told}" for name, told in failed.items())
    else:
        said = " ".join(answer.text.split()) or "no words"
    return redaction.text(said, tuple(env.secrets))[:SHOWN]


def _port(container: Container, wanted: object) -> int | None:
    named = {one.get("name"): one.get("containerPort") for one in container.spec.get("ports") or ()}
    found = named.get(wanted, wanted)
    return found if isinstance(found, int) else None


def _has_started(case: PodSnapshot, container: Container) -> bool:
    """Whether the start of the pod is over: that of the container, as its own probes limit it, and of all others.

    The image of a sidecar may still be pulled while the service, which needs the sidecar, already runs.
    """
    if container.spec.get("startupProbe") and not container.status.get("started"):
        return False
    delay = float((container.spec.get("readinessProbe") or {}).get("initialDelaySeconds", 0))
    if case.seconds_since((container.running or {}).get("startedAt")) < delay + STEADY_S:
        return False
    return all(one.ready for one in case.containers() if not one.init and one.name != container.name)
