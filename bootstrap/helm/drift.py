"""What is not as it was deployed: objects that somebody deleted, and fields that somebody changed."""

from collections.abc import Iterator
from decimal import InvalidOperation
from typing import Any

from bootstrap.clients.kubernetes_api import Document, path, translate_errors
from bootstrap.core.env import Env

CLUSTER_WIDE = frozenset(
    {
        "APIService",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "MutatingWebhookConfiguration",
        "Namespace",
        "PersistentVolume",
        "PriorityClass",
        "StorageClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
    }
)
COMPARED = frozenset({"DaemonSet", "Deployment", "Service", "StatefulSet"})
"""What decides what runs. In other kinds, controllers and operators may own fields that a chart states."""


def find(env: Env, documents: list[Document], namespace: str) -> Iterator[str]:
    """What differs, in words. `documents` are as Helm rendered them for `namespace`. Raises `ProblemsFound`."""
    groups: dict[str, list[Document]] = {}
    for document in documents:
        groups.setdefault(_collection(document, namespace), []).append(document)
    for where, wanted in groups.items():
        with translate_errors(f"{where} cannot be read."):
            if len(wanted) == 1:
                one = env.cluster.find(f"{where}/{wanted[0]['metadata']['name']}")
                there = [one] if one else []
            else:
                there = env.cluster.items(where)
        live = {one["metadata"]["name"]: one for one in there}
        for document in wanted:
            named = f"{document['kind']} {document['metadata']['name']}"
            found = live.get(document["metadata"]["name"])
            if found is None or found["metadata"].get("deletionTimestamp"):
                yield f"{named} is gone"
            elif document["kind"] in COMPARED:
                yield from (f"{named} has another {at}" for at in differences(document["spec"], found["spec"], "spec"))


def _collection(document: Document, namespace: str) -> str:
    """The API path of an object's kind. The plural is guessed as Kubernetes' own UnsafeGuessKindToResource does."""
    kind: str = document["kind"]
    name = kind.lower()
    plural = f"{name}es" if name.endswith("s") else f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"
    own = document["metadata"].get("namespace") or namespace
    return path(document["apiVersion"], plural, "" if kind in CLUSTER_WIDE else own)


def differences(wanted: Any, live: Any, at: str) -> Iterator[str]:
    """The paths of fields that `wanted` states and `live` has not so; what `live` has besides does not matter."""
    if isinstance(wanted, dict) and isinstance(live, dict):
        for key, value in wanted.items():
            yield from differences(value, live.get(key), f"{at}.{key}")
    elif isinstance(wanted, list) and isinstance(live, list):
        for index, value in enumerate(wanted):
            yield from differences(value, _same(value, live, index), f"{at}[{index}]")
    elif not _equal(wanted, live):
        yield at


def _same(wanted: Any, live: list[Any], index: int) -> Any:
    """The item of `live` that is meant: that of the same name, else the one at the same place."""
    if isinstance(wanted, dict) and "name" in wanted:
        return next((one for one in live if isinstance(one, dict) and one.get("name") == wanted["name"]), None)
    return live[index] if index < len(live) else None


def _equal(wanted: Any, live: Any) -> bool:
    if not wanted and not live:  # the API leaves out what is false, empty or nothing
        return True
    return bool(str(wanted) == str(live)) or (live is not None and _amount(wanted) == _amount(live) is not None)


def _amount(value: Any) -> Any:
    """A quantity ("500m" is 0.5) as a number; None when it is none."""
    from kubernetes.utils.quantity import parse_quantity

    try:
        return parse_quantity(str(value))
    except (ValueError, InvalidOperation):
        return None
