"""Why a Service leads nowhere."""

import pytest

from bootstrap.cluster.pods import endpoints
from bootstrap.core.env import Env
from tests.apiserver import ApiServer, Document
from tests.cluster.recorded import play


def put(api: ApiServer, *ready: bool | None) -> None:
    """A Service, and the endpoints that it has: ready, not ready, or not known (which counts as ready)."""
    meta: Document = {"name": "shop", "namespace": "small"}
    spec = {"selector": {"app": "shop"}}
    api.put({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})
    meta = {**meta, "labels": {"kubernetes.io/service-name": "shop"}}
    found = [{"addresses": ["10.0.0.1"], "conditions": {} if one is None else {"ready": one}} for one in ready]
    body = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": meta}
    api.put({**body, "endpoints": found or None})


@pytest.mark.parametrize(
    ("ready", "code"),
    [
        ((True,), None),
        ((None,), None),
        ((False, True), None),
        ((False,), "service-without-ready-pod"),
        ((), "service-selects-nothing"),
    ],
)
def test_a_service_leads_to_a_ready_pod_or_says_why_not(
    cluster_env: Env, api: ApiServer, ready: tuple[bool | None, ...], code: str | None
) -> None:
    put(api, *ready)
    found = endpoints.problem_of(cluster_env, "shop", "small")
    assert (found and found.code) == code


def test_a_service_that_is_not_there_is_said(cluster_env: Env) -> None:
    found = endpoints.problem_of(cluster_env, "shop", "small")
    assert found is not None
    assert found.code == "service-missing"


def test_a_recorded_service_without_endpoints_names_its_selector(cluster_env: Env, api: ApiServer) -> None:
    play(api, "service-no-endpoints")
    (namespace,) = {one["metadata"]["namespace"] for one in api.list("v1", "services")}
    found = endpoints.problem_of(cluster_env, "backend-api", namespace)
    assert found is not None
    assert found.code == "service-selects-nothing"
    assert "app=backend," in found.cause
