"""Why requirements cannot be installed: the installer's words taken apart, and a change that resolves."""

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.utils import canonicalize_name

from bootstrap.clients.command import Completed
from bootstrap.core.env import Env
from bootstrap.local import layout
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem

UV = (sys.executable, "-m", "uv")  # of this very environment: PATH is not asked
RESOLVE_TIMEOUT_S = 60.0
UNREACHABLE = re.compile(
    r"error sending request|Failed to fetch|Connection refused|dns error|operation timed out"
    r"|network was disabled|was not found in the cache"
)
DEPENDS = re.compile(r"(?:all versions of )?(\S+) depends? on (\S+)")
REQUIRED = re.compile(r"(?<!conclude that )you require (.+?)(?:, we can conclude|$)")
ABSENT = re.compile(r"Because (?:there (?:is|are) no versions? of |only (?:the following versions of )?)?(\S+)")
LINE = re.compile(r"\s*(?P<name>[A-Za-z0-9][\w.-]*)\s*(?P<extras>\[[^\]]*\])?(?P<wants>[^;#]*)(?P<marker>;[^#]*)?")


def explain(env: Env, name: str, done: Completed) -> Problem:
    """The failed installation of the requirements of service `name`, by its name."""
    file = layout.requirements(env, name)
    path = file.relative_to(env.root)
    words, evidence = " ".join(done.words.split()), f"$ {done.shown}\n{done.words}"
    if "No space left on device" in words or "os error 28" in words:
        summary = f"Installing {path} filled the disk."
        return problem("disk-full", summary, evidence=evidence, path=env.root, free=0, needed=500, final=True)
    if UNREACHABLE.search(words):
        return problem("index-unreachable", f"{path} cannot be installed.", evidence=evidence, final=True)
    if "unsatisfiable" not in words:
        return problem("requirements-failed", f"{path} cannot be installed.", evidence=evidence, path=path, final=True)
    if wanted := _not_there(words):
        return problem(
            "requirement-not-found",
            f"{path} needs {wanted}, which does not exist.",
            evidence=evidence,
            where=_where(file, env.root, [wanted]),
            wanted=wanted,
            path=path,
            final=True,
        )
    asked = list(_required(words))
    sides = _sides(words, asked)
    culprits = [*asked, *(who for who, _ in _depends(words))]
    return problem(
        "requirements-conflict",
        f"{path} cannot be resolved: {' and '.join(sides) or 'its pins exclude each other'}.",
        evidence=evidence,
        where=_where(file, env.root, culprits),
        path=path,
        advice=_advice(env, file, culprits) or f"# loosen one of the pins in {path}, then:\n./inv up",
        final=True,
    )


def _required(words: str) -> Iterator[str]:
    """What the requirements and the lock ask for, as far as the installer blames it."""
    for match in REQUIRED.finditer(words):
        for item in match[1].split(" and "):
            yield item.strip("., ")


def _depends(words: str) -> Iterator[tuple[str, str]]:
    """Who wants what."""
    for match in DEPENDS.finditer(words):
        yield match[1], match[2].strip(".,")


def _sides(words: str, asked: Iterable[str]) -> list[str]:
    """Both sides of a conflict: the pins, each with what it wants in turn."""
    pins = {_name(pin): pin for pin in asked}
    wants = {f"{pins.get(_name(who), who)} wants {what}": _name(who) for who, what in _depends(words)}
    return [*(pin for pin in dict.fromkeys(asked) if _name(pin) not in wants.values()), *wants]


def _not_there(words: str) -> str:
    """The requirement that no version of its distribution meets, whatever else is asked for; else ""."""
    first = words.partition(", we can conclude")[0]
    absent = ABSENT.search(first)
    if not absent or not re.search(r"no versions? of|was not found|(?:is|are) available", first):
        return ""
    wants = [*(what for _, what in _depends(first)), *_required(first)]
    return next((wanted for wanted in wants if _name(wanted) == _name(absent[1])), "")


def _name(requirement: str) -> str:
    return canonicalize_name(re.split(r"[\[=<>!~ ;:]", requirement.strip())[0])


def _lines(file: Path) -> Iterator[tuple[int, str, "re.Match[str]"]]:
    """Number, distribution and parts of each line that states a requirement."""
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if match := LINE.match(line):
            yield number, canonicalize_name(match["name"]), match


def _where(file: Path, root: Path, wanted: Iterable[str]) -> str:
    """`file:line` of the first requirement that is `wanted`, else the file."""
    names = {_name(each) for each in wanted}
    path = str(file.relative_to(root))
    return next((f"{path}:{number}" for number, name, _ in _lines(file) if name in names), path)


def _advice(env: Env, file: Path, culprits: Iterable[str]) -> str:
    """A change that resolves: a new lock where that is enough, else the first pin that, set free, lets the rest be."""
    path, text = file.relative_to(env.root), file.read_text()
    if lock(env) and _resolve(env, text, ()):
        at = layout.constraints(env).relative_to(env.root)
        return f"# {at} holds other versions; write it anew:\n.venv/bin/python -m bootstrap.setup.locks\n./inv up"
    lines = text.splitlines()
    for culprit in dict.fromkeys(_name(each) for each in culprits):
        mine = [(number, match) for number, name, match in _lines(file) if name == culprit]
        if not any(match["wants"].strip() for _, match in mine):
            continue
        number, match = mine[0]
        others = {other for other, _ in mine[1:]}
        bare = f"{match['name']}{match['extras'] or ''}"
        marker = f" {match['marker'].strip()}" if match["marker"] else ""
        freed = [bare + marker if n == number else line for n, line in enumerate(lines, 1) if n not in others]
        for locked in (lock(env), ()) if lock(env) else ((),):
            if resolved := re.search(rf"(?mi)^{culprit}(\[.*?\])?(==\S+)", _resolve(env, "\n".join(freed), locked)):
                edits = [f"-e '{number}s|.*|{bare}{resolved[2]}{marker}|'", *(f"-e '{n}d'" for n in sorted(others))]
                relock = "" if locked or not lock(env) else "\n.venv/bin/python -m bootstrap.setup.locks"
                return (
                    f"# {bare}{resolved[2]} goes with everything else in {path}:\n"
                    f"sed -i {' '.join(edits)} {path}{relock}\n./inv up"
                )
    return ""


def _resolve(env: Env, text: str, constraints: tuple[str, ...]) -> str:
    """What these requirements resolve to; "" where they do not."""
    draft = env.local / "envs" / f"draft-{abs(hash(text))}.txt"
    draft.write_text(text + "\n")
    argv = (*UV, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--python", sys.executable)
    done = env.run([*argv, *constraints, str(draft)], timeout=RESOLVE_TIMEOUT_S, environ=environ(env))
    draft.unlink(missing_ok=True)
    return done.stdout if done.exit == 0 else ""


def lock(env: Env) -> tuple[str, ...]:
    """Arguments that hold the installer to the lock of all services, where there is one."""
    path = layout.constraints(env)
    return ("-c", str(path)) if path.exists() else ()


def environ(env: Env) -> dict[str, str]:
    """The user's own environment (mirrors, proxies, certificates count), less the active virtual environment.

    With a home that cannot be written the cache lies in the state folder.
    """
    mine = {k: v for k, v in env.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH")}
    home = Path(mine.get("XDG_CACHE_HOME") or Path(mine.get("HOME", "/nonexistent")) / ".cache")
    if "UV_CACHE_DIR" not in mine and not _writable(home):
        mine["UV_CACHE_DIR"] = str(env.state / "cache" / "uv")
    return mine


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".inv-probe"
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    return True
