"""The Docker Engine inside the node, as minikube tells it; never what a shell says, and never told to one."""

import ipaddress
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bootstrap.clients import kubernetes_api
from bootstrap.clients.command import Completed
from bootstrap.clients.docker_engine import LOOPBACK, NAMES, direct
from bootstrap.clients.kubernetes_api import Document, path
from bootstrap.core.env import Env
from bootstrap.images.layout import Engine
from bootstrap.minikube import profile
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound

if TYPE_CHECKING:
    from docker import DockerClient

ELSEWHERE = ("BUILDX_", "DOCKER_", "HELM_", "KUBE", "MINIKUBE_")  # variables that may lead to what is not ours
CONFIG = "DOCKER_CONFIG"  # where the plugin buildx and logins to registries are; DOCKER_HOST wins over what it leads to
CERTIFICATES = ("ca.pem", "cert.pem", "key.pem")


def engine(env: Env) -> Engine:
    """The engine of the cluster's node: minikube is asked once in a run, and again when the cluster has moved.

    Raises `ProblemsFound`: `docker-env-failed`, `docker-env-unsafe`, or what the API says.
    """
    return env.memoize("docker-env", env.signature, lambda: _engine(env))


def _engine(env: Env) -> Engine:
    found = variables(env)
    environ = {k: v for k, v in env.environ.items() if not k.startswith(ELSEWHERE) or k == CONFIG}
    host = str(urlsplit(found["DOCKER_HOST"]).hostname)
    unproxied = ",".join(part for part in (env.environ.get("NO_PROXY") or env.environ.get("no_proxy"), host) if part)
    # Another builder than the engine's own would keep the image to itself.
    ours = found | {"NO_PROXY": unproxied, "no_proxy": unproxied, "BUILDX_BUILDER": "default"}
    return Engine(_client(env, found), environ | ours, away=lambda said: _away(env, said))


def variables(env: Env) -> dict[str, str]:
    """DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH of the node's engine, over TLS, here or in the node.

    minikube takes half a second to say them, so they are kept while the same node runs since the same start. Whether
    its engine answers there is asked in every run, by the gate.
    """
    node = _running_node(env)
    found = _remembered(env, node) or _told(env)
    if wrong := _unsafe(found, _addresses(env)):
        _file(env).unlink(missing_ok=True)
        shown = "\n".join(f"{name}={value}" for name, value in found.items())
        raise ProblemsFound(
            problem(
                "docker-env-unsafe",
                f"minikube's Docker Engine of {env.context} is not used: {wrong}.",
                evidence=shown,
                final=True,
                profile=env.context,
            )
        )
    if node:
        with suppress(OSError):  # then minikube is asked again
            _file(env).write_text(json.dumps({"node": node, "variables": found}))
    return found


def _file(env: Env) -> Path:
    return env.state / "docker-env.json"


def _running_node(env: Env) -> str:
    """The node's container, when it was started and when the kubeconfig was written; "" where it is not known."""
    try:
        found = profile.node(env)
    except ProblemsFound:  # the stage before tells it
        return ""
    if found is None or found.status != "running":
        return ""
    return f"{found.short_id} {found.attrs['State']['StartedAt']} {env.signature}"


def _remembered(env: Env, node: str) -> dict[str, str] | None:
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(_file(env).read_text())
        if node and kept["node"] == node:
            return {name: str(kept["variables"][name]) for name in NAMES}
    return None


def _told(env: Env) -> dict[str, str]:
    done = profile.run(env, "docker-env", "--shell=none", "--output=json")
    summary = f"minikube does not say how to reach the Docker Engine of {env.context}."
    try:
        told = json.loads(done.stdout)
    except ValueError:
        told = None
    found = {name: str(told[name]) for name in NAMES if name in told} if isinstance(told, dict) else {}
    if done.exit or len(found) < len(NAMES):
        raise _unanswered(env, done, summary)
    return found


def _unanswered(env: Env, done: Completed, summary: str) -> ProblemsFound:
    said = f"$ {done.shown}\n{done.stderr.strip() or done.stdout.strip()}"
    return ProblemsFound(problem("docker-env-failed", summary, evidence=said, profile=env.context))


def _addresses(env: Env) -> set[str]:
    with kubernetes_api.translate_errors(f"The nodes of {env.context} cannot be listed."):
        nodes = env.cluster.items(path("v1", "nodes"))
    return {address["address"] for node in nodes for address in node.get("status", {}).get("addresses", [])}


def _unsafe(found: dict[str, str], nodes: set[str]) -> str:
    """Why these variables are not to be used, or ""."""
    try:
        parts = urlsplit(found["DOCKER_HOST"])
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "its address cannot be read"
    if parts.scheme != "tcp" or not port:
        return "its address is no TCP port"
    if not (_is_loopback(host) or host in nodes):
        return f"{host} is neither this machine nor a node of the cluster"
    if found["DOCKER_TLS_VERIFY"] != "1":
        return "it is not reached over TLS"
    missing = [name for name in CERTIFICATES if not (Path(found["DOCKER_CERT_PATH"]) / name).is_file()]
    return f"{', '.join(missing)} is missing in its folder of certificates" if missing else ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in LOOPBACK


def _client(env: Env, found: dict[str, str]) -> "DockerClient":
    from docker.tls import TLSConfig

    certificates = Path(found["DOCKER_CERT_PATH"])
    tls = TLSConfig(
        client_cert=(str(certificates / "cert.pem"), str(certificates / "key.pem")),
        ca_cert=str(certificates / "ca.pem"),
        verify=True,
    )
    with words(env):
        return direct(base_url=found["DOCKER_HOST"], tls=tls)


@contextmanager
def words(env: Env) -> Iterator[None]:
    """Raises what the engine in the node, or the way to it, refuses inside as `ProblemsFound` (`docker-env-away`)."""
    from docker.errors import DockerException

    try:
        yield
    except (DockerException, OSError) as error:
        raise ProblemsFound(_away(env, str(error))) from error


def _away(env: Env, said: str) -> Problem:
    summary = f"The Docker Engine in the node of {env.context} does not answer."
    return problem("docker-env-away", summary, evidence=said, profile=env.context)


def containers(pods: list[Document]) -> list[str]:
    """The ids of the containers that run in these pods, as the node's engine has them."""
    found = [status for pod in pods for status in pod.get("status", {}).get("containerStatuses", [])]
    running = [str(status.get("containerID", "")) for status in found if "running" in status.get("state", {})]
    return [name.removeprefix("docker://") for name in running if name.startswith("docker://")]
