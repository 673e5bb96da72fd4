"""Build Go programs: modules at pinned versions, verified by the hashes in go.sum files and in `MODULES`."""

import json
import os
import re
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cache

ROOT = cache.HERE.parents[1]
with (ROOT / "environment.toml").open("rb") as _file:
    MANIFEST = tomllib.load(_file)
KUBERNETES, MINIKUBE = f"v{MANIFEST['cluster']['kubernetes']}", f"v{MANIFEST['tools']['minikube']}"
HELM, DAPR = f"v{MANIFEST['tools']['helm']}", f"v{MANIFEST['dapr']['version']}"
STORAGE_PROVISIONER = "v5"

# Modules that are built as they are, with the dependencies of their own go.sum: the hash of each module.
MODULES = {
    "github.com/Mirantis/cri-dockerd@v0.3.17": "h1:A/z4K9wbqCrc24mBEoPHRac7MgsuSf1ACE8TJOzV/M0=",
    "github.com/coredns/coredns@v1.13.1": "h1:yhYvf/QVwHNjBK65RkC8d9VW91dP9XKem3BOon4eokg=",
    "helm.sh/helm/v4@v4.1.4": "h1:zwTrNkalG4f7SYigRSdQnYrTj0QEz1qzetzAlYoDVSo=",
    "k8s.io/minikube@v1.38.1": "h1:urjR4342qaMMoIdhivlUhHPWLsVE4b1fmFRdnL+wD8Y=",
    "sigs.k8s.io/cri-tools@v1.34.0": "h1:KqL9EJ+WgHtz1HR1exezm91n+o8O2uMLs/eHzHJHAWw=",
}
_MAJOR, _MINOR = KUBERNETES[1:].split(".")[:2]
_VERSION = "k8s.io/component-base/version"


@dataclass(frozen=True)
class Program:
    """A program: its package, the module in `MODULES` or the folder with a go.mod of ours, and what is linked in.

    `main` is a file of ours that is built in the place of the module's package, with all that the module pins.
    """

    package: str
    module: str | Path
    values: Mapping[str, str]  # variable: value, for the linker
    tags: str = ""
    cgo: bool = False  # else it is static, and can be alone in an image
    main: Path | None = None

    @property
    def folder(self) -> Path:
        """The folder in which it is built. Downloads its module."""
        return self.module if isinstance(self.module, Path) else source(self.module)


def source(module: str) -> Path:
    """Return the folder of a downloaded module. Raises ValueError when its content is not the one that is pinned."""
    done = subprocess.run(["go", "mod", "download", "-json", module], check=True, capture_output=True, text=True)
    answer = json.loads(done.stdout)
    if module in MODULES and answer["Sum"] != MODULES[module]:
        raise ValueError(f"{module} is {answer['Sum']}, pinned is {MODULES[module]}")
    return Path(answer["Dir"])


def node_image_version() -> str:
    """Return the tag of the node image that this minikube asks for."""
    text = (source(module_of("minikube")) / "pkg/drivers/kic/types.go").read_text()
    found = re.search(r'^\tVersion = "(v[^"]+)"$', text, re.MULTILINE)
    if found is None:
        raise ValueError("minikube's source does not name its node image any more")
    return found[1]


def helper_images() -> dict[str, str]:
    """Return the version of each image that minikube takes beside those of Kubernetes itself."""
    text = (source(module_of("minikube")) / "pkg/minikube/constants/constants_kubeadm_images.go").read_text()
    table = text.partition(f'"{KUBERNETES}": {{')[2].partition("}")[0]
    return dict(re.findall(r'"([^"]+)":\s+"([^"]+)"', table))


def module_of(name: str) -> str:
    """Return the module in `MODULES` whose path has that name in it."""
    return next(module for module in MODULES if name in module)


def _kubernetes(name: str) -> Program:
    values = {"gitVersion": KUBERNETES, "gitMajor": _MAJOR, "gitMinor": _MINOR, "gitTreeState": "clean"}
    return Program(
        f"k8s.io/kubernetes/cmd/{name}",
        cache.HERE / "go/kubernetes",
        {f"{_VERSION}.{key}": value for key, value in values.items()},
    )


def _dapr(name: str) -> Program:
    package = "." if name == "daprd" else f"github.com/dapr/dapr/cmd/{name}"
    version = {"github.com/dapr/dapr/pkg/buildinfo.version": DAPR[1:]}
    return Program(package, cache.HERE / "go/dapr", version, "stablecomponents" if name == "daprd" else "")


KUBERNETES_BINARIES = ("kubeadm", "kubelet", "kubectl")
CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
DAPR_CONTROL_PLANE = ("operator", "sentry", "injector")
PROGRAMS = {
    # First what the tests need that run while the rest is built.
    "daprd": _dapr("daprd"),
    "helm": Program("./cmd/helm", module_of("helm.sh"), {"helm.sh/helm/v4/internal/version.version": HELM}),
    "minikube": Program(
        "./cmd/minikube",
        module_of("minikube"),
        {
            "k8s.io/minikube/pkg/version.version": MINIKUBE,
            "k8s.io/minikube/pkg/version.storageProvisionerVersion": STORAGE_PROVISIONER,
        },
        "libvirt_dlopen",
        cgo=True,
    ),
    **{name: _kubernetes(name) for name in (*KUBERNETES_BINARIES, *CONTROL_PLANE)},
    **{name: _dapr(name) for name in DAPR_CONTROL_PLANE},
    "etcd": Program("go.etcd.io/etcd/server/v3", cache.HERE / "go/etcd", {}),
    "coredns": Program(".", module_of("coredns"), {}),
    "storage-provisioner": Program(
        "./cmd/storage-provisioner",
        module_of("minikube"),
        {"k8s.io/minikube/pkg/storage.version": STORAGE_PROVISIONER},
        main=cache.HERE / "go/storage-provisioner/main.go",
    ),
    "cri-dockerd": Program(
        ".", module_of("cri-dockerd"), {"github.com/Mirantis/cri-dockerd/cmd/version.Version": "0.3.17"}
    ),
    "crictl": Program("./cmd/crictl", module_of("cri-tools"), {"sigs.k8s.io/cri-tools/pkg/version.Version": "v1.34.0"}),
    "pause": Program(".", cache.HERE / "go/pause", {}),
    "runc-less": Program(".", cache.HERE / "go/runc-less", {}),
}


def build(name: str) -> Path:
    """Return the program `name`, built unless the cache has it."""
    program = PROGRAMS[name]
    ours = isinstance(program.module, Path)
    compiler = subprocess.run(["go", "version"], check=True, capture_output=True, text=True).stdout
    values = json.dumps(dict(program.values))
    inputs = [compiler, program.package, program.module, values, program.tags, str(program.cgo)]
    if not ours:
        inputs.append(MODULES[str(program.module)])
    if program.main:
        inputs.append(program.main)

    def make(folder: Path) -> None:
        flags = " ".join(["-s", "-w", *(f"-X {key}={value}" for key, value in program.values.items())])
        command = ["go", "build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-tags", program.tags]
        place = _with_main(program.folder, program.main, folder / "module") if program.main else program.folder
        subprocess.run(
            [*command, "-ldflags", flags, "-o", str(folder / name), "." if program.main else program.package],
            cwd=place,
            env={**os.environ, "CGO_ENABLED": str(int(program.cgo)), "GOFLAGS": "", "GOWORK": "off"},
            check=True,
        )

    return cache.part(name, inputs, make) / name


def _with_main(module: Path, main: Path, place: Path) -> Path:
    """Make at `place` a module of that one main program, which requires `module` and all that it requires."""
    place.mkdir()
    (place / "main.go").write_bytes(main.read_bytes())
    (place / "go.sum").write_bytes((module / "go.sum").read_bytes())
    first, _, required = (module / "go.mod").read_text().partition("\n")
    path = first.removeprefix("module ")
    (place / "go.mod").write_text(f"module main\n{required}\nrequire {path} v0.0.0\n\nreplace {path} => {module}\n")
    return place
