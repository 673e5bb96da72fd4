"""The certificate authority in ~/.minikube, which signs for every profile. Where it was made anew, as after
`rm -rf ~/.minikube`, pods that run trust the former one for as long as they live."""

import hashlib
from contextlib import suppress

from bootstrap.clients.kubernetes_api import Document, path, translate_errors
from bootstrap.core.env import Env
from bootstrap.minikube import node_image, ownership


def ensure_trusted(env: Env) -> None:
    """Start pods anew that may have read the certificate of a former authority. Raises `ProblemsFound`.

    Only where the authority is another one than when this was last called for the same cluster.
    """
    before, now = ownership.authority(env), _fingerprint(env)
    if before == now or not now:
        return
    if before:
        env.notify(f"The certificate authority of {env.context} is a new one: its pods are started anew.")
        with translate_errors(f"The pods of {env.context} cannot be started anew."):
            for pod in env.cluster.items(path("v1", "pods")):
                if _comes_back(pod):
                    meta = pod["metadata"]
                    env.cluster.delete(path("v1", "pods", meta["namespace"], meta["name"]))
    ownership.note_authority(env, now)


def _fingerprint(env: Env) -> str:
    with suppress(OSError):
        return hashlib.sha256((node_image.home(env) / "ca.crt").read_bytes()).hexdigest()
    return ""


def _comes_back(pod: Document) -> bool:
    """Whether a controller makes it anew. The kubelet's own pods read files of the node, which minikube wrote anew."""
    owners = pod["metadata"].get("ownerReferences", [])
    return any(owner.get("controller") and owner.get("kind") != "Node" for owner in owners)
