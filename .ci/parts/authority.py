"""A certificate authority of our own, and the certificate of the server that stands for the outside world."""

import shutil
import subprocess
from pathlib import Path

import cache

NAME = "taskapp-ci.crt"
DAYS = "3650"
# Every name at which what a laptop would download is offered; the last is a company's mirror.
HOSTS = (
    *("github.com", "api.github.com", "objects.githubusercontent.com", "get.helm.sh", "dapr.github.io"),
    *("dl.k8s.io", "cdn.dl.k8s.io", "storage.googleapis.com"),
    *("registry.k8s.io", "gcr.io", "ghcr.io", "docker.io", "index.docker.io", "registry-1.docker.io", "auth.docker.io"),
    "mirror.test",
)


def folder() -> Path:
    """Return the folder with `ca.crt`, `server.crt` and `server.key`."""

    def make(target: Path) -> None:
        names = ",".join(f"DNS:{host}" for host in HOSTS)
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", DAYS]
        _openssl(
            target, "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=taskapp CI authority"
        )
        signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-addext", f"subjectAltName={names}"]
        constraints = ["-addext", "basicConstraints=critical,CA:FALSE"]
        subject = ["-subj", "/CN=taskapp CI"]
        _openssl(
            target, "req", "-x509", *key, *signed, *constraints, *subject, "-keyout", "server.key", "-out", "server.crt"
        )
        (target / "ca.key").unlink()

    return cache.part("authority", [*HOSTS, Path(__file__)], make)


def certificate() -> Path:
    """Return the authority's certificate."""
    return folder() / "ca.crt"


def trust(root: Path) -> None:
    """Add the authority to those that a root file system trusts."""
    shutil.copyfile(certificate(), root / "usr/local/share/ca-certificates" / NAME)
    subprocess.run(["chroot", str(root), "update-ca-certificates"], check=True, capture_output=True)


def _openssl(target: Path, *args: str) -> None:
    subprocess.run(["openssl", *args], cwd=target, check=True, capture_output=True)
