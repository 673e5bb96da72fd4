"""What each image is: its name and tag, its labels, and the settings with which a pod will run it."""

import json
import re
import shlex
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from bootstrap.core import hashing
from bootstrap.core.env import Env, owner_of
from bootstrap.problems.problem import Problem, ProblemsFound

if TYPE_CHECKING:
    from docker import DockerClient

UID = 10001  # of every service in a pod, and its gid
SIDECAR_HTTP, SIDECAR_GRPC = 3500, 50001  # where Dapr puts its sidecar in a pod
GIT_TIMEOUT_S = 10
OCI = "org.opencontainers.image"


@dataclass(frozen=True)
class Engine:
    """A Docker Engine: its client, and the environment variables with which the docker program finds the same one.

    `network` is the one of the build's RUN steps, as `docker build --network` takes it; `away` names an engine that
    does not answer, by what the way to it said, where it is not this machine's own.
    """

    client: "DockerClient"
    environ: Mapping[str, str]
    network: str = "default"
    away: Callable[[str], Problem] | None = None


EngineOf = Callable[[Env], Engine]
"""Where a stage finds its engine: this machine's, or the node's. Raises `ProblemsFound`."""


def context(env: Env) -> Path:
    """The build context of every image."""
    return env.root / "services"


def dockerfile(env: Env, name: str) -> Path:
    """The Dockerfile of a service."""
    return env.root / env.manifest.services[name].path / "Dockerfile"


def inputs(env: Env, name: str) -> dict[str, str]:
    """A hash of each thing that goes into the image, by its name; a base image by its own name."""
    folders = (
        env.root / env.manifest.services[name].path,
        context(env) / "shared" / "taskapp",
        context(env) / "constraints.txt",
        context(env) / ".dockerignore",
    )
    found = {str(path.relative_to(env.root)): hashing.digest([path]) for path in folders if path.exists()}
    return found | build_args(env)


def build_args(env: Env) -> dict[str, str]:
    """Build arguments that change what the image is."""
    base = env.environ.get("PYTHON_IMAGE", "")
    return {"PYTHON_IMAGE": base} if base else {}


def repository(env: Env, name: str) -> str:
    """The image's name without its tag."""
    return f"{env.manifest.name}/{name}"


def reference(env: Env, name: str) -> str:
    """The image as the checkout has it: name and tag. The tag is a hash of everything that goes into it."""
    tag = hashing.digest([], *(f"{key}={value}" for key, value in inputs(env, name).items()))
    return f"{repository(env, name)}:{tag}"


def inputs_label(env: Env) -> str:
    """The label that keeps `inputs`, so that a later build can say what changed."""
    return f"{env.manifest.name}.inputs"


def labels(env: Env, name: str) -> dict[str, str]:
    """The image's labels: OCI's annotations, and what went into it. Without git, source and revision stay away."""
    revision = _git(env, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    facts = {
        f"{OCI}.title": name,
        f"{OCI}.version": reference(env, name).rpartition(":")[2],
        f"{OCI}.revision": revision,
        f"{OCI}.source": _without_login(_git(env, "config", "--get", "remote.origin.url")),
        inputs_label(env): json.dumps(inputs(env, name), sort_keys=True),
    }
    return {key: value for key, value in facts.items() if value}


def _git(env: Env, *args: str) -> str:
    with suppress(ProblemsFound):  # no git on this machine
        done = env.run(["git", *args], timeout=GIT_TIMEOUT_S, environ=env.child_environ())
        return done.stdout.strip() if done.exit == 0 else ""
    return ""


def _without_login(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if parts.scheme else url


def settings(env: Env, name: str) -> dict[str, str]:
    """Environment variables such as the service has in a pod; what they point to is not there."""
    service = env.manifest.services[name]
    found = {
        "HOST": "0.0.0.0",  # noqa: S104 - as in a pod; here there is no network but loopback
        "PORT": str(service.port),
        "APP_ID": service.app_id or name,
        "VERSION": reference(env, name).rpartition(":")[2],
    }
    if service.app_id:
        found |= {"DAPR_HTTP_PORT": str(SIDECAR_HTTP), "DAPR_GRPC_PORT": str(SIDECAR_GRPC)}
    if service.database:
        found["DATABASE_URL"] = f"postgresql+psycopg://{name}@127.0.0.1:5432/{env.manifest.name}"
    for key, value in service.env.items():
        found[key] = re.sub(r"\{url:([a-z0-9-]+)\}", lambda match: _url(env, match[1]), value)
    return found


def _url(env: Env, name: str) -> str:
    service = env.manifest.services[name]
    return f"http://127.0.0.1:{service.node_port or service.port}"


def container(env: Env, name: str) -> dict[str, Any]:
    """How the image is run for its proof: as the pod will run it, with no way out."""
    return {
        "image": reference(env, name),
        "user": f"{UID}:{UID}",
        "read_only": True,
        "tmpfs": {"/tmp": ""},  # noqa: S108 - a path in the container
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "network_mode": "none",
        "environment": settings(env, name),
        "labels": {mark(env): name},
    }


def command(env: Env, name: str) -> str:
    """The same run, to be typed."""
    variables = (f"--env={key}={value}" for key, value in settings(env, name).items())
    return shlex.join(
        [
            *("docker", "run", "--rm", "--pull=never", f"--user={UID}:{UID}", "--read-only", "--tmpfs=/tmp"),
            *("--cap-drop=ALL", "--security-opt=no-new-privileges", "--network=none", *variables, reference(env, name)),
        ]
    )


def mark(env: Env) -> str:
    """The label of the containers in which this checkout proves its images."""
    return f"{env.manifest.name}.image-gate.{owner_of(env.root)}"
