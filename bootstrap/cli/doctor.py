"""`inv doctor`: what this machine is, what is wrong with it, and how to mend it. Changes nothing."""

from typing import Any

from bootstrap.cli import remedies
from bootstrap.cli.report import report_for
from bootstrap.core.env import Env
from bootstrap.machine import engine
from bootstrap.machine import facts as machine
from bootstrap.machine.folder import free
from bootstrap.problems.problem import ProblemsFound, after
from bootstrap.stages.preflight_minikube import findings
from bootstrap.tools import install, versions
from bootstrap.tools.mirrors import cache


def doctor(env: Env, as_json: bool) -> int:
    """Shows facts and findings of preflight and tools. Exit code: 0 all is well, 1 something is wrong."""
    found = remedies.pasteable(env, tuple(after(one, "doctor") for one in findings(env)))
    report, known = report_for(), facts(env)
    if as_json:
        report.json({"facts": known, "problems": [vars(problem) for problem in found]})
        return 1 if found else 0
    report.table(rows(known, can_download=not [*install.obtainable(env)]))
    report.problems(found)
    if not found:
        report.line("\n  ✔ this machine can run ./inv up")
    return 1 if found else 0


def facts(env: Env) -> dict[str, Any]:
    """What was found, null where nothing was: memory and disks in MiB."""
    at = machine.read(env.root.resolve())
    return {
        "kernel": at.kernel,
        "wsl": at.wsl,
        "memory_mib": at.memory_mib,
        "cgroup": at.cgroup,
        "systemd": at.systemd,
        "checkout": {
            "path": str(env.root),
            "filesystem": at.filesystem,
            "disk_free_mib": free(env.root) // 2**20,
        },
        "cache": str(cache(env)),
        "docker": _docker(env),
        "tools": {name: _tool(env, name) for name in versions.TOOLS},
    }


def _docker(env: Env) -> dict[str, Any] | None:
    try:
        return engine.facts(engine.ask(env))
    except ProblemsFound:
        return None


def _tool(env: Env, name: str) -> dict[str, str] | None:
    """None for one that `up` would download."""
    try:
        path = versions.program(env, name)
    except ProblemsFound:
        return None
    return {"path": path, "version": versions.version(env, versions.TOOLS[name], path)}


def rows(known: dict[str, Any], can_download: bool = True) -> list[tuple[str, str]]:
    """The facts as lines of a table; what is not known is left out."""
    docker, checkout = known["docker"] or {}, known["checkout"]
    lines = [
        ("kernel", known["kernel"]),
        ("memory", _gib(known["memory_mib"])),
        ("checkout", f"{checkout['path']} ({checkout['filesystem']}, {_gib(checkout['disk_free_mib'])} free)"),
        ("cache", known["cache"]),
    ]
    if docker:
        room = docker["disk_free_mib"]
        size = f"{docker['cpus']} CPUs, {_gib(docker['memory_mib'])} of memory"
        disk = f", {_gib(room)} free on its disk" if room is not None else ""
        lines.append(("docker", f"{docker['version']}, {docker['system']}: {size}{disk}"))
    for name, tool in known["tools"].items():
        missing = "none yet: inv up downloads it" if can_download else "none that can be used"
        lines.append((name, f"{tool['version']}, {tool['path']}" if tool else missing))
    return [(name, value) for name, value in lines if value]


def _gib(mib: int) -> str:
    return f"{mib / 1024:.1f} GiB" if mib else ""
