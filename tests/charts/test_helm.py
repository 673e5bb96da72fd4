"""Helm as a door: which program, which version, and what its words mean."""

from pathlib import Path

import pytest

from bootstrap import helm
from bootstrap.env import Env
from bootstrap.problem import Failed
from tests.doubles import Shell, small_env


def program(folder: Path) -> str:
    file = folder / "helm"
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return str(file)


def env_with(root: Path, shell: Shell, **environ: str) -> Env:
    env = small_env(root, runner=shell)
    env.environ = {"PATH": str(root), **environ}
    return env


def test_no_helm_and_a_named_one_that_is_none(tmp_path: Path) -> None:
    for environ, words in (({}, "no helm on PATH"), ({"HELM": "/gone/helm"}, "HELM=/gone/helm cannot be started")):
        (root := tmp_path / str(len(environ))).mkdir()
        with pytest.raises(Failed) as failed:
            helm.program(env_with(root, Shell(), **environ))
        [problem] = failed.value.problems
        assert problem.code == "helm-missing"
        assert words in problem.summary
        assert "4.1.4" in problem.remedy


@pytest.mark.parametrize(("said", "good"), [("v4.1.4", True), ("v4.1", True), ("v3.18.0", False), ("", False)])
def test_only_helm_4_is_taken(tmp_path: Path, said: str, good: bool) -> None:
    shell, path = Shell(), program(tmp_path)
    shell.answer("helm version", stdout=said)
    env = env_with(tmp_path, shell)
    if good:
        assert helm.program(env) == path
        return
    with pytest.raises(Failed) as failed:
        helm.program(env)
    assert failed.value.problems[0].code == "helm-version"


def test_the_user_s_kubeconfig_and_helm_folders_are_not_used(tmp_path: Path) -> None:
    environ = helm.environ(env_with(tmp_path, Shell(), KUBECONFIG="/home/me/.kube/config", HELM_CACHE_HOME="/mine"))
    assert "/home/me/.kube/config" not in environ.values()
    assert not Path(environ["KUBECONFIG"]).exists()
    assert environ["HELM_CACHE_HOME"].startswith(str(tmp_path))


def test_unknown_words_are_shown_as_they_are() -> None:
    found = helm.explain("shop", "Error: the moon is full", "infrastructure/charts/shop")
    assert (found.code, found.evidence) == ("chart-not-rendered", "Error: the moon is full")
    assert found.where == "infrastructure/charts/shop"


def test_a_template_of_the_library_is_named_by_its_place_in_the_checkout() -> None:
    words = (Path(__file__).parents[1] / "recorded" / "helm-template" / "chart-template-broken.txt").read_text()
    found = helm.explain("backend-api", words, "infrastructure/charts/backend-api")
    assert found.where == "infrastructure/charts/service/templates/_deployment.tpl:11"
