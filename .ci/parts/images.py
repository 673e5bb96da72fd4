"""Put images together from layers, and push them into a registry's storage on this machine."""

import hashlib
import http.client
import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import cache
import layers
import node
import programs
import rootfs

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CREATED = "2026-01-01T00:00:00Z"
START_S = 10.0
NOT_ROOT = "65532:65532"  # of Dapr's images


@dataclass(frozen=True)
class Image:
    """An image: the name with its registry, its layers as folders, and its configuration as Docker writes it."""

    name: str
    folders: Sequence[Path]
    config: Mapping[str, object] = field(default_factory=dict)


def wanted() -> list[Image]:
    """Return every image that the environment pulls. Builds what is missing in the cache."""
    base = rootfs.base()
    manifest = programs.MANIFEST
    kubernetes = [
        Image(f"registry.k8s.io/{name}:{programs.KUBERNETES}", [_program(name, "usr/local/bin")], _entry(name))
        for name in programs.CONTROL_PLANE
        if name != "kube-proxy"
    ]
    dapr = [
        Image(
            f"ghcr.io/dapr/{name}:{programs.DAPR[1:]}",
            [_certificates(base), _program(name, "")],
            {"User": NOT_ROOT, "WorkingDir": "/"},
        )
        for name in (*programs.DAPR_CONTROL_PLANE, "daprd")
    ]
    return [
        *kubernetes,
        Image(
            f"registry.k8s.io/kube-proxy:{programs.KUBERNETES}",
            [base, layers.proxy(), _program("kube-proxy", "usr/local/bin")],
            _entry("kube-proxy"),
        ),
        Image(f"registry.k8s.io/etcd:{_helper('etcd')}", [_program("etcd", "usr/local/bin")], _entry("etcd")),
        Image(
            f"registry.k8s.io/coredns/coredns:{_helper('coredns/coredns')}",
            [_certificates(base), _program("coredns", "")],
            {"Entrypoint": ["/coredns"]},
        ),
        Image(f"registry.k8s.io/pause:{_helper('pause')}", [_program("pause", "")], {"Entrypoint": ["/pause"]}),
        Image(
            f"gcr.io/k8s-minikube/storage-provisioner:{programs.STORAGE_PROVISIONER}",
            [_certificates(base), _program("storage-provisioner", "")],
            {"Entrypoint": ["/storage-provisioner"]},
        ),
        Image(
            f"gcr.io/k8s-minikube/kicbase:{programs.node_image_version()}",
            [base, node.layer()],
            {
                "Entrypoint": ["/usr/local/bin/entrypoint", "/sbin/init"],
                "Env": [PATH, "container=docker"],
                "StopSignal": "SIGRTMIN+3",
                "ExposedPorts": {"22/tcp": {}},
            },
        ),
        *dapr,
        Image("docker.io/library/python:3.11-slim", [base, layers.python()], {"Cmd": ["python"], "Env": [PATH]}),
        Image(
            f"docker.io/library/{_postgres()}",
            [base, layers.postgres()],
            {"Entrypoint": ["/entrypoint"], "Env": [PATH], "User": "postgres"},
        ),
        Image(
            f"docker.io/{manifest['broker']['image']}",
            [base, layers.kafka()],
            {"Entrypoint": ["/entrypoint"], "Env": [PATH], "User": "redpanda"},
        ),
    ]


def push_all() -> Path:
    """Return the storage folder of a registry that has every image, each under its whole name."""
    images = wanted()
    inputs = [Path(__file__)]
    texts = [json.dumps([one.name, [str(folder) for folder in one.folders], dict(one.config)]) for one in images]

    def make(folder: Path) -> None:
        with registry(folder) as address:
            for one in images:
                _push(address, one)

    return cache.part("registry", [*texts, *inputs], make)


@contextmanager
def registry(storage: Path) -> Iterator[str]:
    """Run a registry on a free loopback port; give its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    settings = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(storage)}},
        "http": {"addr": address},
    }
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        file.write(json.dumps(settings))  # which is YAML as well
        file.flush()
        command = ["docker-registry", "serve", file.name]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait_for(address)
            yield address
        finally:
            child.terminate()
            child.wait()


def _wait_for(address: str) -> None:
    host, port = address.split(":")
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            socket.create_connection((host, int(port)), 1).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.1)
    raise TimeoutError(f"no registry listens on {address}")


def _push(address: str, image: Image) -> None:
    name, _, tag = image.name.rpartition(":")
    packed = [pack(folder) for folder in image.folders]
    rootfs_of = {"type": "layers", "diff_ids": [json.loads((one / "facts.json").read_text())["diff"] for one in packed]}
    history = [{"created": CREATED, "created_by": "taskapp CI"} for _ in packed]
    document = {"architecture": "amd64", "os": "linux", "created": CREATED, "config": dict(image.config)}
    config = json.dumps({**document, "rootfs": rootfs_of, "history": history}).encode()
    blobs = [json.loads((one / "facts.json").read_text())["blob"] for one in packed]
    entries = [
        {"mediaType": LAYER, "size": (one / "layer.tar.gz").stat().st_size, "digest": blob}
        for one, blob in zip(packed, blobs, strict=True)
    ]
    for one, blob in zip(packed, blobs, strict=True):
        _upload(address, name, blob, one / "layer.tar.gz")
    digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
    with tempfile.NamedTemporaryFile() as file:
        file.write(config)
        file.flush()
        _upload(address, name, digest, Path(file.name))
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "size": len(config), "digest": digest},
        "layers": entries,
    }
    connection = http.client.HTTPConnection(address)
    headers = {"Content-Type": MANIFEST}
    connection.request("PUT", f"/v2/{name}/manifests/{tag}", json.dumps(manifest).encode(), headers)
    _expect(connection.getresponse(), 201)


def _upload(address: str, name: str, digest: str, file: Path) -> None:
    """Upload a blob unless the repository has it."""
    connection = http.client.HTTPConnection(address)
    connection.request("HEAD", f"/v2/{name}/blobs/{digest}")
    answer = connection.getresponse()
    answer.read()
    if answer.status == 200:
        return
    connection.request("POST", f"/v2/{name}/blobs/uploads/")
    answer = connection.getresponse()
    _expect(answer, 202)
    at = urlsplit(answer.headers["Location"])
    with file.open("rb") as body:
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(file.stat().st_size)}
        connection.request("PUT", f"{at.path}?{at.query}&digest={digest}", body, headers)
        _expect(connection.getresponse(), 201)


def _expect(answer: http.client.HTTPResponse, status: int) -> None:
    text = answer.read()
    if answer.status != status:
        raise RuntimeError(f"the registry answers {answer.status}: {text[:500].decode()}")


def pack(folder: Path) -> Path:
    """Return the part with a folder as `layer.tar.gz`, its digest and that of the plain archive in `facts.json`."""
    inner = folder.name if folder.parent == cache.CACHE else f"{folder.parent.name}"

    def make(target: Path) -> None:
        plain = target / "layer.tar"
        subprocess.run(
            ["tar", "--create", "--numeric-owner", "--sort=name", "-C", str(folder), "--file", str(plain), "."],
            check=True,
        )
        diff = _digest(plain)
        subprocess.run(["gzip", "-1", "--no-name", str(plain)], check=True)
        facts = {"diff": diff, "blob": _digest(target / "layer.tar.gz")}
        (target / "facts.json").write_text(json.dumps(facts))

    return cache.part(f"packed-{inner.rpartition('-')[0]}", [inner], make)


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return f"sha256:{hashlib.file_digest(content, 'sha256').hexdigest()}"


def _program(name: str, below: str) -> Path:
    """Return a folder with nothing but a program."""
    built = programs.build(name)

    def make(folder: Path) -> None:
        (folder / below).mkdir(parents=True, exist_ok=True)
        shutil.copy(built, folder / below / name)

    return cache.part(f"alone-{name}", [built.parent.name, below], make)


def _certificates(base: Path) -> Path:
    """Return a folder with the certificates of the authorities that Debian trusts, and a folder for temporary files."""

    def make(folder: Path) -> None:
        bundle = folder / "etc/ssl/certs"
        bundle.mkdir(parents=True)
        shutil.copy(base / "etc/ssl/certs/ca-certificates.crt", bundle)
        (folder / "tmp").mkdir()
        (folder / "tmp").chmod(0o1777)

    return cache.part("certificates", [base.name], make)


def _entry(name: str) -> dict[str, object]:
    return {"Env": [PATH], "Entrypoint": [f"/usr/local/bin/{name}"]}


def _helper(name: str) -> str:
    """Return the version of an image that minikube takes for this Kubernetes."""
    return programs.helper_images()[name]


def _postgres() -> str:
    """Return the image that the chart of PostgreSQL names."""
    values = (programs.ROOT / "infrastructure/charts/postgres/values.yaml").read_text()
    return next(line.removeprefix("image: ") for line in values.splitlines() if line.startswith("image: "))
