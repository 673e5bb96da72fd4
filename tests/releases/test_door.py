"""What pyhelm3 is made to run: always with the cluster's name, never with values in the command."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bootstrap.clients.command import Completed
from bootstrap.core.env import Env
from bootstrap.helm import releases
from bootstrap.problems.catalogue import recognise
from tests.apiserver.server import ApiServer
from tests.releases.conftest import write_chart

RECORDED = Path(__file__).parents[1] / "recorded" / "helm-deploy"


class Helm:
    """The door for subprocesses, with a Helm that says yes; it keeps the commands, their variables and their values."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, ...]] = []
        self.environs: list[dict[str, str]] = []
        self.values: list[Any] = []

    def __call__(self, argv: Sequence[str], **more: Any) -> Completed:
        if "version" in argv:
            return Completed(tuple(argv), 0, "v4.1.4", "", 0.0)
        self.ran.append(tuple(argv))
        self.environs.append(more["environ"])
        files = [argv[at + 1] for at, word in enumerate(argv) if word == "--values"]
        self.values += [json.loads(Path(file).read_text()) for file in files if file.endswith(".json")]
        return Completed(tuple(argv), 0, '{"name": "shop"}', "", 0.0)


def deploy(env: Env, tmp_path: Path, door: Helm) -> tuple[str, ...]:
    program = tmp_path / "bin" / "helm"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    env.runner = door
    env.environ = {
        **env.environ,
        "HELM": str(program),
        "KUBECONFIG": "/home/somebody/production",
        "HELM_KUBECONTEXT": "production",
        "HTTPS_PROXY": "http://proxy.example:3128",
    }
    chart = write_chart(tmp_path / "charts" / "shop")
    values = {"tag": "one two; rm -rf $HOME"}
    assert releases.deploy(env, "shop", chart, values, "small", [chart / "values-local.yaml"]) == "installed"
    return door.ran[-1]


def test_the_cluster_is_named_and_nothing_of_the_users_is_used(
    cluster_env: Env, api: ApiServer, tmp_path: Path
) -> None:
    door = Helm()
    argv = deploy(cluster_env, tmp_path, door)
    assert argv[argv.index("--kubeconfig") + 1] == str(cluster_env.kubeconfig)
    assert argv[argv.index("--kube-context") + 1] == cluster_env.context
    assert argv[argv.index("--namespace") + 1] == "small"
    assert not {"HELM_KUBECONTEXT", "HTTPS_PROXY"} & set(door.environs[-1])
    assert door.environs[-1]["KUBECONFIG"] != "/home/somebody/production"


def test_helm_waits_for_nothing_makes_no_namespace_and_keeps_few_revisions(
    cluster_env: Env, api: ApiServer, tmp_path: Path
) -> None:
    argv = deploy(cluster_env, tmp_path, Helm())
    assert not {"--wait", "--atomic", "--rollback-on-failure", "--create-namespace"} & set(argv)
    assert argv[argv.index("--history-max") + 1] == "3"
    assert {"--install", "--server-side=true", "--force-conflicts"} <= set(argv)


def test_values_are_in_a_file_that_is_gone_afterwards(cluster_env: Env, api: ApiServer, tmp_path: Path) -> None:
    door = Helm()
    argv = deploy(cluster_env, tmp_path, door)
    assert door.values == [{"tag": "one two; rm -rf $HOME"}]
    assert "one two" not in " ".join(argv)
    files = [argv[at + 1] for at, word in enumerate(argv) if word == "--values"]
    assert [Path(file).exists() for file in files] == [True, False], "the chart's own file stays; ours, the last, goes"


def test_a_stateful_set_that_cannot_change_is_named_too() -> None:
    words = (RECORDED / "release-field-immutable.statefulset.txt").read_text()
    found = recognise("helm", "deploy", words, "x", name="postgres", kubeconfig="k", context="c", namespace="n")
    assert found is not None
    assert found.code == "release-field-immutable"
    assert "delete StatefulSet postgres" in found.remedy
