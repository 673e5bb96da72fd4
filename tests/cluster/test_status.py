"""What `status` tells of a cluster, as a document and as a table."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.broker import redpanda
from bootstrap.clients.kafka import TopicFacts
from bootstrap.cluster.pods.summary import pod_facts
from bootstrap.core.env import Env, owner_of
from bootstrap.dapr import disabled
from bootstrap.images import layout
from bootstrap.targets import minikube_status
from tests.apiserver import ApiServer, Document, Refused
from tests.cluster.pod_documents import RUNNING, container, pod
from tests.docker_doubles import FakeEngine
from tests.doubles import FakeBroker

BUILT = 3 * 3600  # seconds ago


@pytest.fixture
def env(cluster_env: Env, api: ApiServer) -> Env:
    """The small app, all of it running, as the checkout has it."""
    broker = FakeBroker({"orders": TopicFacts(2, {}), "orders-dead": TopicFacts(1, {})})
    engine = beside(cluster_env, broker)
    engine.containers.create(**redpanda.wanted(cluster_env)).start()
    api.put(node("small", "True"))
    api.put(workload("Deployment", "dapr-operator", "dapr-system"))
    api.put(workload("StatefulSet", "dapr-scheduler-server", "dapr-system", replicas=3, ready=2))
    api.put(injector("Y2E="))
    for name in ("shop", "mailer"):
        deploy(api, name, layout.reference(cluster_env, name), {"dapr.io/enabled": "true"})
        api.put(pod(name, f"{name}-1"))
        release(api, cluster_env, name, 2, "superseded")
        release(api, cluster_env, name, 3, "deployed")
    api.put(pod("postgres", "postgres-0", container("postgres")))
    return cluster_env


def beside(env: Env, broker: FakeBroker) -> FakeEngine:
    """Puts an engine and a broker in the place of this machine's; returns the engine."""
    engine = FakeEngine()
    reachable_urls: dict[str, Any] = {"docker_of": lambda _: engine, "broker_at": lambda _: broker}
    vars(env).update(reachable_urls)
    return engine


def node(name: str, ready: str) -> Document:
    conditions = [{"type": "Ready", "status": ready}]
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": {"conditions": conditions}}


def workload(kind: str, name: str, namespace: str, replicas: int = 1, ready: int = 1) -> Document:
    labels = {"app.kubernetes.io/version": "1.18.1"}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"replicas": replicas},
        "status": {"readyReplicas": ready},
    }


def injector(bundle: str) -> Document:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "dapr-sidecar-injector"},
        "webhooks": [{"name": "sidecar-injector.dapr.io", "clientConfig": {"caBundle": bundle}}],
    }


def deploy(api: ApiServer, name: str, image: str, annotations: dict[str, str] | None = None) -> None:
    document = workload("Deployment", name, "small")
    template: Document = {"spec": {"containers": [{"name": name, "image": image}]}}
    template["metadata"] = {"annotations": annotations} if annotations else {}
    document["spec"]["template"] = template
    api.put(document)


def release(api: ApiServer, env: Env, name: str, number: int, state: str) -> None:
    labels = {"owner": "helm", "name": name, "version": str(number), "status": state, "inv/owner": owner_of(env.root)}
    labels["modifiedAt"] = str(int(time.time()) - 60)
    api.put(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": f"sh.helm.release.v1.{name}.v{number}", "namespace": "small", "labels": labels},
        }
    )


def ages(env: Env) -> dict[str, float]:
    return {layout.reference(env, name): time.time() - BUILT for name in env.manifest.services}


def facts(env: Env) -> dict[str, Any]:
    return minikube_status.facts(env, ages)


def table(document: dict[str, Any], *gates: str) -> dict[str, list[str]]:
    """The rows, by their name."""
    rows = minikube_status.rows({**document, "gates": dict.fromkeys(gates)})
    return {row[1].strip(): [row[0], *row[2:]] for row in rows}


def test_all_that_runs_is_told(env: Env) -> None:
    found = facts(env)
    assert found["notes"] == []
    assert found["cluster"] == {"profile": "small", "version": "v1.36.2", "nodes": {"small": True}}
    assert found["dapr"]["version"] == "1.18.1"
    assert found["dapr"]["workloads"]["dapr-scheduler-server"] == {"ready": 2, "wanted": 3}
    assert found["dapr"]["injects"] is True
    assert found["broker"]["running"] is True
    assert found["topics"] == {"orders": True, "orders-dead": True}
    shop = found["services"]["shop"]
    assert (shop["url"], shop["stale"], shop["dapr"]) == ("http://127.0.0.1:30080", False, "on")
    assert shop["image"] == layout.reference(env, "shop")
    assert BUILT <= shop["image_age_seconds"] < BUILT + 60
    assert (shop["release"]["revision"], shop["release"]["status"]) == (3, "deployed")
    (only,) = shop["pods"]
    assert (only["containers_ready"], only["containers"], only["sidecar"], only["restarts"]) == (2, 2, True, 0)
    assert found["services"]["mailer"]["url"] == ""
    assert [one["name"] for one in found["pods"]["postgres"]] == ["postgres-0"]


def test_the_table_says_it_in_a_line_each(env: Env) -> None:
    rows = table(facts(env), "cluster", "dapr", "broker", "topics", "postgres", "shop", "smoke")
    assert rows["cluster"] == ["✔", "v1.36.2", "1 node"]
    assert rows["dapr"] == ["✔", "1.18.1", "1/2 workloads", "injects sidecars"]
    assert rows["topics"] == ["✔", "2/2 topics"]
    assert rows["shop"] == ["✔", "1/1 pods", "sidecars 1/1", "", "image 3 h", "revision 3", "http://127.0.0.1:30080"]
    assert rows["smoke"] == ["✔"]


def test_a_pod_that_is_not_ready_has_a_line_of_its_own(env: Env, api: ApiServer) -> None:
    back_off = {"waiting": {"reason": "CrashLoopBackOff"}}
    api.put(pod("shop", "shop-2", container("shop", back_off, restarts=4), container("daprd")))
    rows = table(facts(env), "shop")
    assert rows["shop"][1:4] == ["1/2 pods", "sidecars 2/2", "4 restarts"]
    assert rows["shop-2"][:4] == ["", "CrashLoopBackOff", "1/2", "4 restarts"]


def test_an_image_that_the_checkout_would_not_build_is_stale(env: Env, api: ApiServer) -> None:
    deploy(api, "shop", "small/shop:0123456789ab", {"dapr.io/enabled": "true"})
    found = facts(env)
    assert found["services"]["shop"]["stale"] is True
    assert found["services"]["shop"]["image_age_seconds"] is None
    assert table(found, "shop")["shop"][4] == "stale: the checkout differs"


def test_dapr_that_is_switched_off_is_said_with_what_does_not_work(env: Env, api: ApiServer) -> None:
    deploy(api, "shop", layout.reference(env, "shop"))
    found = facts(env)
    assert found["services"]["shop"]["dapr"] == "off"
    assert found["notes"] == ["Dapr is switched off for shop: nothing that happens in it reaches orders (mailer)."]
    assert table(found, "shop")["shop"][2] == "Dapr is off"


def test_what_does_not_work_without_dapr_is_everything_that_the_manifest_gives(env: Env) -> None:
    services = dict(env.manifest.services)
    services["shop"] = services["shop"].model_copy(update={"invokes": ("mailer",)})
    manifest = env.manifest.model_copy(update={"services": services})
    assert disabled.effects(manifest, "mailer") == [
        "it hears nothing of orders",
        "it has no state store",
        "shop cannot call it",
    ]


def test_a_release_that_was_interrupted_is_said(env: Env, api: ApiServer) -> None:
    release(api, env, "shop", 4, "pending-upgrade")
    assert table(facts(env), "shop")["shop"][5] == "revision 4 pending-upgrade"


def test_an_injector_without_a_certificate_injects_nothing(env: Env, api: ApiServer) -> None:
    api.put(injector(""))
    assert table(facts(env), "dapr")["dapr"][3] == "injects nothing"


def test_before_anything_is_deployed_all_is_told_as_away(cluster_env: Env) -> None:
    beside(cluster_env, FakeBroker(trouble="away"))
    found = facts(cluster_env)
    assert found["dapr"] == {"version": None, "workloads": {}, "injects": False}
    assert found["topics"] is None
    shop = found["services"]["shop"]
    assert (shop["image"], shop["dapr"], shop["release"], shop["pods"]) == (None, "unknown", None, [])
    rows = table(found, "dapr", "broker", "topics", "shop")
    assert [rows[name][1] for name in rows] == ["not installed", "not running", "no answer", "0/0 pods"]


def test_a_cluster_that_is_away_leaves_the_rest_to_be_told(env: Env, api: ApiServer) -> None:
    api.refuse_connections()
    found = facts(env)
    assert found["cluster"] is None
    assert found["broker"]["running"] is True
    assert found["services"]["shop"]["url"] == "http://127.0.0.1:30080"
    assert any("cannot be listed" in note for note in found["notes"])
    rows = table(found, "cluster", "dapr")
    assert (rows["cluster"], rows["dapr"]) == (["✔", "no answer"], ["✔", "no answer"])


def test_one_list_that_is_refused_leaves_the_others(env: Env, api: ApiServer) -> None:
    api.fault(path="/secrets", refused=Refused(403, 'secrets is forbidden: User "x" cannot list resource "secrets"'))
    found = facts(env)
    assert found["releases"] is None
    assert found["cluster"]["version"] == "v1.36.2"
    assert table(found, "shop")["shop"][5] == ""


def test_every_kind_is_listed_once_from_the_memory_of_the_api(env: Env, api: ApiServer) -> None:
    api.requests.clear()
    facts(env)
    lists = [request for request in api.requests if request.path.rpartition("/")[2] in ("pods", "deployments", "nodes")]
    assert len(lists) == len({request.path for request in lists}) == 4
    assert all(request.query["resourceVersion"] == "0" for request in lists)


STATES = st.sampled_from(
    [
        (RUNNING, "Running"),
        ({"waiting": {"reason": "ImagePullBackOff"}}, "ImagePullBackOff"),
        ({"terminated": {"reason": "OOMKilled"}}, "OOMKilled"),
    ]
)


@given(STATES, st.integers(0, 5), st.integers(0, 10**6))
def test_a_pod_in_a_few_words(state: tuple[Document, str], restarts: int, age: int) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=age)
    document = pod("shop", "shop-1", container("shop", state[0], restarts), container("daprd", restarts=1))
    found = pod_facts(document, now.timestamp())
    assert found["state"] == state[1]
    assert found["restarts"] == restarts + 1
    assert found["age_seconds"] == age
    assert found["containers_ready"] == (2 if state[1] == "Running" else 1)


def test_a_pod_that_was_only_just_made_has_no_status_yet() -> None:
    document = {"metadata": {"name": "shop-1"}, "spec": {"containers": [{"name": "shop"}]}}
    found = pod_facts(document, 0.0)
    assert (found["state"], found["ready"], found["containers"], found["age_seconds"]) == ("Unknown", False, 1, None)


def test_a_pod_that_ends_says_so() -> None:
    document = pod("shop", "shop-1")
    document["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert pod_facts(document, 0.0)["state"] == "Terminating"
