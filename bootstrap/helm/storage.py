"""What Helm keeps of its releases in the cluster: one Secret for each revision.

Facts are in the Secret's labels; the revision itself is JSON, compressed and encoded twice.
Source: helm.sh/helm/v4 pkg/storage/driver/secrets.go and util.go.
"""

import base64
import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.clients import yaml_reader
from bootstrap.clients.kubernetes_api import Document, path, translate_errors
from bootstrap.core.env import Env

DIGEST, OWNER = "inv/digest", "inv/owner"  # labels of ours: what the revision was made from, and by which checkout
DEPLOYED = "deployed"
INTERRUPTED = ("pending-install", "pending-upgrade", "pending-rollback")


@dataclass(frozen=True)
class Revision:
    """One revision of a release. `updated` is in seconds since 1970; `secret` is where Helm keeps it."""

    release: str
    namespace: str
    number: int
    status: str
    digest: str
    owner: str
    updated: float
    secret: str


def latest(env: Env, namespace: str, release: str) -> Revision | None:
    """The newest revision of a release; None when it was never installed. Raises `ProblemsFound`."""
    return _newest(env, path("v1", "secrets", namespace), f"owner=helm,name={release}").get((namespace, release))


def all_latest(env: Env) -> dict[tuple[str, str], Revision]:
    """The newest revision of every release in the cluster, by namespace and name, in one call.

    Raises `ProblemsFound`.
    """
    return _newest(env, path("v1", "secrets"), "owner=helm")


def _newest(env: Env, where: str, selector: str) -> dict[tuple[str, str], Revision]:
    with translate_errors("Helm's releases cannot be read."):
        found = [_revision(secret["metadata"]) for secret in env.cluster.metadata(where, labelSelector=selector)]
    return {(one.namespace, one.release): one for one in sorted(found, key=lambda one: one.number)}


def _revision(metadata: Mapping[str, Any]) -> Revision:
    labels = metadata.get("labels", {})
    return Revision(
        release=labels.get("name", ""),
        namespace=metadata.get("namespace", ""),
        number=int(labels.get("version", 0)),
        status=labels.get("status", ""),
        digest=labels.get(DIGEST, ""),
        owner=labels.get(OWNER, ""),
        updated=float(labels.get("modifiedAt") or labels.get("createdAt") or 0),
        secret=metadata["name"],
    )


def documents(env: Env, revision: Revision) -> list[Document]:
    """What a revision consists of, as Helm rendered it. Raises `ProblemsFound`."""
    with translate_errors(f"Helm's revision {revision.number} of {revision.release} cannot be read."):
        secret = env.cluster.get(path("v1", "secrets", revision.namespace, revision.secret))
    kept = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(secret["data"]["release"]))))
    return list(yaml_reader.documents(kept["manifest"]))


def forget(env: Env, revision: Revision) -> None:
    """Removes a revision from Helm's memory; nothing that runs changes. Raises `ProblemsFound`."""
    with translate_errors(f"Helm's revision {revision.number} of {revision.release} cannot be removed."):
        env.cluster.delete(path("v1", "secrets", revision.namespace, revision.secret))
