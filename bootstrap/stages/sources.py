"""sources: each service's requirements really resolved and installed, and every import covered by them."""

import re
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from bootstrap.catalogue import problem
from bootstrap.command import Completed
from bootstrap.env import Env
from bootstrap.local import layout
from bootstrap.problem import Failed, Problem
from bootstrap.stage import Stage
from bootstrap.stages import imports

INSTALL_TIMEOUT = 600.0  # seconds: a first download on a slow line
CONFLICT = re.compile(r"[Bb]ecause (?P<who>\S+) depends on (?P<what>[^\s,]+)")


def apply(env: Env) -> None:
    """Makes one environment per set of requirements; those that are there already cost nothing."""
    missing: dict[Path, list[str]] = {}
    for name in env.manifest.services:
        python = layout.python_of(env, name)
        if not python.exists():
            missing.setdefault(python.parents[1], []).append(name)
    if missing:
        for leftover in (env.local / "envs").glob("*.draft*"):
            shutil.rmtree(leftover, ignore_errors=True)
        with ThreadPoolExecutor(len(missing)) as pool:
            found = [p for result in pool.map(lambda item: _install(env, *item), missing.items()) for p in result]
        if found:
            raise Failed(found)
    uncovered = list(imports.uncovered(env))
    if uncovered:
        raise Failed(uncovered)


def check(env: Env) -> Problem | None:
    for name in env.manifest.services:
        python = layout.python_of(env, name)
        if not python.exists():
            return problem(
                "requirements-failed",
                f"The environment of {name} is not there.",
                evidence=str(python),
                final=True,
            )
    return None


def _install(env: Env, folder: Path, names: list[str]) -> list[Problem]:
    """Builds the environment beside its place and moves it there when it is whole."""
    draft = folder.with_name(f"{folder.name}.draft")
    uv_environ = _uv_environ(env)
    made = env.run(
        [*_uv(), "venv", "--quiet", "--relocatable", "--python", sys.executable, str(draft)],
        timeout=60,
        environ=uv_environ,
    )
    if made.exit != 0:
        return [_named(env, names, made)]
    done = env.run(
        [
            *(*_uv(), "pip", "install", "--quiet", "--python", str(draft / "bin" / "python")),
            *("-r", str(layout.requirements(env, names[0])), *_constraints(env)),
        ],
        timeout=INSTALL_TIMEOUT,
        environ=uv_environ,
    )
    if done.exit != 0:
        shutil.rmtree(draft, ignore_errors=True)
        return [_named(env, [name], done) for name in names]
    with suppress(FileExistsError):
        draft.rename(folder)
    return []


def _named(env: Env, names: list[str], done: Completed) -> Problem:
    """The installer's failure, by its name."""
    path = layout.requirements(env, names[0]).relative_to(env.root)
    words, evidence = done.words, f"$ {done.shown}\n{done.words}"
    if "No space left on device" in words or "os error 28" in words:
        return problem(
            "disk-full",
            f"Installing {path} filled the disk.",
            evidence=evidence,
            path=env.root,
            free=0,
            needed=500,
        )
    if re.search(r"error sending request|[Cc]onnection refused|dns error|[Ff]ailed to fetch|[Nn]etwork", words):
        return problem("index-unreachable", f"{path} cannot be installed.", evidence=evidence, final=True)
    not_there = re.search(r"[Bb]ecause (?:there is no version of (\S+)|(\S+) was not found)", words)
    if not_there and " depends on " not in words:
        wanted = not_there[1] or not_there[2]
        return problem(
            "requirement-not-found",
            f"{path} asks for {wanted}, which does not exist.",
            evidence=evidence,
            wanted=wanted,
            path=path,
            where=_line(env.root / path, env.root, [wanted]),
            final=True,
        )
    if "unsatisfiable" in words:
        sides = [f"{m['who']} wants {m['what']}" for m in CONFLICT.finditer(words.replace("\n", " "))]
        asked = re.findall(r"you require ([\w.\-\[\]]+[=<>!~][^\s,]*)", words.replace("\n", " "))
        return problem(
            "requirements-conflict",
            f"{path} cannot be resolved: {' and '.join([*asked, *sides]) or 'its pins exclude each other'}.",
            evidence=evidence,
            sides=": " + "; ".join(sides) if sides else "",
            advice=_pair(env, env.root / path, asked) or f"# loosen one of the pins in {path}, then:\n./inv up",
            where=_line(env.root / path, env.root, asked),
            final=True,
        )
    return problem("requirements-failed", f"{path} cannot be installed.", evidence=evidence, final=True)


def _pair(env: Env, path: Path, asked: list[str]) -> str:
    """A change that resolves: the first conflicting pin that, set free, lets the rest be resolved."""
    lines = path.read_text().splitlines()
    for pin in dict.fromkeys(asked):
        name = re.split(r"[\[=<>!~]", pin)[0]
        freed = [re.sub(rf"^({re.escape(name)}(?:\[.*?\])?)\s*[=<>!~].*$", r"\1", line) for line in lines]
        draft = env.local / f"freed-{path.parent.name}-{name}.txt"
        draft.write_text("\n".join(freed) + "\n")
        argv = [
            *_uv(),
            "pip",
            "compile",
            "--quiet",
            "--no-header",
            "--no-annotate",
            "--python",
            sys.executable,
            str(draft),
        ]
        done = env.run(argv, timeout=60, environ=_uv_environ(env))
        draft.unlink(missing_ok=True)
        resolved = re.search(rf"(?m)^({re.escape(name)}==\S+)$", done.stdout)
        if done.exit == 0 and resolved:
            at = path.relative_to(env.root)
            return (
                f"# {resolved[1]} goes with everything else in {at}:\n"
                f"sed -i 's/^{name}[=<>!~].*/{resolved[1]}/' {at}\n./inv up"
            )
    return ""


def _line(path: Path, root: Path, wanted: list[str]) -> str:
    """`file:line` of the first requirement that is `wanted`."""
    names = [re.split(r"[\[=<>!~]", w)[0].lower() for w in wanted]
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if re.split(r"[\[=<>!~ ;]", line.strip().lower())[0] in names:
            return f"{path.relative_to(root)}:{number}"
    return str(path.relative_to(root))


def _uv() -> Iterator[str]:
    """uv of this very environment, as a module: PATH is not asked."""
    yield from (sys.executable, "-m", "uv")


def _constraints(env: Env) -> list[str]:
    path = layout.constraints(env)
    return ["-c", str(path)] if path.exists() else []


def _uv_environ(env: Env) -> dict[str, str]:
    """The user's own environment (mirrors, proxies, certificates count), less the active virtual environment.

    With a home that cannot be written the cache lies in the state folder.
    """
    environ = {k: v for k, v in env.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH")}
    home = Path(environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME", "/nonexistent")) / ".cache")
    if "UV_CACHE_DIR" not in environ and not _writable(home):
        environ["UV_CACHE_DIR"] = str(env.state / "cache" / "uv")
    return environ


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".inv-probe"
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    return True


def stage() -> Stage:
    """The gate: every service has an environment of its own requirements, and every import is covered."""
    return Stage(
        "sources",
        ("preflight",),
        apply,
        check,
        waits_for="the services' environments",
        timeout=5,
        apply_timeout=900,
    )
