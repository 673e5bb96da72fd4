"""minikube's own cache of Kubernetes' programs and images, filled from the mirror.

minikube looks there first, under the original names. Its flags for mirrors are not used. With `--image-repository` it
wants the images of gcr.io below the repository of registry.k8s.io. It writes the mirror's address into the profile. It
lets the node pull, and the node has neither the mirror's certificate nor its login.
"""

import platform
import re
from collections.abc import Iterator
from pathlib import Path

from bootstrap.clients.docker_engine import translate_errors
from bootstrap.core.env import Env
from bootstrap.images import mirror, supply
from bootstrap.minikube import node_image, profile
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import ProblemsFound
from bootstrap.tools import downloads
from bootstrap.tools.install import MACHINES
from bootstrap.tools.mirrors import is_offline

BINARIES_URL = "https://dl.k8s.io/release"
BINARIES = ("kubeadm", "kubelet", "kubectl")
COMPONENTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
# By Kubernetes' minor version, from minikube 1.38's pkg/minikube/constants/constants_kubeadm_images.go.
HELPERS = {
    "1.34": ("coredns/coredns:v1.12.1", "etcd:3.6.5-0", "pause:3.10.1"),
    "1.35": ("coredns/coredns:v1.13.1", "etcd:3.6.6-0", "pause:3.10.1"),
}
STORAGE = "gcr.io/k8s-minikube/storage-provisioner:v5"
NODE_REPOSITORY = "gcr.io/k8s-minikube/kicbase"
NODE_IMAGE = re.compile(r"--base-image='?(?P<name>[^\s'@]+)@(?P<digest>sha256:[0-9a-f]{64})")


def fill(env: Env) -> list[str]:
    """Fill minikube's cache as INV_MIRROR and INV_OFFLINE ask for. Return what `minikube start` is told beside.

    Raises `ProblemsFound`: `mirror-kubernetes-unknown`, `image-offline`, or as a download or a pull does.
    """
    if mirror.is_set(env) and not is_offline(env):
        for name in BINARIES:
            _binary(env, name)
        for reference in images(env):
            _image(env, reference)
        return ["--preload=false", *_node_image(env)]
    if is_offline(env):
        return [*([] if preloaded(env) else ["--preload=false"]), *_node_image(env)]
    return []


def images(env: Env) -> list[str]:
    """Return the images of Kubernetes and minikube that run in a node, under their own names.

    Raises `ProblemsFound` (`mirror-kubernetes-unknown`).
    """
    version = env.manifest.cluster.kubernetes
    helpers = HELPERS.get(".".join(version.split(".")[:2]))
    if helpers is None:
        summary = f"Which images Kubernetes {version} needs is not known here."
        known = ", ".join(HELPERS)
        raise ProblemsFound(
            problem("mirror-kubernetes-unknown", summary, where="environment.toml", known=known, final=True)
        )
    components = (f"{name}:v{version}" for name in COMPONENTS)
    return [*(f"registry.k8s.io/{name}" for name in (*components, *helpers)), STORAGE]


def binary_url(env: Env, name: str, machine: str = "") -> str:
    """Return the URL of a program of Kubernetes, for this processor by default; its SHA-256 is beside it, `.sha256`."""
    return f"{BINARIES_URL}/v{env.manifest.cluster.kubernetes}/bin/linux/{machine or _machine()}/{name}"


def missing(env: Env) -> Iterator[str]:
    """Yield what a new node needs of minikube's cache and what is not there. Raises `ProblemsFound`."""
    name, _ = node_image_name(env)
    with translate_errors("This machine's Docker Engine does not say which images it has."):
        if name and not supply.has(env.docker, name) and not node_image.archives(env):
            yield f"image {name}, of minikube's node"
    if preloaded(env):
        return
    for binary in BINARIES:
        if not _binary_path(env, binary).is_file():
            yield f"{binary} {env.manifest.cluster.kubernetes}, in minikube's cache"
    for reference in images(env):
        if not _image_path(env, reference).is_file():
            yield f"image {reference}, in minikube's cache"


def preloaded(env: Env) -> bool:
    """Whether minikube has its archive with all images and programs of this Kubernetes for the runtime docker."""
    pattern = f"preloaded-images-k8s-*-v{env.manifest.cluster.kubernetes}-docker-*-{_machine()}.tar.lz4"
    return any((node_image.home(env) / "cache" / "preloaded-tarball").glob(pattern))


def node_image_name(env: Env) -> tuple[str, str]:
    """Return the name and digest of the node image that this minikube takes by default; two "" if it does not say."""
    found = NODE_IMAGE.search(profile.run(env, "start", "--help").stdout)
    return (found["name"], found["digest"]) if found else ("", "")


def _node_image(env: Env) -> list[str]:
    """Make this machine's engine have the node image. Return the flag with which minikube takes it as it is there."""
    if env.environ.get("MINIKUBE_BASE_IMAGE"):
        return []
    name, digest = node_image_name(env)
    if not name:
        return []
    with translate_errors(f"The image {name} cannot be pulled.", image=name):
        there = supply.has(env.docker, name)
        if not there and is_offline(env):
            return []  # minikube's archive of it may be there
        if not there:
            _pull_node_image(env, name, digest)
    # With its digest minikube would ask the registry whether the image under that name has it.
    return [f"--base-image={name}"]


def _pull_node_image(env: Env, name: str, digest: str) -> None:
    """Pull the node image by its digest; where the mirror has another build, by its tag, as minikube does."""
    from docker.errors import DockerException

    at = mirror.source(env, name)
    env.notify(f"pulling {name} from {at}: once, it stays in the Docker Engine")
    try:
        supply.pull(env, f"{at.rpartition(':')[0]}@{digest}", name)
    except (ProblemsFound, DockerException):
        env.notify(f"the mirror does not have {name} with the digest that minikube names: it is taken by its tag")
        supply.pull(env, at, name)


def _binary(env: Env, name: str) -> None:
    path = _binary_path(env, name)
    if path.is_file():
        return
    what, url = f"{name} {env.manifest.cluster.kubernetes}", binary_url(env, name)
    digest = downloads.checksum(env, f"{url}.sha256", what)
    draft = path.with_name(f".{name}.inv")
    try:
        downloads.fetch(env, url, digest, draft, what=what).chmod(0o755)
        draft.replace(path)
    except OSError as error:
        raise ProblemsFound(downloads.not_writable(env, error)) from error


def _image(env: Env, reference: str) -> None:
    path = _image_path(env, reference)
    if path.is_file():
        return
    supply.provide(env, reference)
    draft = path.with_name(f".{path.name}.inv")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as file:
            for chunk in _saved(env, reference):
                file.write(chunk)
        draft.replace(path)
    except OSError as error:
        raise ProblemsFound(downloads.not_writable(env, error)) from error


def _saved(env: Env, reference: str) -> Iterator[bytes]:
    with translate_errors(f"The image {reference} cannot be saved.", image=reference):
        yield from env.docker.images.get(reference).save(named=reference)


def _binary_path(env: Env, name: str) -> Path:
    return node_image.home(env) / "cache" / "linux" / _machine() / f"v{env.manifest.cluster.kubernetes}" / name


def _image_path(env: Env, reference: str) -> Path:
    return node_image.home(env) / "cache" / "images" / _machine() / reference.replace(":", "_")


def _machine() -> str:
    return MACHINES.get(platform.machine(), platform.machine())
