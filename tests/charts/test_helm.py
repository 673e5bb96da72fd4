"""Helm as a door: which program, which version, and what its words mean."""

from pathlib import Path

from bootstrap.core.env import Env
from bootstrap.helm import program
from tests.doubles import Shell, small_env


def env_with(root: Path, shell: Shell, **environ: str) -> Env:
    env = small_env(root, runner=shell)
    env.environ = {"PATH": str(root), **environ}
    return env


def test_the_user_s_kubeconfig_and_helm_folders_are_not_used(tmp_path: Path) -> None:
    environ = program.environ(env_with(tmp_path, Shell(), KUBECONFIG="/home/me/.kube/config", HELM_CACHE_HOME="/mine"))
    assert "/home/me/.kube/config" not in environ.values()
    assert not Path(environ["KUBECONFIG"]).exists()
    assert environ["HELM_CACHE_HOME"].startswith(str(tmp_path))


def test_unknown_words_are_shown_as_they_are() -> None:
    found = program.explain("shop", "Error: the moon is full", "infrastructure/charts/shop")
    assert (found.code, found.evidence) == ("chart-not-rendered", "Error: the moon is full")
    assert found.where == "infrastructure/charts/shop"


def test_a_template_of_the_library_is_named_by_its_place_in_the_checkout() -> None:
    words = (Path(__file__).parents[1] / "recorded" / "helm-template" / "chart-template-broken.txt").read_text()
    found = program.explain("backend-api", words, "infrastructure/charts/backend-api")
    assert found.where == "infrastructure/charts/service/templates/_deployment.tpl:11"
