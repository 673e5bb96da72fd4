"""What to attach to a bug report: one archive of everything that was said and done, without secrets."""

import io
import json
import platform
import tarfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bootstrap.core.concurrent import run_concurrently
from bootstrap.core.env import Env
from bootstrap.problems import redaction
from bootstrap.problems.catalogue import is_unknown
from bootstrap.problems.problem import Problem

KEPT_BUNDLES = 5  # bundles
KEPT_RUNS = 3  # of the newest ones, their events
LOG_TAIL_LINES = 400  # lines of each log
COLLECT_TIMEOUT_S = 12.0  # for all that is asked
PACKAGES = ("invoke", "docker", "kubernetes", "pyhelm3", "rich", "pydantic", "aiokafka")
ENVIRON = (
    *("CI", "DAPRD", "DOCKER_CONTEXT", "DOCKER_HOST", "HELM", "INV_DAPR_CHART", "INV_MIRROR", "INV_OFFLINE", "LANG"),
    *("LC_ALL", "MINIKUBE", "MINIKUBE_HOME", "SHELL", "TERM", "UV_OFFLINE", "WSL_DISTRO_NAME"),
)
README = """\
What {name} on {on} was and did, to attach to a report.

Left out: Secrets, and all environment variables but a few. Passwords, tokens, keys, and the values of the environment's
own Secrets stand as <removed>. Look through it before you pass it on: what your services print may be private.
"""

Part = Callable[[], Any]


def write(
    env: Env, problems: Sequence[Problem] = (), error: str = "", seconds: float = COLLECT_TIMEOUT_S
) -> Path | None:
    """Writes `.inv/bundles/TIME.tar.gz` and returns it; None where the disk takes no file.

    `problems` and `error` (a traceback) are why it is written. What cannot be asked within `seconds` is left out, and
    the reason stands in its place. Nothing is changed.
    """
    # The run that failed was cancelled, and its doors with it.
    fresh = replace(env, cancelled=threading.Event(), notify=str)
    run_concurrently({"secrets": lambda: _read_secrets(fresh)}, seconds / 2)
    parts = _parts(fresh)
    answers = run_concurrently(parts, seconds)
    files: dict[str, Any] = {
        "README.txt": README.format(name=env.manifest.name, on=env.place or "no place"),
        "problems.json": [asdict(one) for one in problems],
        **({"error.txt": error} if error else {}),
    }
    for name, answer in answers.items():
        if isinstance(answer, Exception):
            files[f"{name}.missing.txt"] = f"{type(answer).__name__}: {answer}"
        elif name.endswith("/"):
            files |= {f"{name}{inner}": value for inner, value in answer.items()}
        else:
            files[name] = answer
    known = tuple(env.secrets)
    packed = _pack({name: _bytes(value, known) for name, value in files.items()})
    folder = env.state / "bundles"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{time.strftime('%Y%m%d-%H%M%S')}.tar.gz"
        path.touch(mode=0o600)
        path.write_bytes(packed)
    except OSError:
        return None
    for old in sorted(folder.glob("*.tar.gz"))[:-KEPT_BUNDLES]:
        old.unlink(missing_ok=True)
    return path


def offer(env: Env, problems: Sequence[Problem]) -> str:
    """What to tell the user where a problem among these stands for words that nobody knows; "" otherwise."""
    if not any(is_unknown(one.code) for one in problems):
        return ""
    return attach(env, write(env, problems))


def attach(env: Env, path: Path | None) -> str:
    """What to do with a bundle."""
    if path is None:
        return "This failure is not known here; please report it with the words above."
    where = path.relative_to(env.root)
    return f"This failure is not known here. To report it, attach {where} (secrets are removed; look before you send)."


def of_bug(opened: Callable[[], Env], error: str) -> str:
    """Writes a bundle about an error of this project itself, and says where; "" where even that is not possible."""
    with suppress(Exception):
        env = opened()
        path = write(env, error=error)
        return f"Attach {path.relative_to(env.root)} (secrets are removed; look before you send)." if path else ""
    return ""


def _read_secrets(env: Env) -> None:
    """Reading them makes them known, and what is known is taken out wherever it stands."""
    from bootstrap.cluster import secrets

    if env.place == "minikube" and env.kubeconfig.exists():
        secrets.missing(env)


def _parts(env: Env) -> dict[str, Part]:
    parts: dict[str, Part] = {
        "versions.json": lambda: _versions(env),
        "environ.json": lambda: {name: env.environ[name] for name in ENVIRON if name in env.environ},
        "environment.toml": lambda: (env.root / "environment.toml").read_text(encoding="utf-8"),
        "runs/": lambda: _runs(env),
        "logs/": lambda: _logs(env),
        "machine.json": lambda: _machine(env),
    }
    if env.place:
        parts["status.json"] = lambda: _status(env)
    if env.place == "minikube" and env.kubeconfig.exists():
        from bootstrap.cluster.pods import evidence

        parts["cluster/"] = lambda: evidence.gather(env, LOG_TAIL_LINES)
        parts["broker.log"] = lambda: _broker(env)
    return parts


def _versions(env: Env) -> dict[str, Any]:
    packages = {}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            packages[name] = version(name)
    git = env.run(["git", "describe", "--always", "--dirty", "--long"], timeout=5)
    return {"checkout": git.words, "python": platform.python_version(), "on": platform.platform(), **packages}


def _machine(env: Env) -> Any:
    from bootstrap.cli import doctor

    return doctor.facts(env)


def _status(env: Env) -> Any:
    from bootstrap.cli import status

    return status.look(env, COLLECT_TIMEOUT_S / 2)


def _broker(env: Env) -> str:
    from bootstrap.broker import choice

    return "\n".join(choice.lines(env, False))


def _runs(env: Env) -> dict[str, Any]:
    found = sorted((env.state / "runs").glob("*/events.jsonl"))[-KEPT_RUNS:]
    return {f"{path.parent.name}.jsonl": _lines(path.read_text(encoding="utf-8")) for path in found}


def _lines(text: str) -> list[Any]:
    lines: list[Any] = []
    for line in text.splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:  # the last one of a killed run
            lines.append(line)
    return lines


def _logs(env: Env) -> dict[str, str]:
    folder = env.local / "processes"
    found = [*folder.glob("*.log"), *folder.glob("*.log.previous")]
    return {path.name: "\n".join(path.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]) for path in found}


def _bytes(value: Any, known: Sequence[str]) -> bytes:
    if isinstance(value, str):
        return redaction.text(value, known).encode()
    return json.dumps(redaction.document(value, known), indent=1, default=str).encode()


def _pack(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"bundle/{name}")
            entry.size, entry.mtime, entry.mode = len(content), int(time.time()), 0o600
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()
