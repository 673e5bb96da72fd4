"""A real API server for the contract: an etcd and a kube-apiserver of its own, from the folder KUBEBUILDER_ASSETS."""

import http.client
import json
import os
import shutil
import ssl
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.apiserver.contract import Step
from tests.ports import free

SECONDS = 60  # until it must be ready
TOKEN = "contract"


class RealServer:
    """Runs while it is entered. Nothing but the API: no controllers, no kubelet."""

    def __enter__(self) -> "RealServer":
        self._folder = Path(tempfile.mkdtemp(prefix="apiserver-"))
        self._children: list[subprocess.Popen[bytes]] = []
        try:
            self._start(Path(os.environ["KUBEBUILDER_ASSETS"]))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for child in reversed(self._children):
            child.kill()  # its data goes with it: there is nothing to end in order
            child.wait(30)
        shutil.rmtree(self._folder, ignore_errors=True)

    def send(self, step: Step) -> tuple[int, Any]:
        """The answer to one request of the contract."""
        context = ssl.create_default_context(cafile=str(self._folder / "certs" / "apiserver.crt"))
        connection = http.client.HTTPSConnection("127.0.0.1", self._port, timeout=30, context=context)
        return send(connection, step, {"Authorization": f"Bearer {TOKEN}"})

    def _start(self, assets: Path) -> None:
        self._port, client, peer = (free() for _ in range(3))
        etcd, folder = f"http://127.0.0.1:{client}", self._folder
        self._run(
            assets / "etcd",
            *("--data-dir", f"{folder}/etcd", "--log-level", "error", "--listen-peer-urls", f"http://127.0.0.1:{peer}"),
            *("--listen-client-urls", etcd, "--advertise-client-urls", etcd),
        )
        (folder / "tokens").write_text(f"{TOKEN},admin,admin,system:masters\n")
        key = folder / "accounts.key"
        subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
        self._run(
            assets / "kube-apiserver",
            *("--etcd-servers", etcd, "--cert-dir", f"{folder}/certs", "--token-auth-file", f"{folder}/tokens"),
            *("--bind-address", "127.0.0.1", "--secure-port", str(self._port)),
            *("--service-account-issuer", "https://contract.example", "--service-account-key-file", str(key)),
            *("--service-account-signing-key-file", str(key), "--service-cluster-ip-range", "10.0.0.0/24"),
        )
        until = time.monotonic() + SECONDS
        while not self._is_ready():
            if time.monotonic() > until or any(child.poll() is not None for child in self._children):
                raise RuntimeError((folder / "log").read_text(errors="replace")[-3000:])
            time.sleep(0.1)

    def _is_ready(self) -> bool:
        try:
            return self.send(Step("ready", "GET", "/readyz"))[0] == 200
        except OSError:
            return False

    def _run(self, program: Path, *argv: str) -> None:
        with (self._folder / "log").open("ab") as log:
            self._children.append(subprocess.Popen([program, *argv], stdout=log, stderr=log, cwd=self._folder))


def send(connection: http.client.HTTPConnection, step: Step, headers: dict[str, str]) -> tuple[int, Any]:
    """One request; the body of the answer as a document, or as the text that it is."""
    try:
        body = None if step.body is None else json.dumps(step.body)
        connection.request(step.method, step.path, body, {"Content-Type": step.kind, **headers})
        response = connection.getresponse()
        text = response.read().decode()
    finally:
        connection.close()
    try:
        return response.status, json.loads(text)
    except ValueError:
        return response.status, text
