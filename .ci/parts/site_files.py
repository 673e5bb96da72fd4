"""The files that a laptop would download, under the host and path at which the world has them."""

import hashlib
import io
import json
import os
import shutil
import tarfile
from pathlib import Path

import cache
import programs

SYSTEM = "linux-amd64"


def folder() -> Path:
    """Return a folder with one folder for each host."""
    minikube, helm = programs.build("minikube"), programs.build("helm")
    binaries = {name: programs.build(name) for name in programs.KUBERNETES_BINARIES}
    chart = programs.source(f"github.com/dapr/dapr@{programs.DAPR}") / "charts/dapr"

    def make(root: Path) -> None:
        _minikube(root, minikube)
        _helm(root, helm)
        for name, path in binaries.items():
            where = root / "dl.k8s.io/release" / programs.KUBERNETES / "bin/linux/amd64" / name
            _place(path, where)
            where.with_name(f"{name}.sha256").write_text(_sha256(where))
        _dapr(root, chart)
        _readable(root)

    built = [path.parent.name for path in (minikube, helm, *binaries.values())]
    return cache.part("site", [*built, programs.DAPR, Path(__file__)], make)


def _minikube(root: Path, program: Path) -> None:
    """Place the program where GitHub keeps a release's files, and the list of Kubernetes' releases."""
    where = root / "github.com/kubernetes/minikube/releases/download" / programs.MINIKUBE / f"minikube-{SYSTEM}"
    _place(program, where)
    where.with_name(f"{where.name}.sha256").write_text(f"{_sha256(where)}\n")
    releases = root / "api.github.com/repos/kubernetes/kubernetes/releases"
    releases.parent.mkdir(parents=True)
    releases.write_text(json.dumps([{"tag_name": programs.KUBERNETES, "name": programs.KUBERNETES}]))


def _helm(root: Path, program: Path) -> None:
    name = f"helm-{programs.HELM}-{SYSTEM}.tar.gz"
    where = root / "get.helm.sh" / name
    where.parent.mkdir(parents=True)
    with tarfile.open(where, "w:gz", compresslevel=1) as packed:
        packed.add(program, f"{SYSTEM}/helm")
    where.with_name(f"{name}.sha256sum").write_text(f"{_sha256(where)}  {name}\n")


def _dapr(root: Path, chart: Path) -> None:
    """Pack Dapr's chart as its release does: the version in place of the one of the source."""
    version = programs.DAPR[1:]
    name = f"dapr-{version}.tgz"
    where = root / "dapr.github.io/helm-charts" / name
    where.parent.mkdir(parents=True)
    with tarfile.open(where, "w:gz", compresslevel=1) as packed:
        for path in sorted(file for file in chart.rglob("*") if file.is_file() and file.suffix != ".go"):
            content = path.read_bytes()
            if path.name == "Chart.yaml":
                content = content.replace(b"'0.0.0'", f"'{version}'".encode())
            if path == chart / "values.yaml":
                content = content.replace(b"tag: 'edge'", f"tag: '{version}'".encode())
            entry = tarfile.TarInfo(f"dapr/{path.relative_to(chart)}")
            entry.size, entry.mode = len(content), 0o644
            packed.addfile(entry, io.BytesIO(content))
    url = f"https://dapr.github.io/helm-charts/{name}"
    entry_of = {"name": "dapr", "apiVersion": "v2", "version": version, "digest": _sha256(where), "urls": [url]}
    index = {"apiVersion": "v1", "entries": {"dapr": [entry_of]}}
    (where.parent / "index.yaml").write_text(json.dumps(index))  # which is YAML as well


def _place(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _readable(root: Path) -> None:
    for path in root.rglob("*"):
        path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
