"""preflight (local): the state folder can be written, there is room, every port is decided."""

from bootstrap.core import ports
from bootstrap.core.env import Env
from bootstrap.core.stage import Stage
from bootstrap.dapr import daprd
from bootstrap.local import layout
from bootstrap.machine import folder
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound

NEEDED_MIB = 700  # environments of the services, logs, data


def apply(env: Env) -> None:
    folder.make(env, *(env.local / name for name in ("processes", "data", "dapr", "envs")))
    try:
        wanted, before = layout.wanted_ports(env), env.ports.all()
        _end_unknown(env, {layout.process_of(purpose) for purpose in wanted})
        decided = env.ports.decide(wanted, in_use=lambda name: layout.holds_port(env, name))
    except OSError as error:
        raise ProblemsFound(folder.not_writable(env.state, error, NEEDED_MIB)) from error
    for name, port in decided.items():
        kept = before.get(name, wanted[name])
        if port != kept and name in env.manifest.services:
            env.notify(f"{name}: port {kept} is taken by {ports.holder(kept)}; it gets {port}")


def _end_unknown(env: Env, known: set[str]) -> None:
    """Ends what environment.toml no longer has: a service that was taken out, or lost its sidecar."""
    ended = env.processes.stop([name for name in env.processes.names() if name not in known])
    if ended:
        env.processes.forget()
        env.notify(f"ended, because environment.toml no longer has it: {', '.join(ended)}")


def check(env: Env, free_bytes: folder.FreeBytes = folder.free) -> Problem | None:
    named = env.environ.get("DAPRD")
    if named and daprd.find(env.environ) is None:
        return problem("daprd-missing", f"DAPRD={named} cannot be started.", final=True)
    envs = env.local / "envs"
    try:
        fresh = not any(envs.iterdir())
    except OSError as error:
        return folder.not_writable(env.local, error, NEEDED_MIB)
    return folder.check(env, env.local, NEEDED_MIB if fresh else 0, free_bytes)


def stage() -> Stage:
    """The gate: the state folder takes a file, the disk has room, and the sidecar that was asked for is there."""
    return Stage("preflight", (), apply, check, waits_for="a writable state folder", timeout=5)
