"""Every recorded output that stands for a row of the catalogue, and those that stand for none of its scope."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bootstrap.clients.command import Completed
from bootstrap.minikube import events
from bootstrap.problems.catalogue import ROWS
from tests.docker_doubles import recorded, said

RECORDED = Path(__file__).parents[1] / "recorded"
Scope = tuple[str, str]
"""Tool and phase."""
SCOPES: tuple[Scope, ...] = tuple(dict.fromkeys((row.tool, row.phase) for row in ROWS if row.pattern))
DOCKER: dict[str, tuple[str, ...]] = {
    "docker-not-running": ("daemon-not-running",),
    "docker-forbidden": ("socket-permission-denied",),
    "docker-disk-full": ("disk-full",),
    "image-not-in-registry": ("image-not-found", "pull-manifest-unknown"),
    "registry-unreachable": ("pull-registry-unreachable",),
    "broker-name-taken": ("name-conflict",),
    "broker-port-taken": ("port-already-allocated", "port-taken-by-program"),
    "broker-volume-full": ("container-volume-full",),
    "image-file-not-readable": ("run-as-uid-permission-denied",),
    "image-module-missing": ("run-module-not-found",),
    "image-writes-root": ("run-read-only-fs",),
    "image-entry-point-missing": ("program-not-in-image",),
    "build-copy-source-missing": ("build-missing-copy-source",),
    "build-requirements-conflict": ("build-pip-conflict",),
}
"""Code → cases of Docker that are recorded with all that belongs to them."""
CLUSTER: dict[str, str] = {
    "pod-refused-quota": "quota-exceeded",
    "pod-refused-webhook": "webhook-unreachable-fail",
    "pod-refused-security": "psa-restricted-rejection",
    "container-image-user-not-numeric": "non-numeric-user",
    "container-image-user-root": "image-runs-as-root",
    "container-inherits-root": "runasuser-breaks-non-root",
    "pod-configmap-missing": "missing-configmap",
    "pod-secret-missing": "missing-secret",
    "pod-mount-key-missing": "configmap-mount-missing-key",
    "pod-module-missing": "module-not-found-crashloop",
    "pod-file-denied": "executable-permission-denied",
    "pod-writes-root": "read-only-filesystem-crash",
    "pod-host-port-taken": "unschedulable-hostport",
    "pod-node-too-small": "unschedulable-resources",
    "pvc-no-storage-class": "pvc-pending",
}
"""Code → state of a cluster that is recorded with all its objects."""
NEAR: dict[Scope, tuple[str, ...]] = {
    ("minikube", "start"): ("minikube-delete/deleted.jsonl", "minikube-status/missing.jsonl"),
    ("redpanda", "run"): ("docker/container-exited",),
    ("docker", "connect"): ("docker/name-conflict", "docker/disk-full", "docker/pull-registry-unreachable"),
    ("docker", "run"): ("docker/daemon-not-running", "docker/socket-permission-denied", "docker/network-gone"),
    ("pod", "log"): ("docker/build-missing-copy-source",),
}
"""Recorded words of the same tool, or of one beside it, that mean nothing of the scope."""
SAME: frozenset[frozenset[str]] = frozenset(
    map(
        frozenset,
        (
            # A Secret or ConfigMap that is missing reads the same where it is a variable and where it is a file.
            ("pod-secret-missing", "pod-mount-object-missing"),
            ("pod-configmap-missing", "pod-mount-object-missing"),
        ),
    )
)
"""Codes of two scopes that the same words mean, each in its own."""


@dataclass(frozen=True)
class Recording:
    """Words as the tool said them. `code` is what they mean in their scope, "" for nothing that is known."""

    name: str
    scope: Scope
    code: str
    words: tuple[str, ...]


def words(path: Path) -> str:
    """What this project reads of an output that was kept in a file."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return events.refusal(Completed(("minikube",), 1, text, "", 0.0)) if path.suffix == ".jsonl" else text


def of_docker(case: str) -> str:
    """What this project reads of that case: the error of the SDK, the container's log, or what the program printed."""
    folder = RECORDED / "docker" / case
    document = recorded(case)
    if "logs" in document:
        return str(document["logs"])
    if case.startswith(("build-", "run-", "program-")) and (folder / "stderr.txt").exists():
        return (folder / "stdout.txt").read_text() + (folder / "stderr.txt").read_text()
    return str(said(case))


def of_cluster(case: str) -> Iterator[str]:
    """The words of events, of containers that wait or ended, and of logs."""
    folder = RECORDED / "kubernetes" / case
    for event in json.loads((folder / "events.json").read_text())["items"]:
        yield event.get("message", "")
    for pod in json.loads((folder / "pods.json").read_text())["items"]:
        for status in pod.get("status", {}).get("containerStatuses", ()):
            for state in (status.get("state", {}), status.get("lastState", {})):
                yield from (told["message"] for told in state.values() if told.get("message"))
    yield from (path.read_text() for path in (folder / "logs").glob("*.txt"))


def every() -> list[Recording]:
    """All that are recorded for a scope of the catalogue."""
    found = []
    for scope in SCOPES:
        for path in sorted((RECORDED / "-".join(scope)).glob("*.*")):
            code = path.name.partition(".")[0]
            found.append(
                Recording(
                    f"{path.parent.name}/{path.name}", scope, code * (not code.startswith("none-")), (words(path),)
                )
            )
        for name in NEAR.get(scope, ()):
            folder, _, case = name.partition("/")
            text = of_docker(case) if folder == "docker" else words(RECORDED / name)
            found.append(Recording(name, scope, "", (text,)))
    for row in ROWS:
        scope = (row.tool, row.phase)
        for case in DOCKER.get(row.code, ()):
            found.append(Recording(f"docker/{case}", scope, row.code, (of_docker(case),)))
        if row.code in CLUSTER:
            case = CLUSTER[row.code]
            found.append(Recording(f"kubernetes/{case}", scope, row.code, tuple(of_cluster(case))))
    return found
