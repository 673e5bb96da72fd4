"""The door to minikube: its program, with our profile and an environment of its own."""

import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from bootstrap.clients import docker_engine
from bootstrap.clients.command import Completed
from bootstrap.core.env import Env
from bootstrap.minikube import events, ownership
from bootstrap.minikube.settings import Config
from bootstrap.problems.catalogue import problem, recognise
from bootstrap.problems.problem import ProblemsFound
from bootstrap.tools import versions

if TYPE_CHECKING:
    from docker.models.containers import Container

QUERY_TIMEOUT_S = 60.0  # for a question
STOP_TIMEOUT_S = 300.0
NODE_STOP_TIMEOUT_S = 30
NO_PROFILE = 85  # exit code: there is no such profile, or no machine of it
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY")
# Every flag of minikube can be set by a variable, also one that makes a cluster listen to the whole network. These say
# where things lie and come from.
PASSED_ON = (
    *("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"),
    *("MINIKUBE_HOME", "MINIKUBE_FORCE", "MINIKUBE_FORCE_SYSTEMD", "MINIKUBE_ROOTLESS", "MINIKUBE_BASE_IMAGE"),
    *("MINIKUBE_IMAGE_MIRROR_COUNTRY", "MINIKUBE_IMAGE_REPOSITORY", "MINIKUBE_BINARY_MIRROR"),
    *("MINIKUBE_REGISTRY_MIRROR", "MINIKUBE_INSECURE_REGISTRY"),
)
# Loopback, the nodes of the docker driver, Services, pods, and names in the cluster: no proxy leads to them.
DIRECT = "localhost,127.0.0.1,192.168.0.0/16,10.96.0.0/12,10.244.0.0/16,.svc,.cluster.local,.minikube.internal"


def environ(env: Env) -> dict[str, str]:
    """The environment variables for minikube: our kubeconfig, this machine's engine, English words.

    Raises `ProblemsFound` (`docker-elsewhere`): on an engine of another machine minikube may have a profile of our
    name.
    """
    theirs = docker_engine.of_this_machine(env.environ)
    passed = {k: v for k, v in theirs.items() if re.match(r"SSL_CERT_|XDG_|WSL", k) or k in PASSED_ON}
    ours = {
        "KUBECONFIG": str(env.kubeconfig),
        "LC_ALL": "C",
        "MINIKUBE_IN_STYLE": "false",
        "MINIKUBE_WANTUPDATENOTIFICATION": "false",
    }
    return env.child_environ(**(passed | _proxies(theirs) | ours))


def _proxies(theirs: Mapping[str, str]) -> dict[str, str]:
    found = {k: v for k, v in theirs.items() if k.upper() in PROXIES and v}
    if not found:
        return {}
    direct = theirs.get("NO_PROXY") or theirs.get("no_proxy") or ""
    direct = f"{direct},{DIRECT}".strip(",")
    return found | {"NO_PROXY": direct, "no_proxy": direct}


def run(
    env: Env, *args: str, timeout: float = QUERY_TIMEOUT_S, on_line: Callable[[str], object] | None = None
) -> Completed:
    """Runs minikube on our profile.

    Raises `ProblemsFound` where it is not there, or gives no answer within `timeout` s.
    """
    argv = [versions.program(env, "minikube"), "--profile", env.context, *args]
    return env.run(argv, timeout=timeout, environ=environ(env), on_line=on_line)


def failed(env: Env, done: Completed, summary: str, phase: str = "start") -> ProblemsFound:
    """What minikube gave up with, as the failure that it is."""
    said = events.refusal(done)
    facts = {"profile": env.context, "kubernetes": env.manifest.cluster.kubernetes}
    known = recognise("minikube", phase, said, summary, where="", **facts)
    shown = f"$ {done.shown}\n{said}"
    return ProblemsFound(known or problem("minikube-failed", summary, evidence=shown, where="", final=True, **facts))


def config(env: Env) -> Config | None:
    """The configuration of our profile, or None where minikube has none of that name. Raises `ProblemsFound`."""
    done = run(env, "profile", "list", "--light", "--output=json")
    try:
        told = json.loads(done.stdout)
    except ValueError:
        told = None
    if not isinstance(told, dict) or "valid" not in told:
        raise failed(env, done, "minikube does not list its profiles.", "profile")
    return next((dict(each["Config"]) for each in told["valid"] or [] if each.get("Name") == env.context), None)


def status(env: Env) -> dict[str, Any]:
    """`Host`, `Kubelet`, `APIServer` and `Kubeconfig`, each "Running", "Stopped", "Paused", "Nonexistent", …; {} where
    there is no such profile or no machine of it."""
    done = run(env, "status", "--output=json")
    try:
        found = json.loads(done.stdout)
    except ValueError:
        return {}
    return dict(found) if isinstance(found, dict) and "Host" in found else {}


def remains(env: Env) -> bool:
    """Whether this machine's engine has a container or a volume of the profile's name, whoever made it."""
    return node(env) is not None or has_volume(env)


def node(env: Env) -> "Container | None":
    """Return the container of the node, whatever its state. Raises `ProblemsFound`."""
    from docker.errors import NotFound

    with docker_engine.translate_errors("This machine's Docker Engine does not say what it runs."):
        try:
            return env.docker.containers.get(env.context)
        except NotFound:
            return None


def has_volume(env: Env) -> bool:
    """Whether this machine's engine has the volume in which minikube keeps a node's /var. Raises `ProblemsFound`."""
    from docker.errors import NotFound

    with docker_engine.translate_errors("This machine's Docker Engine does not say what it holds."):
        try:
            env.docker.volumes.get(env.context)
        except NotFound:
            return False
    return True


def _runs(env: Env) -> bool:
    """Whether this machine's engine runs the node; one that is away runs none."""
    try:
        found = node(env)
    except ProblemsFound as failed:
        if failed.problems[0].code != "docker-not-running":
            raise
        return False
    return found is not None and str(found.status) == "running"


def data(env: Env) -> list[str]:
    """What `delete` would delete, for the user to read."""
    if not ownership.is_ours(env):
        return []
    return [f"the minikube profile {env.context}: its node, the database and every volume in it"]


def stop(env: Env) -> bool:
    """Stops our cluster, which keeps what is in it; returns whether there was one that ran. Raises `ProblemsFound`."""
    if not ownership.is_ours(env):
        return False
    # minikube has no status for a node that it cannot ask, which may run all the same.
    host = status(env).get("Host")
    if host in ("Stopped", "Nonexistent") or (host is None and not _runs(env)):
        return False
    done = run(env, "stop", "--output=json", timeout=STOP_TIMEOUT_S)
    if done.exit not in (0, NO_PROFILE):
        raise failed(env, done, f"The cluster {env.context} does not stop.", "stop")
    if done.exit == NO_PROFILE and (found := node(env)) is not None:
        # minikube's record of it is gone, as after `rm -rf ~/.minikube`.
        with docker_engine.translate_errors(f"The node of {env.context} cannot be stopped."):
            found.stop(timeout=NODE_STOP_TIMEOUT_S)
    return True


def delete(env: Env) -> list[str]:
    """Deletes our cluster with all that is in it; returns what was deleted. Raises `ProblemsFound`."""
    if not ownership.is_ours(env):
        return []
    theirs = run(env, "config", "get", "profile")  # the one of their bare `minikube` commands, which `delete` forgets
    done = run(env, "delete", "--output=json", timeout=STOP_TIMEOUT_S)
    active = theirs.stdout.strip()
    if theirs.exit == 0 and active and active != env.context:
        run(env, "config", "set", "profile", active)
    # minikube calls it done also where the engine did not delete the node.
    if done.exit not in (0, NO_PROFILE) or remains(env):
        raise failed(env, done, f"The cluster {env.context} cannot be deleted.", "delete")
    ownership.forget(env)
    return [f"the minikube profile {env.context}"]
