"""preflight (local): the state folder can be written, there is room, strays are ended, every port is decided."""

import shutil
from collections.abc import Callable
from pathlib import Path

from bootstrap.catalogue import problem
from bootstrap.env import Env
from bootstrap.local import daprd, layout, ports
from bootstrap.problem import Failed, Problem
from bootstrap.stage import Stage

NEEDED_MIB = 700  # environments of the services, logs, data


def apply(env: Env) -> None:
    try:
        for folder in ("processes", "data", "dapr", "envs"):
            (env.local / folder).mkdir(parents=True, exist_ok=True)
        (env.state / ".gitignore").write_text("*\n")
        wanted, before = layout.wanted_ports(env), env.ports.all()
        _end_unknown(env, {layout.process_of(purpose) for purpose in wanted})
        decided = env.ports.decide(wanted, in_use=lambda name: layout.holds_port(env, name))
    except OSError as error:
        raise Failed(_not_writable(env.state, error)) from error
    for name, port in decided.items():
        if port != wanted[name] and before.get(name) != port and name in env.manifest.services:
            env.say(f"{name}: port {wanted[name]} is taken by {ports.holder(wanted[name])}; it gets {port}")


def _end_unknown(env: Env, known: set[str]) -> None:
    """Ends what environment.toml no longer has: a service that was taken out, or lost its sidecar."""
    ended = env.processes.stop([name for name in env.processes.names() if name not in known])
    if ended:
        env.processes.forget()
        env.say(f"ended, because environment.toml no longer has it: {', '.join(ended)}")


def check(env: Env, free_bytes: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free) -> Problem | None:
    named = env.environ.get("DAPRD")
    if named and daprd.find(env.environ) is None:
        return problem("daprd-missing", f"DAPRD={named} cannot be started.", final=True)
    probe, envs = env.local / ".probe", env.local / "envs"
    try:
        probe.write_text("written by preflight")
        probe.unlink()
        free, fresh = free_bytes(env.local) // 2**20, not any(envs.iterdir())
    except OSError as error:
        return _not_writable(env.local, error)
    if free < NEEDED_MIB and fresh:
        return problem(
            "disk-full",
            f"The disk of {env.root} is nearly full.",
            path=env.root,
            free=free,
            needed=NEEDED_MIB,
            final=True,
        )
    return None


def _not_writable(path: Path, error: OSError) -> Problem:
    if error.errno == 28:  # ENOSPC
        summary = f"Nothing more can be written to {path}."
        return problem("disk-full", summary, path=path, free=0, needed=NEEDED_MIB, final=True)
    return problem(
        "state-not-writable", f"{path} cannot be written.", evidence=str(error), path=path.parent, final=True
    )


def stage() -> Stage:
    """The gate: the state folder takes a file, the disk has room, and the sidecar that was asked for is there."""
    return Stage("preflight", (), apply, check, waits_for="a writable state folder", timeout=5)
