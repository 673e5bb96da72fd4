"""minikube's addons: the storage provisioner, which nothing but its addon makes anew."""

from bootstrap.clients.kubernetes_api import Document, path, translate_errors
from bootstrap.cluster import provisioner
from bootstrap.cluster.pods.summary import waits
from bootstrap.core.env import Env
from bootstrap.minikube import profile

TIMEOUT_S = 180.0  # minikube itself tries for two minutes


def ensure_provisioner(env: Env) -> None:
    """Make the storage provisioner's pod anew where it is gone, has ended, or waits before its next try.

    No controller makes that pod anew, and the kubelet waits up to five minutes between two tries. The gate tells when
    it still does not run. Raises `ProblemsFound` where the API does not answer.
    """
    pod = provisioner.find(env)
    if pod and not _is_stuck(pod):
        return
    default = provisioner.default_of(provisioner.classes(env))
    if default is None or default.get("provisioner") != provisioner.PROVISIONER:
        return
    name = f"{provisioner.NAMESPACE}/{provisioner.NAME}"
    env.notify(f"The pod {name} {'does not run' if pod else 'is gone'}: minikube makes it anew.")
    if pod:
        with translate_errors(f"The pod {name} cannot be deleted."):
            env.cluster.delete(path("v1", "pods", provisioner.NAMESPACE, provisioner.NAME), gracePeriodSeconds=0)
    done = profile.run(env, "addons", "enable", provisioner.NAME, timeout=TIMEOUT_S)
    if done.exit:
        env.notify(f"minikube does not make it: {done.words}")


def _is_stuck(pod: Document) -> bool:
    return waits(pod) or pod.get("status", {}).get("phase") in ("Failed", "Succeeded")
