"""What the double has to answer as the real API server does: requests in order, and what of an answer counts.

The answers of a real one are recorded under tests/recorded/kubeapi-contract. Recorded anew by
`KUBEBUILDER_ASSETS=... python -m tests.apiserver.contract`, the folder of an etcd and a kube-apiserver.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parents[1] / "recorded" / "kubeapi-contract"
NS = "/api/v1/namespaces"
MAPS = f"{NS}/contract/configmaps"
PODS = f"{NS}/contract/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/contract/deployments"
MERGE, APPLY = "application/merge-patch+json", "application/apply-patch+yaml"
PASSING = (
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "managedFields",
    "time",
    "retryAfterSeconds",
)


@dataclass(frozen=True)
class Step:
    """One request. `body` is sent as JSON, as `kind` where it is a patch."""

    name: str
    method: str
    path: str
    body: Any = None
    kind: str = "application/json"


Send = Callable[[Step], tuple[int, Any]]


def _map(name: str, labels: dict[str, str] | None = None, **data: str) -> dict[str, Any]:
    meta: dict[str, Any] = {"name": name} | ({"labels": labels} if labels else {})
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def _namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


_CONTAINERS = [{"name": "shop", "image": "shop:1", "ports": [{"containerPort": 8000}]}]
_POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "shop-1"}, "spec": {"containers": _CONTAINERS}}
_DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "shop"},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "shop"}},
        "template": {"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": _CONTAINERS}},
    },
}
_ENV = {"spec": {"template": {"spec": {"containers": [{**_CONTAINERS[0], "env": [{"name": "A", "value": "1"}]}]}}}}
_DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "components.contract.example"},
    "spec": {
        "group": "contract.example",
        "scope": "Namespaced",
        "names": {"plural": "components", "singular": "component", "kind": "Component"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                },
            }
        ],
    },
}

STEPS = (
    Step("ready", "GET", "/readyz"),
    Step("no-such-group", "GET", "/apis/none.example/v1/namespaces/default/things"),
    Step("no-such-kind", "GET", f"{NS}/default/things"),
    Step("namespace-none", "GET", f"{NS}/contract"),
    Step("create-in-no-namespace", "POST", MAPS, _map("one")),
    Step("namespace-create", "POST", NS, _namespace("contract")),
    Step("namespace-again", "POST", NS, _namespace("contract")),
    Step("map-create", "POST", MAPS, _map("one", {"app": "one", "tier": "a"}, a="1")),
    Step("map-again", "POST", MAPS, _map("one")),
    Step("map-get", "GET", f"{MAPS}/one"),
    Step("map-none", "GET", f"{MAPS}/two"),
    Step("map-dry-run", "POST", f"{MAPS}?dryRun=All", _map("two")),
    Step("map-dry-run-left-nothing", "GET", f"{MAPS}/two"),
    Step("map-second", "POST", MAPS, _map("two", {"app": "two"})),
    Step("list-by-label", "GET", f"{MAPS}?labelSelector=app%3Done"),
    Step("list-by-set", "GET", f"{MAPS}?labelSelector=app+in+(one,two),tier"),
    Step("list-by-not", "GET", f"{MAPS}?labelSelector=app!%3Done,!tier"),
    Step("list-by-name", "GET", f"{MAPS}?fieldSelector=metadata.name%3Dtwo"),
    Step("map-merge", "PATCH", f"{MAPS}/one", {"data": {"a": None, "b": "2"}}, MERGE),
    Step("map-stale", "PUT", f"{MAPS}/one", _map("one") | {"metadata": {"name": "one", "resourceVersion": "1"}}),
    Step("merge-none", "PATCH", f"{MAPS}/none", {"data": {}}, MERGE),
    Step("apply-new", "PATCH", f"{MAPS}/three?fieldManager=inv&force=true", _map("three", a="1", b="2"), APPLY),
    Step("apply-beside", "PATCH", f"{MAPS}/three", {"data": {"other": "3"}}, MERGE),
    Step("apply-less", "PATCH", f"{MAPS}/three?fieldManager=inv&force=true", _map("three", a="4"), APPLY),
    Step("apply-dry", "PATCH", f"{MAPS}/three?fieldManager=inv&force=true&dryRun=All", _map("three", a="5"), APPLY),
    Step("apply-dry-left-nothing", "GET", f"{MAPS}/three"),
    Step("apply-without-manager", "PATCH", f"{MAPS}/three", _map("three"), APPLY),
    Step("deployment-create", "POST", DEPLOYMENTS, _DEPLOYMENT),
    Step("deployment-none", "GET", f"{DEPLOYMENTS}/none"),
    Step("deployment-scaled", "PATCH", f"{DEPLOYMENTS}/shop", {"spec": {"replicas": 2}}, MERGE),
    Step("deployment-status", "PATCH", f"{DEPLOYMENTS}/shop/status", {"status": {"observedGeneration": 2}}, MERGE),
    Step("deployment-status-elsewhere", "PATCH", f"{DEPLOYMENTS}/shop", {"status": {"observedGeneration": 9}}, MERGE),
    Step(
        "deployment-apply",
        "PATCH",
        f"{DEPLOYMENTS}/shop?fieldManager=inv&force=true",
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop"}} | _ENV,
        APPLY,
    ),
    Step(
        "account-create",
        "POST",
        f"{NS}/contract/serviceaccounts",
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}},
    ),
    Step("pod-create", "POST", PODS, _POD),
    Step("pod-log-none", "GET", f"{PODS}/none/log"),
    Step("pod-running", "PATCH", f"{PODS}/shop-1/status", {"status": {"phase": "Running"}}, MERGE),
    Step("pods-running", "GET", f"{PODS}?fieldSelector=status.phase%3DRunning"),
    Step("pod-delete", "DELETE", f"{PODS}/shop-1?gracePeriodSeconds=0"),
    Step("map-delete", "DELETE", f"{MAPS}/two"),
    Step("map-delete-again", "DELETE", f"{MAPS}/two"),
    Step("map-held", "PATCH", f"{MAPS}/three", {"metadata": {"finalizers": ["contract.example/hold"]}}, MERGE),
    Step("map-held-delete", "DELETE", f"{MAPS}/three"),
    Step("map-held-stays", "GET", f"{MAPS}/three"),
    Step("map-let-go", "PATCH", f"{MAPS}/three", {"metadata": {"finalizers": None}}, MERGE),
    Step("map-gone", "GET", f"{MAPS}/three"),
    Step("delete-all", "DELETE", MAPS),
    Step("none-left", "GET", MAPS),
    Step("definition-create", "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", _DEFINITION),
)


def played(send: Send) -> Iterator[tuple[str, int, Any]]:
    """Each step's name, and the code and the body that `send` got for it, without what differs from run to run."""
    for step in STEPS:
        code, body = send(step)
        yield step.name, code, steady(body)


def steady(found: Any) -> Any:
    """An answer without its times, versions, uids and generated names."""
    if isinstance(found, dict):
        return {key: steady(value) for key, value in found.items() if key not in PASSING}
    if isinstance(found, list):
        return [steady(item) for item in found]
    return re.sub(r"^kube-api-access-.*", "kube-api-access", found) if isinstance(found, str) else found


def within(double: Any, real: Any, at: str = "") -> list[str]:
    """Where the double says something that the real one does not. What it leaves out, such as defaults, is its own."""
    if isinstance(double, dict) and isinstance(real, dict):
        return [line for key, value in double.items() for line in within(value, real.get(key), f"{at}.{key}")]
    if isinstance(double, list) and isinstance(real, list) and len(double) == len(real):
        return [line for i, item in enumerate(double) for line in within(item, real[i], f"{at}[{i}]")]
    return [] if double == real or (not double and real is None) else [f"{at}: {double!r}, the real one: {real!r}"]


if __name__ == "__main__":
    from tests.apiserver.real import RealServer

    RECORDED.mkdir(parents=True, exist_ok=True)
    with RealServer() as server:
        for number, (name, code, body) in enumerate(played(server.send)):
            text = json.dumps({"step": name, "code": code, "body": body}, indent=1, sort_keys=True)
            (RECORDED / f"{number:02}-{name}.json").write_text(text + "\n")
