"""preflight (minikube): all that is wrong with this machine, told at once, before anything is started."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from bootstrap.clients import docker_engine
from bootstrap.core import ports
from bootstrap.core.env import Env
from bootstrap.core.stage import Stage
from bootstrap.machine import docker_program, engine, facts, folder, wsl
from bootstrap.minikube import ownership, profile, supplies
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound
from bootstrap.tools import install

NEEDED_MIB = 700  # logs, and the services' environments
DAY_S = 86_400
CHECK_TIMEOUT_S = 60  # for an engine that has to wake up first; whatever is found is final


def apply(env: Env) -> None:
    folder.make(env, env.local, env.minikube)
    if found := tuple(findings(env)):
        raise ProblemsFound(found)
    if not env.kubeconfig.exists():
        _tell_of_proxy(env)


def _tell_of_proxy(env: Env) -> None:
    """minikube gets NO_PROXY from us; what the user types by hand gets the shell's."""
    proxied = [name for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy") if env.environ.get(name)]
    direct = env.environ.get("NO_PROXY") or env.environ.get("no_proxy") or ""
    if proxied and profile.DIRECT not in direct:
        wanted = ",".join(part for part in (direct, profile.DIRECT) if part)
        env.notify(f"{proxied[0]} is set; for kubectl by hand in this shell: export NO_PROXY={wanted}")


def check(env: Env) -> Problem | None:
    return next(findings(env), None)


def findings(env: Env, root: Path = Path("/")) -> Iterator[Problem]:
    """Everything that is wrong, by facts from `root`."""
    machine, now = facts.read(env.root.resolve(), root), time.time()
    yield from wsl.findings(env, machine, now)
    yield from clock(env, now)
    fresh = not ownership.came_up(env)
    at = next(path for path in (env.minikube, env.state, env.root) if path.is_dir())
    if found := folder.check(env, at, NEEDED_MIB if fresh else 1):
        yield found
    yield from wsl.explained(env, machine, _docker(env))
    tools_missing = tuple(install.obtainable(env))
    yield from tools_missing
    if not tools_missing:
        yield from _offline(env)


def clock(env: Env, now: float) -> Iterator[Problem]:
    """A clock that is behind the checkout: every certificate would be of the future."""
    written = (env.root / "environment.toml").stat().st_mtime
    if now < written - DAY_S:
        days = (written - now) / DAY_S
        yield problem("clock-behind", f"This machine's clock is {days:.0f} days behind this checkout.", final=True)


def _docker(env: Env) -> Iterator[Problem]:
    if shutil.which("docker", path=env.environ.get("PATH", "")) is None:
        yield problem("docker-program-missing", "There is no docker program on PATH.", final=True)
    else:
        yield from docker_program.findings(env)
    try:
        if address := docker_engine.over_tcp(env.environ):
            yield problem("docker-over-tcp", f"The Docker Engine is asked over TCP, at {address}.", final=True)
        before = time.time()
        info = engine.ask(env)
        yield from engine.findings(env, info, (before, time.time()))
        # The cluster's own gate would say it only after other stages have begun to download.
        refused = ownership.refusal(env, exists=profile.remains(env))
        if refused:
            yield refused
        yield from _ports(env, ours="" if refused else env.context)
    except ProblemsFound as failed:
        yield from failed.problems


def _offline(env: Env) -> Iterator[Problem]:
    try:
        yield from supplies.findings(env)
    except ProblemsFound as failed:
        yield from (each for each in failed.problems if not each.code.startswith("docker-"))  # told already


def _ports(env: Env, ours: str) -> Iterator[Problem]:
    """The node ports, which minikube's node publishes on loopback: each is free, or held by the container `ours`."""
    wanted = {name: service.node_port for name, service in env.manifest.services.items() if service.node_port}
    taken = {name: port for name, port in wanted.items() if not ports.is_free(port)}
    if not taken:
        return
    with docker_engine.translate_errors("This machine's Docker Engine does not say which ports it publishes."):
        for name, port in taken.items():
            holders = [each.name for each in env.docker.containers.list(filters={"publish": str(port)})]
            if ours in holders:
                continue
            by = f"the container {holders[0]}" if holders else ports.holder(port)
            summary = f"Port {port} on 127.0.0.1, for {name}, is taken by {by}."
            yield problem("node-port-in-use", summary, where="environment.toml", name=name, port=port, final=True)


def stage() -> Stage:
    """The gate: Docker is there, can build and is large enough, the profile is not another's, disks have room, ports
    are free or ours, clocks agree, WSL2 is sane, and each tool is there or can be had."""
    return Stage("preflight", (), apply, check, waits_for="a machine that can run this", timeout=CHECK_TIMEOUT_S)
