"""What each image has beyond the base, as a folder: Python, PostgreSQL, Kafka, and the tools of kube-proxy."""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

import cache
import rootfs

POSTGRES_USER, REDPANDA_USER = 999, 101  # of the official images; charts and volumes count on them
DATA = "var/lib/redpanda/data"


def python() -> Path:
    """Return the layer of the services' base image: Python with pip and venv, called `python` too."""

    def fill(root: Path) -> None:
        (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")

    return rootfs.layer("python", "python3 python3-venv python3-pip", [Path(__file__)], fill)


def proxy() -> Path:
    """Return the layer with what kube-proxy calls."""
    return rootfs.layer("proxy", "iptables nftables conntrack kmod", [], lambda _: None)


def postgres() -> Path:
    """Return the layer of PostgreSQL 17, with Debian's client programs."""
    archive = _jars("postgres")

    def fill(root: Path) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            (jar,) = archive.glob("*.jar")
            shutil.unpack_archive(jar, scratch, "zip")
            (packed,) = Path(scratch).glob("*.txz")
            _run("tar", "--extract", "--xz", "--no-same-owner", "--file", str(packed), "-C", str(root / "usr/local"))
        _run("chroot", str(root), "ldconfig")
        _install(cache.HERE / "postgres/entrypoint", root / "entrypoint")
        _user(root, "postgres", POSTGRES_USER, "/var/lib/postgresql")
        for folder in ("var/lib/postgresql/data", "var/run/postgresql"):
            (root / folder).mkdir(parents=True, exist_ok=True)
            _run("chown", "--recursive", f"{POSTGRES_USER}:{POSTGRES_USER}", str(root / folder))

    packages = "postgresql-client libxml2 libxslt1.1 libssl3 libreadline8 libuuid1 liblz4-1 libzstd1 libicu72"
    return rootfs.layer("postgres", packages, [archive.name, cache.HERE / "postgres", Path(__file__)], fill)


def kafka() -> Path:
    """Return the layer of Kafka behind Redpanda's command line."""
    jars = _jars("kafka")

    def fill(root: Path) -> None:
        (root / "opt/kafka").mkdir(parents=True)
        for jar in jars.glob("*.jar"):
            shutil.copy(jar, root / "opt/kafka")
        shutil.copy(cache.HERE / "kafka/log4j2.properties", root / "opt/kafka")
        _install(cache.HERE / "kafka/entrypoint", root / "entrypoint")
        _user(root, "redpanda", REDPANDA_USER, "/var/lib/redpanda")
        (root / DATA).mkdir(parents=True)
        _run("chown", "--recursive", f"{REDPANDA_USER}:{REDPANDA_USER}", str(root / "var/lib/redpanda"))

    packages = "openjdk-17-jre-headless python3-minimal"
    return rootfs.layer("kafka", packages, [jars.name, cache.HERE / "kafka", Path(__file__)], fill)


def _jars(name: str) -> Path:
    """Return the folder of the jars that a pom.xml names. Raises ValueError when one is not what was pinned."""
    pinned = cache.HERE / name / "jars.sha256"
    pom = cache.HERE / name / "pom.xml"

    def make(folder: Path) -> None:
        _run("mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={folder}")
        found = "".join(
            f"{hashlib.sha256(jar.read_bytes()).hexdigest()}  {jar.name}\n" for jar in sorted(folder.glob("*.jar"))
        )
        if sorted(found.splitlines()) != sorted(pinned.read_text().splitlines()):
            raise ValueError(f"the jars of {name} are not those that are pinned:\n{found}")

    return cache.part(f"jars-{name}", [pom, pinned], make)


def _user(root: Path, name: str, uid: int, home: str) -> None:
    for command in (f"groupadd --gid {uid} {name}", f"useradd --uid {uid} --gid {uid} --home-dir {home} {name}"):
        _run("chroot", str(root), *command.split())


def _install(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    target.chmod(0o755)


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True)
