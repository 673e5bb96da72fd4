"""A chart of its own, the real Helm, and the API server's double that both talk to."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bootstrap.core.env import Env
from bootstrap.helm import releases
from tests.apiserver.server import ApiServer
from tests.releases.world import World, world

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels: {app: {{ .Release.Name }}}
  template:
    metadata:
      labels: {app: {{ .Release.Name }}}
    spec:
      containers:
        - name: app
          image: small/app:{{ .Values.tag }}
          resources: {requests: {cpu: "0.5", memory: 64Mi}}
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}
spec:
  selector: {app: {{ .Release.Name }}}
  ports: [{name: http, port: 80}]
"""


@dataclass
class Deploying:
    """A release that a test deploys: `chart` is its folder, `said` what the user was told."""

    env: Env
    api: ApiServer
    chart: Path
    said: list[str]
    values: dict[str, Any] = field(default_factory=lambda: {"tag": "one"})
    name: str = "shop"

    def deploy(self) -> str:
        return releases.deploy(
            self.env, self.name, self.chart, self.values, "small", [self.chart / "values-local.yaml"]
        )

    def live(self, name: str = "") -> dict[str, Any] | None:
        return self.api.get("apps/v1", "deployments", "small", name or self.name)

    def secrets(self) -> list[dict[str, Any]]:
        return [one for one in self.api.list("v1", "secrets", "small") if one["metadata"]["labels"].get("name")]

    def mark(self, status: str) -> None:
        """Leaves the newest revision in that state, as an interrupted Helm does."""
        secret = self.secrets()[-1]
        secret["metadata"]["labels"]["status"] = status
        self.api.put(secret)

    def wrote(self, since: int) -> list[str]:
        """The requests from that one on that change something."""
        return [f"{one.method} {one.path}" for one in self.api.requests[since:] if one.method != "GET"]


def write_chart(folder: Path) -> Path:
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: shop\nversion: 0.1.0\n")
    (folder / "values.yaml").write_text("replicas: 1\ntag: none\n")
    (folder / "values-local.yaml").write_text("replicas: 2\n")
    (folder / "templates" / "deployment.yaml").write_text(DEPLOYMENT)
    (folder / "templates" / "service.yaml").write_text(SERVICE)
    return folder


@pytest.fixture
def shop(cluster_env: Env, api: ApiServer, tmp_path: Path) -> Deploying:
    said: list[str] = []
    cluster_env.notify = said.append
    cluster_env.environ = {**cluster_env.environ, "HELM": os.environ.get("HELM", ""), "PATH": os.environ["PATH"]}
    return Deploying(cluster_env, api, write_chart(tmp_path / "charts" / "shop"), said)


@pytest.fixture
def audit(api: ApiServer, tmp_path: Path) -> World:
    root = tmp_path / "our, checkout"
    root.mkdir()
    return world(api, root)
