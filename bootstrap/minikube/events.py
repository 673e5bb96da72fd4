"""What minikube prints with `--output=json`: CloudEvents, one a line."""

import json
from typing import Any

from bootstrap.clients.command import Completed

KIND = "io.k8s.sigs.minikube."
RESET = "will reset cluster"  # what minikube says before it does
PROGRESS_STEP_PERCENT = 20  # per cent of a download after which its progress is told again


def parsed(line: str) -> tuple[str, dict[str, Any]]:
    """The kind of an event ("step", "download.progress", "error", …) and its data; ("", {}) for any other line."""
    try:
        event = json.loads(line)
    except ValueError:
        return "", {}
    if not (isinstance(event, dict) and "type" in event and isinstance(event.get("data"), dict)):
        return "", {}
    return str(event["type"]).removeprefix(KIND), event["data"]


def refusal(done: Completed) -> str:
    """Why minikube gave up: "ID: message" and its advice, else its last words."""
    events = map(parsed, done.stdout.splitlines())
    # Errors without a name are remarks before and after it.
    errors = [data for kind, data in events if kind == "error" and data.get("name")]
    if not errors:
        return done.words
    said = errors[-1]
    return "\n".join(part for part in (f"{said['name']}: {said.get('message', '')}", said.get("advice")) if part)


class Progress:
    """Turns events into what the user reads: each step once, downloads now and then."""

    def __init__(self) -> None:
        self._step = ""
        self._shares: dict[str, int] = {}

    def text(self, line: str) -> str:
        """What to say about that line, or ""."""
        kind, data = parsed(line)
        if kind == "step" and data.get("name") != self._step:
            self._step = str(data.get("name"))
            return f"minikube: {self._step}" if self._step else ""
        if kind == "error" and RESET in str(data.get("message")):
            return "minikube could not go on with this cluster and makes it anew: what Kubernetes held is gone."
        if kind == "download":
            return f"minikube: downloads {data.get('artifact', '')}"
        if kind == "download.progress":
            return self._download(str(data.get("artifact", "")), str(data.get("progress", "")))
        return ""

    def _download(self, artifact: str, progress: str) -> str:
        try:
            share = round(float(progress) * 100)
        except ValueError:
            return ""
        if share < self._shares.get(artifact, 0) + PROGRESS_STEP_PERCENT:
            return ""
        self._shares[artifact] = share
        return f"minikube: downloads {artifact}: {share}%"
