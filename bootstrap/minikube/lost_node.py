"""A node that minikube makes anew on the volume of before: its container was deleted from outside, or ~/.minikube was.

minikube keeps the settings of kubeadm in that volume. It finds them equal to those of the new start, and so does not
write /etc/kubernetes, which went with the container: no control plane ever starts (`restartPrimaryControlPlane` in
pkg/minikube/bootstrapper/kubeadm of minikube 1.38). Without the old settings it writes all of it; what Kubernetes and
its volumes held stays.
"""

from bootstrap.clients import docker_engine
from bootstrap.core.env import Env
from bootstrap.images import supply
from bootstrap.minikube import cache, profile
from bootstrap.minikube.settings import Config

SETTINGS = "/var/tmp/minikube/kubeadm.yaml"  # noqa: S108 - in the node
# Signed by the authority in ~/.minikube, which is another one when that folder was deleted; kubeadm and kubelet make
# those anew that are not there.
CERTIFICATES = (
    "/var/lib/minikube/certs/apiserver-kubelet-client.crt",
    "/var/lib/minikube/certs/apiserver-kubelet-client.key",
    "/var/lib/kubelet/pki",
)


def prepare(env: Env, config: Config | None) -> None:
    """Delete the old settings of kubeadm where the node is gone and its volume is there. Raises `ProblemsFound`.

    `config` is minikube's own record of the profile. Without it minikube deletes a node that is there, and makes an
    authority of its own for the next: what the former one signed goes too.
    """
    if not profile.has_volume(env):
        return
    node = profile.node(env)
    if config and node is not None:
        return
    if config:
        named = str(config.get("KicBaseImage", ""))
    else:
        named = str(node.attrs["Image"]) if node is not None else cache.node_image_name(env)[0]
    # An engine that got the image from an archive does not know its digest.
    names = (named, named.partition("@")[0])
    with docker_engine.translate_errors(f"The volume {env.context} cannot be prepared for a new node."):
        image = next((name for name in names if supply.has(env.docker, name)), "")
        if not image:
            return  # nothing can be done in the volume, and minikube says what it cannot do
        what = "The node" if config else "minikube's record"
        env.notify(f"{what} of {env.context} is gone: minikube makes the node anew from its volume.")
        env.docker.containers.run(
            image,
            ["-rf", SETTINGS, *(() if config else CERTIFICATES)],
            entrypoint="rm",
            volumes={env.context: {"bind": "/var", "mode": "rw"}},
            network_mode="none",
            auto_remove=True,  # by the engine, also where this program is killed
        )
