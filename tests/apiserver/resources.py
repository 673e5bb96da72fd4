"""The kinds of object that the double knows: those built in, and those that CustomResourceDefinitions declare."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True)
class Resource:
    """One kind. `version` is as in manifests ("v1", "apps/v1"), `plural` as in paths."""

    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def group(self) -> str:
        return self.version.rpartition("/")[0]

    @property
    def qualified(self) -> str:
        """As the API names it in its messages: "pods", "deployments.apps"."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


_NAMESPACED = {
    "v1": "Pod Service Endpoints ConfigMap Secret ServiceAccount Event PersistentVolumeClaim ResourceQuota LimitRange",
    "apps/v1": "Deployment ReplicaSet StatefulSet DaemonSet",
    "batch/v1": "Job CronJob",
    "coordination.k8s.io/v1": "Lease",
    "discovery.k8s.io/v1": "EndpointSlice",
    "networking.k8s.io/v1": "NetworkPolicy Ingress",
    "policy/v1": "PodDisruptionBudget",
    "rbac.authorization.k8s.io/v1": "Role RoleBinding",
}
_CLUSTER_WIDE = {
    "v1": "Namespace Node PersistentVolume",
    "admissionregistration.k8s.io/v1": "MutatingWebhookConfiguration ValidatingWebhookConfiguration",
    "apiextensions.k8s.io/v1": "CustomResourceDefinition",
    "rbac.authorization.k8s.io/v1": "ClusterRole ClusterRoleBinding",
    "scheduling.k8s.io/v1": "PriorityClass",
    "storage.k8s.io/v1": "StorageClass",
}


def _plural(kind: str) -> str:
    name = kind.lower()
    if name == "endpoints":
        return name
    if name.endswith("y"):
        return name[:-1] + "ies"
    return name + ("es" if name.endswith(("s", "x")) else "s")


BUILT_IN = tuple(
    Resource(version, _plural(kind), kind, table is _NAMESPACED)
    for table in (_NAMESPACED, _CLUSTER_WIDE)
    for version, kinds in table.items()
    for kind in kinds.split()
)


def declared(definitions: Iterable[Document]) -> tuple[Resource, ...]:
    """The kinds that CustomResourceDefinitions declare."""
    return tuple(
        Resource(
            f"{spec['group']}/{version['name']}",
            spec["names"]["plural"],
            spec["names"]["kind"],
            spec["scope"] == "Namespaced",
        )
        for spec in (definition["spec"] for definition in definitions)
        for version in spec["versions"]
        if version.get("served", True)
    )
