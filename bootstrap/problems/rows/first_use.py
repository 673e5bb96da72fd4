"""What can go wrong on first use, in words. Standard library only."""

import errno
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from bootstrap.problems.problem import Problem


@dataclass(frozen=True)
class Row:
    """A problem, recognised by a tool's words."""

    code: str
    pattern: str
    summary: str
    cause: str
    remedy: str


ROWS = (
    Row(
        "disk-full",
        r"No space left on device|os error 28|Disk quota exceeded",
        "There is no space left on the disk for .venv or the installers' caches.",
        "The environment takes about 500 MB, and its packages in the cache as much again.",
        "df -h . ~/.cache\n# free some space, then run the same again",
    ),
    Row(
        "hash-mismatch",
        r"Hash mismatch for|DO NOT MATCH THE HASHES|mismatched hash",
        "A package from the index is not the one that requirements.lock names.",
        "Its hash differs: a mirror or a folder of wheels has another file of that name, or the file was altered.",
        "# see which index and folders are used:\nenv | grep -E '^(PIP|UV)_'; cat ~/.config/pip/pip.conf",
    ),
    Row(
        "venv-missing",
        r"ensurepip is not\s+available|No module named '?(venv|ensurepip)",
        "This Python has no venv module, which is needed to make .venv.",
        "Some systems ship it in a package of its own.",
        "sudo apt-get install python3-venv\n# or install uv, which needs no venv: https://docs.astral.sh/uv/",
    ),
    Row(
        "index-unreachable",
        r"Connection refused|Name or service not known|nodename nor servname|name resolution|error sending request"
        r"|Connection to .* timed out|Network is unreachable|ConnectTimeoutError|ReadTimeoutError|ProxyError"
        r"|CERTIFICATE_VERIFY_FAILED|certificate verify failed|peer certificate|Failed to fetch"
        r"|network was disabled|Could not fetch URL|operation timed out|dns error",
        "The package index cannot be reached.",
        "The network, a proxy, a certificate, or the address of a mirror is not right.",
        "# set what your network needs, for example a mirror and a proxy, and run the same again:\n"
        "export UV_INDEX_URL=https://mirror.example/simple PIP_INDEX_URL=https://mirror.example/simple\n"
        "export HTTPS_PROXY=http://proxy.example:3128",
    ),
    Row(
        "no-wheel",
        r"No matching distribution found|no (?:wheels|source distribution|versions)|no compatible|not find a version",
        "The package index has no build of a package for this Python and system.",
        "The index is a mirror without that version, did not answer, or this system is a rare one.",
        "# try another Python, such as:\nINV_PYTHON=python3.14 ./inv --list",
    ),
    Row(
        "wheel-not-built",
        r"Failed to build `|Failed building wheel for|Failed to build installable wheels",
        "A package could not be built from its source.",
        "The index has no wheel of it for this Python and system, so it was compiled here, and that failed. "
        "For some months a new Python has no wheels of every package.",
        "# use a Python that has them, such as:\nINV_PYTHON=python3.14 ./inv --list",
    ),
)


def explain(tool: str, output: str, command: list[str]) -> Problem:
    """The problem behind the failed run of a tool."""
    last = output.strip().splitlines()[-12:]
    evidence = "\n".join(last)
    again = shlex.join(command)
    for row in ROWS:
        if found := re.search(row.pattern, output, re.IGNORECASE):
            line = output.count("\n", 0, found.start())
            if output.splitlines()[line] not in last:
                evidence = "\n".join([output.splitlines()[line], "…", *last])
            remedy = row.remedy
            package = re.search(r"apt install (python[\w.-]+)", output)
            if row.code == "venv-missing" and package:
                remedy = remedy.replace("python3-venv", package[1])
            return Problem(row.code, row.summary, row.cause, remedy, evidence, final=True)
    return Problem(
        "first-use-failed",
        f"{tool} could not make the environment in .venv.",
        "It ended with an error that is not known here; its last words are below.",
        f"# run it by hand to see all of its words:\n{again}",
        evidence,
        final=True,
    )


def not_writable(error: OSError, root: Path) -> Problem:
    """The problem behind a file of the checkout that could not be made."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return explain("", "No space left on device", [])
    if isinstance(error, FileNotFoundError) and str(error.filename).endswith("requirements.lock"):
        return Problem(
            "lock-missing",
            f"There is no requirements.lock in {root}.",
            "It names the packages of the environment.",
            "git checkout -- requirements.lock",
            final=True,
        )
    return Problem(
        "checkout-not-writable",
        f"{error.filename or root} cannot be written: {error.strerror}.",
        "./inv keeps the environment in .venv and its state in .inv, both in the checkout.",
        f"ls -ld {shlex.quote(str(root))} && df {shlex.quote(str(root))}\n"
        "# or work in a copy of your own:\n"
        f"git clone {shlex.quote(str(root))} ~/{shlex.quote(root.name)}",
        final=True,
    )


def foreign(venv: Path) -> Problem:
    """The problem with an environment that ./inv did not make."""
    return Problem(
        "venv-foreign",
        f"{venv} was not made by ./inv, so it is left as it is.",
        "./inv keeps the project's environment there, exactly as requirements.lock says.",
        f"mv {shlex.quote(str(venv))} {shlex.quote(str(venv) + '.mine')}",
        final=True,
    )
