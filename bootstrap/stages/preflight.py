"""preflight (local): the state folder can be written, there is room, strays are ended, every port is decided."""

import shutil
from pathlib import Path

from bootstrap.catalogue import problem
from bootstrap.env import Env
from bootstrap.local import layout, ports
from bootstrap.problem import Failed, Problem
from bootstrap.stage import Stage

NEEDED_MIB = 700  # environments of the services, logs, data


def apply(env: Env) -> None:
    try:
        for folder in ("processes", "data", "dapr", "envs"):
            (env.local / folder).mkdir(parents=True, exist_ok=True)
        (env.state / ".gitignore").write_text("*\n")
    except OSError as error:
        raise Failed(_not_writable(env.state, error)) from error
    wanted = layout.wanted_ports(env)
    before = env.ports.all()
    decided = env.ports.decide(wanted, in_use=lambda name: layout.holds_port(env, name))
    for name, port in decided.items():
        if port != wanted[name] and before.get(name) != port and name in env.manifest.services:
            env.say(f"{name}: port {wanted[name]} is taken by {ports.holder(wanted[name])}; it gets {port}")


def check(env: Env) -> Problem | None:
    free = shutil.disk_usage(env.local).free // 2**20
    if free < NEEDED_MIB and not any((env.local / "envs").iterdir()):
        return problem(
            "disk-full",
            f"The disk of {env.root} is nearly full.",
            path=env.root,
            free=free,
            needed=NEEDED_MIB,
            final=True,
        )
    try:
        probe = env.local / ".probe"
        probe.write_text("written by preflight")
        probe.unlink()
    except OSError as error:
        return _not_writable(env.local, error)
    return None


def _not_writable(path: Path, error: OSError) -> Problem:
    if error.errno == 28:  # ENOSPC
        return problem("disk-full", f"Nothing more can be written to {path}.", path=path, free=0, needed=NEEDED_MIB)
    return problem(
        "state-not-writable", f"{path} cannot be written.", evidence=str(error), path=path.parent, final=True
    )


def stage() -> Stage:
    """The gate: the state folder takes a file, and the disk has room for what is still to come."""
    return Stage("preflight", (), apply, check, waits_for="a writable state folder", timeout=5)
