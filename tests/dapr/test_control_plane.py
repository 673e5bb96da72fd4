"""dapr: the control plane is installed by the real Helm, proven, and put right when somebody changed it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap.core.env import Env
from bootstrap.helm import releases
from bootstrap.problems.problem import ProblemsFound
from bootstrap.stages import dapr
from tests.apiserver import ApiServer, Document
from tests.dapr.conftest import archive, definition

pytestmark = pytest.mark.real("helm")
SYSTEM = "dapr-system"


def rolled_out(api: ApiServer, written: Document) -> None:
    """The controllers: a Deployment has what it asks for at once."""
    wanted = {
        "observedGeneration": written["metadata"].get("generation", 1),
        "replicas": 1,
        "updatedReplicas": 1,
        "readyReplicas": 1,
        "availableReplicas": 1,
    }
    if written["kind"] == "Deployment" and written.get("status") != wanted:
        api.put({**written, "status": wanted})


@pytest.fixture
def installed(env: Env, api: ApiServer, injector: None) -> Env:
    """The control plane as the stage makes it."""
    api.react(rolled_out)
    dapr.apply(env)
    return env


def closed(env: Env) -> str:
    """The code of what closes the gate; empty where it is open."""
    found = dapr.check(env)
    return found.code if found else ""


def test_an_empty_cluster_says_that_it_is_not_installed(env: Env) -> None:
    assert closed(env) == "dapr-not-installed"


def test_it_is_installed_with_its_kinds(installed: Env, api: ApiServer) -> None:
    assert closed(installed) == ""
    assert {d["metadata"]["name"] for d in api.list("apps/v1", "deployments", SYSTEM)} == set(dapr.DEPLOYMENTS)
    assert releases.current(installed)["dapr"]["status"] == "deployed"


def test_where_all_is_there_nothing_is_done(installed: Env, api: ApiServer, no_commands: list[Any]) -> None:
    api.requests.clear()
    dapr.apply(installed)
    writes = [request for request in api.requests if request.method != "GET" and "dryRun" not in request.query]
    assert (writes, no_commands) == ([], [])


@pytest.fixture
def no_commands(installed: Env) -> list[Any]:
    """The commands that were run since."""
    seen: list[Any] = []
    real = installed.runner

    def runner(argv: Any, **more: Any) -> Any:
        seen.append(argv)
        return real(argv, **more)

    installed.runner = runner
    return seen


def remove_deployment(api: ApiServer) -> None:
    api.remove("apps/v1", "deployments", SYSTEM, "dapr-operator")


def remove_kind(api: ApiServer) -> None:
    api.remove("apiextensions.k8s.io/v1", "customresourcedefinitions", "", "resiliencies.dapr.io")


def remove_release(api: ApiServer) -> None:
    for secret in api.list("v1", "secrets", SYSTEM):
        api.remove("v1", "secrets", SYSTEM, secret["metadata"]["name"])


@pytest.mark.closes("dapr", "the API knows its kinds", "dapr-kinds-missing")
@pytest.mark.closes("dapr", "every workload is rolled out", "workload-missing")
@pytest.mark.parametrize(
    ("somebody", "code"),
    [
        (remove_deployment, "workload-missing"),
        (remove_kind, "dapr-kinds-missing"),
        (remove_release, "dapr-not-installed"),
    ],
)
def test_what_is_gone_closes_the_gate_and_comes_back(
    installed: Env, api: ApiServer, somebody: Callable[[ApiServer], None], code: str
) -> None:
    somebody(api)
    assert closed(installed) == code
    dapr.apply(installed)
    assert closed(installed) == ""


@pytest.mark.closes("dapr", "the release is that of the checkout", "dapr-not-installed")
def test_other_values_are_rolled_out(installed: Env) -> None:
    file = installed.root / "infrastructure" / "dapr-values.yaml"
    file.write_text(file.read_text().replace("logAsJson: true", "logAsJson: false"))
    assert closed(installed) == "dapr-not-installed"
    dapr.apply(installed)
    assert closed(installed) == ""
    assert releases.current(installed)["dapr"]["revision"] == 2


def test_an_upgrade_brings_the_new_definitions_which_helm_would_not(
    installed: Env, api: ApiServer, tmp_path: Path
) -> None:
    operator = {"spec": {"conversion": {"webhook": {"clientConfig": {"caBundle": "Zm9v"}}}}}
    name = "subscriptions.dapr.io"
    installed.cluster.merge(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}", operator)
    more = definition("Component")
    more["metadata"]["name"], more["spec"]["names"] = "things.dapr.io", {"kind": "Thing", "plural": "things"}
    folder = tmp_path / "newer"
    folder.mkdir()
    newer = archive(folder, more={"dapr/crds/new.yaml": yaml.safe_dump(more)})
    installed.environ = {**installed.environ, "INV_DAPR_CHART": str(newer)}
    dapr.apply(installed)
    assert closed(installed) == ""
    assert api.get("apiextensions.k8s.io/v1", "customresourcedefinitions", "", "things.dapr.io")
    kept = api.get("apiextensions.k8s.io/v1", "customresourcedefinitions", "", name)
    assert kept
    client = kept["spec"]["conversion"]["webhook"]["clientConfig"]
    assert (client["caBundle"], client["service"]["namespace"]) == ("Zm9v", SYSTEM)


@pytest.mark.closes("dapr", "every workload is rolled out", "rollout-waiting")
def test_a_workload_that_is_not_rolled_out_closes_the_gate(installed: Env, api: ApiServer) -> None:
    api.store.reactions.clear()
    sentry = api.get("apps/v1", "deployments", SYSTEM, "dapr-sentry")
    assert sentry
    api.put({**sentry, "status": {**sentry["status"], "readyReplicas": 0}})
    assert closed(installed) == "rollout-waiting"


@pytest.mark.closes("dapr", "its webhook adds daprd", "sidecar-not-injected")
def test_an_injector_that_does_not_answer_closes_the_gate(installed: Env, api: ApiServer) -> None:
    api.store.admissions.clear()
    assert closed(installed) == "sidecar-not-injected"


def test_a_chart_that_is_not_the_pinned_one_is_refused_before_anything_changes(
    env: Env, api: ApiServer, tmp_path: Path
) -> None:
    env.environ = {**env.environ, "INV_DAPR_CHART": str(archive(tmp_path, version="1.17.9"))}
    with pytest.raises(ProblemsFound) as failed:
        dapr.apply(env)
    assert failed.value.problems[0].code == "dapr-chart-unusable"
    assert api.list("v1", "secrets", SYSTEM) == []
