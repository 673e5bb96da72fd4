"""The cluster's gate: each thing that it proves, and what it says where that is not so."""

from collections.abc import Callable

import pytest

from bootstrap.cluster import health, namespaces, probe
from bootstrap.stages import cluster
from tests.apiserver import Document, Refused
from tests.doubles import told
from tests.minikube.conftest import World, node

COUNTS = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
Break = Callable[[World], object]


def remove_class(world: World) -> None:
    world.api.remove("storage.k8s.io/v1", "storageclasses", "", "standard")


def cordon(world: World) -> None:
    world.api.put({**node(), "spec": {"unschedulable": True}})


def taint(world: World) -> None:
    world.api.put({**node(), "spec": {"taints": [{"key": "example.com/away", "effect": "NoSchedule"}]}})


def lost_node() -> Document:
    found = node("Unknown")
    found["status"]["conditions"][0]["lastTransitionTime"] = "2026-01-01T00:00:00Z"
    return found


def relabel(world: World) -> None:
    world.env.cluster.merge(
        "/api/v1/namespaces/small", {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}
    )


def end_namespace(world: World) -> None:
    found = world.api.get("v1", "namespaces", "", "small")
    assert found is not None
    found["metadata"]["deletionTimestamp"] = "2026-11-22T10:00:00Z"
    found["status"] = {"conditions": [{"status": "True", "message": "Some content has finalizers remaining"}]}
    world.api.put(found)


@pytest.mark.closes("cluster", "the API server answers", "cluster-unreachable")
@pytest.mark.closes("cluster", "the API server is ready", "api-not-ready")
@pytest.mark.closes("cluster", "Kubernetes is the pinned one", "kubernetes-version")
@pytest.mark.closes("cluster", "every kubelet reports to the API", "kubelet-silent", "kubelet-lost")
@pytest.mark.closes("cluster", "every node is ready", "node-not-ready", "node-cordoned", "node-under-pressure")
@pytest.mark.closes("cluster", "there is a default storage class", "no-default-storage")
@pytest.mark.closes("cluster", "the namespaces are there", "namespace-missing", "namespace-terminating")
@pytest.mark.closes("cluster", "the namespaces carry their Pod Security level", "namespace-not-secured")
@pytest.mark.closes("cluster", "Pod Security refuses what breaks it", "pod-security-off")
@pytest.mark.parametrize(
    ("broken", "code", "says"),
    [
        (lambda w: w.api.refuse_connections(), "cluster-unreachable", "refused"),
        (
            lambda w: w.api.fault(path="/readyz", refused=Refused(500, "[+]ping ok\n[-]etcd failed")),
            "api-not-ready",
            "[-]etcd",
        ),
        (lambda w: setattr(w.api.routes, "version", "1.35.0"), "kubernetes-version", "1.35.0"),
        (lambda w: w.api.remove("v1", "nodes", "", "small"), "node-not-ready", "no node"),
        (lambda w: w.api.put(node("Unknown")), "kubelet-silent", "about Ready"),
        (lambda w: w.api.put(lost_node()), "kubelet-lost", "about Ready"),
        (lambda w: w.api.put(node("False")), "node-not-ready", "about Ready"),
        (taint, "node-not-ready", "example.com/away:NoSchedule"),
        (cordon, "node-cordoned", "takes no new pods"),
        (lambda w: w.api.put(node(DiskPressure="True")), "node-under-pressure", "disk space"),
        (lambda w: w.api.put(node("False", MemoryPressure="True")), "node-under-pressure", "memory"),
        (lambda w: w.api.put(node(PIDPressure="True")), "node-under-pressure", "process ids"),
        (remove_class, "no-default-storage", "none"),
        (lambda w: w.api.remove("v1", "namespaces", "", "small"), "namespace-missing", "small"),
        (lambda w: w.api.remove("v1", "namespaces", "", "dapr-system"), "namespace-missing", "dapr-system"),
        (end_namespace, "namespace-terminating", "finalizers remaining"),
        (relabel, "namespace-not-secured", "enforce: privileged"),
        (lambda w: w.api.store.admissions.clear(), "pod-security-off", "privileged pod"),
    ],
)
def test_it_closes(running: World, broken: Break, code: str, says: str) -> None:
    broken(running)
    found = told(cluster.check, running.env)
    assert found is not None
    assert found.code == code
    assert says in found.summary + found.evidence
    assert "{" not in found.cause + found.remedy
    running.api.mend()


def test_the_end_of_a_namespace_is_waited_for_and_then_it_is_made_anew(running: World) -> None:
    end_namespace(running)
    running.api.fault(path="/pods", method="POST", refused=Refused(403, "small is being terminated"))
    cluster.apply(running.env)
    found = told(cluster.check, running.env)
    assert found is not None
    assert (found.code, found.final) == ("namespace-terminating", False)
    running.api.mend()
    running.api.remove("v1", "namespaces", "", "small")
    found = told(cluster.check, running.env)
    assert found is not None
    assert found.code in cluster.stage(()).retry_apply_on
    cluster.apply(running.env)
    assert cluster.check(running.env) is None


def test_commands_in_remedies_name_the_cluster(running: World) -> None:
    running.api.put(node("False"))
    found = told(cluster.check, running.env)
    assert found is not None
    assert f"kubectl --kubeconfig {running.env.kubeconfig} --context small describe nodes" in found.remedy


@pytest.mark.closes("cluster", "a pod answers", "probe-missing")
def test_a_probe_that_is_gone_is_made_again(running: World) -> None:
    running.api.remove("v1", "pods", "small", probe.NAME)
    running.api.routes.proxies.clear()
    found = told(cluster.check, running.env)
    assert found is not None
    assert found.code == "probe-missing"
    assert found.code in cluster.stage(()).retry_apply_on


@pytest.mark.closes("cluster", "a pod answers", "pod-starting")
def test_a_probe_that_is_not_up_yet_is_waited_for(running: World) -> None:
    running.api.routes.proxies.clear()
    found = told(cluster.check, running.env)
    assert found is not None
    assert (found.code, found.final) == ("pod-starting", False)


@pytest.mark.closes("cluster", "a pod answers", "probe-not-ready")
def test_a_probe_that_is_ready_and_does_not_answer_is_told(running: World) -> None:
    pod = running.api.get("v1", "pods", "small", probe.NAME)
    assert pod is not None
    containers = [{"name": "probe", "ready": True, "restartCount": 0, "state": {"running": {}}}]
    conditions = [{"type": "Ready", "status": "True"}]
    running.api.put({**pod, "status": {"phase": "Running", "conditions": conditions, "containerStatuses": containers}})
    running.api.proxy("small", "pods", f"http:{probe.NAME}:8000", lambda *_: (503, "no endpoints"))
    found = told(cluster.check, running.env)
    assert found is not None
    assert (found.code, found.final) == ("probe-not-ready", False)
    assert "no endpoints" in found.evidence


def test_names_that_do_not_resolve_lead_to_coredns(running: World) -> None:
    running.resolves("")
    running.api.remove("apps/v1", "deployments", "kube-system", "coredns")
    found = told(cluster.check, running.env)
    assert found is not None
    assert "coredns" in found.summary, "there is no such Deployment here"


@pytest.mark.closes("cluster", "a pod can look names up", "dns-not-answering")
def test_a_coredns_that_runs_and_does_not_answer_is_told(running: World) -> None:
    running.api.put(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "coredns", "namespace": "kube-system", "generation": 1},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"k8s-app": "kube-dns"}}},
            "status": {"observedGeneration": 1, **dict.fromkeys(COUNTS, 1)},
        }
    )
    running.resolves("")
    found = told(cluster.check, running.env)
    assert found is not None
    assert found.code == "dns-not-answering"


def test_another_refusal_is_not_taken_for_pod_security(running: World) -> None:
    running.api.fault(path="/pods", method="POST", refused=Refused(403, 'pods is forbidden: User "x" cannot create'))
    found = told(cluster.check, running.env)
    assert found is not None
    assert found.code != "pod-security-off"
    assert "cannot create" in found.evidence


def test_a_namespace_that_enforces_nothing_is_not_asked(running: World) -> None:
    level = running.env.manifest.dapr.pod_security.model_copy(update={"app": "privileged"})
    dapr = running.env.manifest.dapr.model_copy(update={"pod_security": level})
    running.env.manifest = running.env.manifest.model_copy(update={"dapr": dapr})
    namespaces.ensure(running.env)
    assert health.pod_security(running.env) is None


def test_it_changes_nothing_and_asks_little(running: World) -> None:
    running.api.requests.clear()
    assert cluster.check(running.env) is None
    assert all(r.method == "GET" or r.query.get("dryRun") == "All" for r in running.api.requests)
    assert len(running.api.requests) <= 11
