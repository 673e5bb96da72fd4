"""The door to the cluster's API, through the real Python client against the double."""

import re
from pathlib import Path

import pytest
from kubernetes.client import ApiException

from bootstrap.clients.kubernetes_api import Cluster, path, translate_errors
from bootstrap.core.env import Env
from bootstrap.problems.catalogue import recognise
from bootstrap.problems.problem import ProblemsFound
from tests.apiserver import ApiServer, Document, Refused

RECORDED = Path(__file__).parents[1] / "recorded"
MAPS = path("v1", "configmaps", "small")


def config_map(name: str, **data: str) -> Document:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"app": name}}, "data": data}


def test_objects_are_created_found_listed_and_deleted(cluster: Cluster) -> None:
    assert cluster.find(f"{MAPS}/one") is None
    cluster.create(MAPS, config_map("one", a="1"))
    cluster.create(MAPS, config_map("two"))
    assert cluster.get(f"{MAPS}/one")["data"] == {"a": "1"}
    assert [item["metadata"]["name"] for item in cluster.items(MAPS)] == ["one", "two"]
    assert [item["metadata"]["name"] for item in cluster.items(MAPS, labelSelector="app=two")] == ["two"]
    assert cluster.delete(f"{MAPS}/one")
    assert not cluster.delete(f"{MAPS}/one")
    assert cluster.delete(MAPS)
    assert cluster.items(MAPS) == []


def test_a_kind_that_the_api_does_not_know_has_no_objects(cluster: Cluster) -> None:
    assert cluster.items(path("dapr.io/v1alpha1", "components", "small")) == []


def test_apply_makes_what_is_wanted_and_takes_out_what_is_no_more(cluster: Cluster) -> None:
    cluster.apply(f"{MAPS}/one", config_map("one", a="1", b="2"))
    cluster.merge(f"{MAPS}/one", {"data": {"other": "3"}})
    applied = cluster.apply(f"{MAPS}/one", config_map("one", a="4"))
    assert applied["data"] == {"a": "4", "other": "3"}
    again = cluster.apply(f"{MAPS}/one", config_map("one", a="4"))
    assert again["metadata"]["resourceVersion"] == applied["metadata"]["resourceVersion"], "nothing was to change"


def test_a_dry_run_changes_nothing(cluster: Cluster, api: ApiServer) -> None:
    assert cluster.create(MAPS, config_map("one"), dryRun="All")["metadata"]["name"] == "one"
    assert api.get("v1", "configmaps", "small", "one") is None


def test_text_and_lines_are_what_a_pod_says(cluster: Cluster, api: ApiServer) -> None:
    pod = {"metadata": {"name": "shop-1", "namespace": "small"}, "spec": {"containers": [{"name": "shop"}]}}
    api.put({"apiVersion": "v1", "kind": "Pod", **pod})
    api.log("small", "shop-1", "shop", "one\ntwo\nthree")
    log = path("v1", "pods", "small", "shop-1", "log")
    assert cluster.text(log, tailLines=2) == "two\nthree"
    assert list(cluster.lines(log, follow="true")) == ["one", "two", "three"]
    api.proxy("small", "pods", "http:shop-1:8000", lambda at, query: (200, f"{at} {query['x']}"))
    assert cluster.text(path("v1", "pods", "small", "http:shop-1:8000", "proxy") + "/a/b", x="1") == "/a/b 1"


def test_a_kubeconfig_without_the_context_is_said(tmp_path: Path, api: ApiServer) -> None:
    for file in (tmp_path / "none", api.kubeconfig(tmp_path / "other", "somebodys-production")):
        with pytest.raises(ProblemsFound) as failed:
            Cluster.connect(file, "small")
        assert failed.value.problems[0].code == "kubeconfig-unusable"
    (tmp_path / "torn").write_text("clusters: [")
    with pytest.raises(ProblemsFound) as failed:
        Cluster.connect(tmp_path / "torn", "small")
    assert failed.value.problems[0].code == "kubeconfig-unusable"


def test_a_cluster_that_is_away_is_said_and_found_again(cluster_env: Env, api: ApiServer) -> None:
    with translate_errors("x"):
        cluster_env.cluster.items(MAPS)
    api.refuse_connections()
    with pytest.raises(ProblemsFound) as failed, translate_errors("The pods cannot be listed."):
        cluster_env.cluster.items(MAPS)
    assert failed.value.problems[0].code == "cluster-unreachable"
    assert "refused" in failed.value.problems[0].evidence
    api.mend()
    assert cluster_env.cluster.items(MAPS) == []


def test_a_connection_that_is_dropped_is_said(cluster: Cluster, api: ApiServer) -> None:
    api.fault(drop=True, times=1)
    with pytest.raises(ProblemsFound) as failed, translate_errors("The pods cannot be listed."):
        cluster.items(MAPS)
    assert failed.value.problems[0].code == "cluster-unreachable"
    assert cluster.items(MAPS) == []


def test_what_the_server_puts_off_is_tried_again(api: ApiServer, cluster: Cluster) -> None:
    api.fault(path="configmaps", refused=Refused(429, "storage is (re)initializing"), times=2)
    assert cluster.items("/api/v1/namespaces/app/configmaps") == []
    assert len(api.requests) == 3


def test_what_the_server_puts_off_for_ever_is_told(api: ApiServer, cluster: Cluster) -> None:
    api.fault(path="configmaps", refused=Refused(429, "storage is (re)initializing"))
    with pytest.raises(ProblemsFound, match="cluster-refused"), translate_errors("The configmaps cannot be listed."):
        cluster.items("/api/v1/namespaces/app/configmaps")


@pytest.mark.parametrize("code", [403, 500, 503])
def test_a_refusal_is_said_in_the_apis_own_words(cluster: Cluster, api: ApiServer, code: int) -> None:
    api.fault(path="configmaps", refused=Refused(code, "this is why"))
    with pytest.raises(ProblemsFound) as failed, translate_errors("The objects cannot be listed."):
        cluster.items(MAPS)
    assert failed.value.problems[0].code == "cluster-refused"
    assert failed.value.problems[0].evidence == f"{code} this is why"


def test_an_exception_of_the_client_stays_one_outside_of_words(cluster: Cluster) -> None:
    with pytest.raises(ApiException):
        cluster.get(f"{MAPS}/none")


WORDS = [path for phase in ("api", "connect") for path in (RECORDED / f"kubernetes-{phase}").glob("*.txt")]


@pytest.mark.parametrize("path", WORDS, ids=lambda path: path.stem)
def test_recorded_words_of_the_api_are_recognised(path: Path) -> None:
    tool, _, phase = path.parent.name.partition("-")
    found = recognise(tool, phase, path.read_text(), "x")
    assert (found.code if found else "none") == re.split(r"[.]|(?<=none)-", path.name)[0]
    assert found is None or "{" not in found.cause + found.remedy


def test_a_field_that_is_unknown_is_named() -> None:
    for name in ("cluster-field-unknown.txt", "cluster-field-unknown.create.txt"):
        found = recognise("kubernetes", "api", (RECORDED / "kubernetes-api" / name).read_text(), "x")
        assert found is not None
        assert "spec.template.spec.securityContext.capabilities" in found.cause


def test_a_cluster_that_refuses_the_login_is_not_waited_for(cluster: Cluster, api: ApiServer) -> None:
    api.fault(refused=Refused(401, "Unauthorized"))
    with pytest.raises(ProblemsFound) as failed, translate_errors("The pods cannot be listed."):
        cluster.items(MAPS)
    assert (failed.value.problems[0].code, failed.value.problems[0].final) == ("cluster-login-refused", True)


def test_a_namespace_that_goes_is_waited_for(cluster: Cluster, api: ApiServer) -> None:
    said = (RECORDED / "kubernetes-api" / "cluster-namespace-ending.txt").read_text().strip()
    api.fault(refused=Refused(403, said.removeprefix("403 ")))
    with pytest.raises(ProblemsFound) as failed, translate_errors("The object cannot be made."):
        cluster.create(MAPS, config_map("one"))
    assert (failed.value.problems[0].code, failed.value.problems[0].final) == ("cluster-namespace-ending", False)
