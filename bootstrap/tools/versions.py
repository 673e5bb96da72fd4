"""minikube and Helm: the user's where its version is accepted, else the pinned one from a cache of the user's.

Accepted is the pinned minor version and any later one of the same major version.
"""

import json
import os
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bootstrap.core.env import Env
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound
from bootstrap.tools.mirrors import cache

VERSION_TIMEOUT_S = 30.0  # to say a version

Version = tuple[int, int, int]


@dataclass(frozen=True)
class Tool:
    """One tool as it is published. `url` has the pinned version, `checksum` is the ending of the file with its SHA-256.

    `asks` makes it say its version; `member` is the program in the archive at `url`, "" where that is the program.
    """

    name: str
    asks: tuple[str, ...]
    url: str
    checksum: str
    why: str
    member: str = ""

    @property
    def variable(self) -> str:
        """The environment variable that names the program to use."""
        return self.name.upper()

    def pinned(self, env: Env) -> str:
        """The version in environment.toml."""
        return str(getattr(env.manifest.tools, self.name))


TOOLS = {
    tool.name: tool
    for tool in (
        Tool(
            "minikube",
            ("version", "--short"),
            "https://github.com/kubernetes/minikube/releases/download/v{version}/minikube-{system}-{machine}",
            ".sha256",
            "An older one does not know the pinned Kubernetes.",
        ),
        Tool(
            "helm",
            ("version", "--template", "{{.Version}}"),
            "https://get.helm.sh/helm-v{version}-{system}-{machine}.tar.gz",
            ".sha256sum",
            "Helm 3 does not refuse what the API server does not know; the charts are for Helm 4.",
            "{system}-{machine}/helm",
        ),
    )
}


def program(env: Env, name: str) -> str:
    """The path of the tool to use; nothing is downloaded.

    The one that its variable (MINIKUBE, HELM) names; else the one on PATH if its version is accepted; else the one in
    the cache. Raises `ProblemsFound`: `tool-missing`, `tool-version`, `tool-broken`.
    """
    tool = TOOLS[name]
    named = env.environ.get(tool.variable)
    if named:
        found = shutil.which(named, path=env.environ.get("PATH", ""))
        if found is None:
            raise ProblemsFound(_missing(env, tool, f"{tool.variable}={named} cannot be started."))
        return accepted(env, tool, str(Path(found).absolute()))
    refused: ProblemsFound | None = None
    for path in (shutil.which(name, path=env.environ.get("PATH", "")), str(cached(env, tool))):
        if path and os.access(path, os.X_OK):
            try:
                return accepted(env, tool, str(Path(path).absolute()))
            except ProblemsFound as failed:
                refused = refused or failed
    raise refused or ProblemsFound(_missing(env, tool, f"There is no {name} on PATH, and none in the cache."))


def cached(env: Env, tool: Tool) -> Path:
    """Where the pinned version lies in the cache, there or not."""
    return cache(env) / "tools" / f"{tool.name}-v{tool.pinned(env)}"


def accepted(env: Env, tool: Tool, path: str) -> str:
    """`path`, when that program says an accepted version."""
    said, wanted = version(env, tool, path), tool.pinned(env)
    good = is_accepted(said, wanted)
    if good:
        return path
    if good is None:
        raise ProblemsFound(
            problem(
                "tool-broken",
                f"{path} does not say its version.",
                evidence=said,
                command=" ".join((path, *tool.asks[:1])),
                variable=tool.variable,
                final=True,
            )
        )
    major, minor, _ = _parsed(wanted) or (0, 0, 0)
    raise ProblemsFound(
        problem(
            "tool-version",
            f"{path} is {tool.name} {said.removeprefix('v')}.",
            evidence=said,
            name=tool.name,
            oldest=f"{major}.{minor}.0",
            newest=f"{major + 1}.0.0",
            why=tool.why,
            wanted=wanted,
            variable=tool.variable,
            final=True,
        )
    )


def is_accepted(said: str, pinned: str) -> bool | None:
    """Whether a tool that says that version may be used; None for what is no version."""
    found, (major, minor, _) = _parsed(said), _parsed(pinned) or (0, 0, 0)
    return None if found is None else (major, minor, 0) <= found < (major + 1, 0, 0)


def version(env: Env, tool: Tool, path: str) -> str:
    """What the program says as its version; remembered for as long as its file stays the same."""
    memo, stat = env.state / "tools.json", Path(path).stat()
    signature = [stat.st_mtime_ns, stat.st_size]
    known: dict[str, list[object]] = {}
    with suppress(OSError, ValueError, AttributeError):
        known = dict(json.loads(memo.read_text()).items())
    if known.get(path, [])[:2] == signature and "shims" not in Path(path).parts:  # a shim stays, what it starts changes
        return str(known[path][2])
    try:
        done = env.run([path, *tool.asks], timeout=VERSION_TIMEOUT_S, environ=env.child_environ())
    except ProblemsFound as failed:
        return failed.problems[0].evidence
    said = done.stdout.strip() if done.exit == 0 else done.words
    if _parsed(said):
        with suppress(OSError), env.scratch() as scratch:
            draft = scratch / memo.name
            draft.write_text(json.dumps({**known, path: [*signature, said]}))
            draft.replace(memo)
    return said


def _parsed(said: str) -> Version | None:
    match = re.fullmatch(r"v?(\d+)\.(\d+)(?:\.(\d+))?(?:[-+][\w.+-]+)?", said.strip())  # a helm from source: v4.1
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def _missing(env: Env, tool: Tool, summary: str) -> Problem:
    return problem(
        "tool-missing",
        summary,
        name=tool.name,
        wanted=tool.pinned(env),
        variable=tool.variable,
        final=True,
    )
