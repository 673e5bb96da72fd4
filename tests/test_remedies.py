"""Every remedy can be pasted where minikube, helm and kubectl are not on PATH."""

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bootstrap.cli.commands import act
from bootstrap.cli.remedies import pasteable
from bootstrap.cli.report import Report
from bootstrap.cluster.pods.case import kubectl
from bootstrap.core.env import Env
from bootstrap.problems.catalogue import ROWS
from bootstrap.problems.problem import Problem, ProblemsFound, Row
from bootstrap.tools.versions import TOOLS, cached
from tests.doubles import small_env

TOOL = re.compile(r"(?<![\w/.-])(minikube|helm|kubectl) (?!and )")
VERSIONS = {"minikube": "v1.38.1", "helm": "v4.1.4"}
OF_ANOTHER_MACHINE = "#   helm pull dapr "


@pytest.fixture
def env(tmp_path: Path) -> Env:
    """minikube and helm are in the cache, where `inv` puts them; kubectl is nowhere."""
    (tmp_path / "check out").mkdir()
    env = small_env(tmp_path / "check out")
    (tmp_path / "bin").mkdir()
    env.environ = {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "a cache")}
    for name, version in VERSIONS.items():
        program(cached(env, TOOLS[name]), version)
    return env


def program(path: Path, version: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)
    return str(path)


def shown(env: Env, remedy: str) -> str:
    [found] = pasteable(env, [Problem("a-b", "x", "y", remedy)])
    return found.remedy


def commands(remedy: str) -> list[str]:
    """The lines with something to type: comments too, where one follows a colon."""
    lines = [line for line in remedy.splitlines() if not line.startswith(OF_ANOTHER_MACHINE)]
    return [line if not line.startswith("#") else line.partition(": ")[2] for line in lines]


CALLING = [row for row in ROWS if re.search(r"(?<![\w/.-])(?:minikube|helm|kubectl) |\{kubectl\}", row.remedy)]


@pytest.mark.parametrize("row", CALLING, ids=lambda row: row.code)
def test_no_remedy_of_the_catalogue_calls_a_tool_that_a_shell_may_not_find(env: Env, row: Row) -> None:
    filled = row.remedy.replace("{kubectl}", kubectl(env, "small"))
    found = shown(env, filled)
    for line in commands(found):
        through = line.replace(f" --profile {env.context} kubectl -- ", " ")
        assert not TOOL.search(through), line
    rest = {name: str(cached(env, TOOLS[name])) for name in VERSIONS}
    for path in rest.values():
        assert f"'{path}'" in found or path not in found


def test_there_are_such_remedies() -> None:
    assert len(CALLING) > 50


@pytest.mark.parametrize(
    ("remedy", "expected"),
    [
        ("minikube logs -p small\n./inv up", "{minikube} logs -p small\n./inv up"),
        (
            '(eval "$(minikube docker-env -p small --shell=bash)" && docker run x)',
            '(eval "$({minikube} docker-env -p small --shell=bash)" && docker run x)',
        ),
        ("helm lint a && minikube status; helm list", "{helm} lint a && {minikube} status; {helm} list"),
        (
            "# no longer needed, delete it: minikube delete -p small",
            "# no longer needed, delete it: {minikube} delete -p small",
        ),
        ("kubectl get pods", "{minikube} --profile small kubectl -- get pods"),
        ("# minikube and helm: kubectl and others\n./inv up", "# minikube and helm: kubectl and others\n./inv up"),
        ("cd /opt/helm \nls minikube here", "cd /opt/helm \nls minikube here"),
    ],
)
def test_a_tool_is_called_by_its_path(env: Env, remedy: str, expected: str) -> None:
    paths = {name: f"'{cached(env, TOOLS[name])}'" for name in VERSIONS}
    assert shown(env, remedy) == expected.format(**paths)
    assert shown(env, shown(env, remedy)) == shown(env, remedy)


def test_the_program_is_the_one_that_is_used(env: Env, tmp_path: Path) -> None:
    mine = program(tmp_path / "mine", VERSIONS["minikube"])
    on_path = program(tmp_path / "bin" / "minikube", VERSIONS["minikube"])
    assert shown(env, "minikube status") == f"{on_path} status"
    program(tmp_path / "bin" / "minikube", "v1.20.0 # too old for this")
    assert str(cached(env, TOOLS["minikube"])) in shown(env, "minikube status"), "the one on PATH is refused"
    env.environ = {**env.environ, "MINIKUBE": mine}
    assert shown(env, "minikube status") == f"{mine} status"
    program(tmp_path / "bin" / "kubectl", "")
    assert shown(env, "kubectl get pods") == "kubectl get pods"


def test_tools_that_are_nowhere_keep_their_names(env: Env, tmp_path: Path) -> None:
    for name in VERSIONS:
        cached(env, TOOLS[name]).unlink()
    remedy = "minikube status\nhelm list\nkubectl get pods"
    assert shown(env, remedy) == remedy
    out = io.StringIO()
    Report(out).problems([Problem("a-b", "x", "y", remedy)], which=lambda _: None)
    assert sorted(re.findall(r"# (\w+) is not on PATH", out.getvalue())) == ["helm", "kubectl", "minikube"]


def test_what_any_command_fails_with_can_be_pasted(env: Env) -> None:
    problem = Problem("a-b", "x", "y", "minikube status")

    def fail(_: Env) -> int:
        raise ProblemsFound(problem)

    with pytest.raises(ProblemsFound) as failed:
        act(env, fail)
    assert failed.value.problems == (replace(problem, remedy=shown(env, "minikube status")),)
    out = io.StringIO()
    Report(out).problems(failed.value.problems, which=lambda _: None)
    assert "not on PATH" not in out.getvalue()
