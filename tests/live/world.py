"""What live tests look at and do beside `./inv`: this machine's engine, the user's own things, the machine itself."""

import hashlib
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bootstrap.core.env import Env

if TYPE_CHECKING:
    from docker import DockerClient

CONTROL = "WORLD_CONTROL"  # the variable with the program that does what only root may do
ANSWER_TIMEOUT_S = 90.0
STRANGER = "somebody-else"
SETTINGS = Path(".minikube/config/config.json")  # in the home folder


def control(request: str) -> None:
    """Ask the machine for what takes root, such as "engine-restart", and wait until it is done."""
    program = os.environ.get(CONTROL)
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{CONTROL} is not set: this test runs inside .ci/world/enter", pytrace=False)
        pytest.skip("takes root on this machine: it runs inside .ci/world/enter")
    subprocess.run([program, request], check=True, timeout=ANSWER_TIMEOUT_S)


@dataclass(frozen=True)
class Belongings:
    """What is on a machine that commands of this project must leave as it is."""

    containers: frozenset[str]
    volumes: frozenset[str]
    networks: frozenset[str]
    profiles: frozenset[str]
    settings: frozenset[tuple[str, str]]  # minikube's: name and value, as JSON
    files: frozenset[tuple[str, str]]  # of ~/.kube: path and hash


def belongings(env: Env) -> Belongings:
    """Return all containers, volumes and networks of this machine, minikube's profiles, and the user's own files."""
    docker = env.docker
    home = Path.home()
    files = [path for path in (home / ".kube").rglob("*") if path.is_file() and "cache" not in path.parts]
    settings = json.loads((home / SETTINGS).read_text()) if (home / SETTINGS).exists() else {}
    return Belongings(
        frozenset(str(one.name) for one in docker.containers.list(all=True)),
        frozenset(str(one.name) for one in docker.volumes.list()),
        frozenset(str(one.name) for one in docker.networks.list()),
        frozenset(path.name for path in (home / ".minikube/profiles").glob("*") if path.is_dir()),
        frozenset((name, json.dumps(value)) for name, value in settings.items()),
        frozenset((str(path), hashlib.sha256(path.read_bytes()).hexdigest()) for path in files),
    )


def leave_belongings(docker: "DockerClient") -> None:
    """Give the user a kubeconfig whose current context is somebody's production, settings of minikube with another
    active profile, a volume and a network."""
    settings = Path.home() / SETTINGS
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(json.dumps({"WantUpdateNotification": False, "profile": STRANGER}))
    folder = Path.home() / ".kube"
    folder.mkdir(exist_ok=True)
    cluster = {"name": "production", "cluster": {"server": "https://production.invalid:6443"}}
    context = {"name": "production", "context": {"cluster": "production", "user": "me"}}
    document = {"apiVersion": "v1", "kind": "Config", "clusters": [cluster], "contexts": [context]}
    users = [{"name": "me", "user": {"token": "planted"}}]
    (folder / "config").write_text(json.dumps({**document, "users": users, "current-context": "production"}))
    docker.volumes.create(STRANGER)
    docker.networks.create(STRANGER)


def kubectl(env: Env, *args: str) -> str:
    """Run the cluster's own kubectl, inside the node."""
    inside = ["docker", "exec", env.context, "sh", "-c", 'exec /var/lib/minikube/binaries/v*/kubectl "$@"', "kubectl"]
    argv = [*inside, "--kubeconfig=/var/lib/minikube/kubeconfig", *args]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout
