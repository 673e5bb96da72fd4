"""Takes a tool of the pinned version from where it is published."""

import platform
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from bootstrap.core.env import Env
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound
from bootstrap.tools import downloads
from bootstrap.tools.mirrors import online
from bootstrap.tools.versions import TOOLS, Tool, accepted, cached, program

SYSTEMS = {"Linux": "linux", "Darwin": "darwin"}
MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def obtain(env: Env, name: str) -> str:
    """`program`, downloaded when there is none. Raises `ProblemsFound` as `program` and `downloads.fetch` do."""
    tool = TOOLS[name]
    try:
        return program(env, name)
    except ProblemsFound as failed:
        if env.environ.get(tool.variable):
            raise
        refused = failed.problems[0]
    path = cached(env, tool)
    if refused.code != "tool-missing" and not path.exists():
        env.notify(f"{refused.summary} {name} {tool.pinned(env)} is taken instead")
    try:
        with downloads.locked(env, path, f"{name} {tool.pinned(env)}"):
            with suppress(ProblemsFound, FileNotFoundError):  # while this run waited, another one may have brought it
                return accepted(env, tool, str(path))
            return accepted(env, tool, str(_download(env, tool)))
    except OSError as error:
        raise ProblemsFound(downloads.not_writable(env, error)) from error


def obtainable(env: Env) -> Iterator[Problem]:
    """Why a tool is not there and `obtain` will not get it either, as far as that is known without the network."""
    for tool in TOOLS.values():
        try:
            program(env, tool.name)
            continue
        except ProblemsFound as failed:
            if env.environ.get(tool.variable):
                yield from failed.problems
                continue
        try:
            url, _ = published(tool, tool.pinned(env), platform.system(), platform.machine())
            online(env, url, f"{tool.name} {tool.pinned(env)}")
        except ProblemsFound as failed:
            yield from failed.problems


def published(tool: Tool, version: str, system: str, machine: str) -> tuple[str, str]:
    """The URL of the tool for that operating system and processor, and the program's name in the archive there.

    `system` and `machine` as `platform` has them. Raises `ProblemsFound` (`platform-unsupported`).
    """
    if system not in SYSTEMS or machine not in MACHINES:
        summary = f"There is no {tool.name} to download for {system} on {machine}."
        raise ProblemsFound(problem("platform-unsupported", summary, final=True))
    facts = {"version": version, "system": SYSTEMS[system], "machine": MACHINES[machine]}
    return tool.url.format_map(facts), tool.member.format_map(facts)


def _download(env: Env, tool: Tool) -> Path:
    what, path = f"{tool.name} {tool.pinned(env)}", cached(env, tool)
    url, member = published(tool, tool.pinned(env), platform.system(), platform.machine())
    digest = downloads.checksum(env, url + tool.checksum, what)
    file = downloads.fetch(env, url, digest, path.with_name(url.rpartition("/")[2]), what=what)
    draft = path.with_name(f".{path.name}.draft")
    if member:
        with tarfile.open(file) as archive, draft.open("wb") as out:
            content = archive.extractfile(member)
            assert content is not None, f"{member} in {url} is no file"  # noqa: S101 - its bytes are the published ones
            shutil.copyfileobj(content, out)
        file.unlink()
    else:
        file.replace(draft)
    draft.chmod(0o755)
    draft.replace(path)
    return path
