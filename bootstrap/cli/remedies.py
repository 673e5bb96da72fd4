"""Remedies that can be pasted here: the tools in them by the paths of the programs that this environment uses."""

import re
import shlex
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from bootstrap.core.env import Env
from bootstrap.problems.problem import Problem, ProblemsFound
from bootstrap.tools import versions

# Where a shell takes a word for a program: at the start of a line or of a command in it. In a comment: after a colon.
_COMMAND = re.compile(r"(?m)(^|[;&|(] *|^#[^\n]*: )(minikube|helm|kubectl)(?= (?!and ))")


def pasteable(env: Env, problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems, with minikube, helm and kubectl in their remedies called so that it works whatever is on PATH.

    minikube and helm are the programs that this environment uses; kubectl, which it does not use, is the one on PATH,
    else the one that minikube brings. A tool that is nowhere keeps its name.
    """
    return tuple(
        replace(each, remedy=_COMMAND.sub(lambda found: found[1] + _called(env, found[2]), each.remedy))
        for each in problems
    )


def _called(env: Env, tool: str) -> str:
    if tool == "kubectl":
        minikube = _called(env, "minikube")
        if shutil.which(tool, path=env.environ.get("PATH", "")) or minikube == "minikube":
            return tool
        return f"{minikube} --profile {env.context} kubectl --"
    with suppress(ProblemsFound, OSError):
        return shlex.quote(versions.program(env, tool))
    return tool
