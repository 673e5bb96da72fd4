"""The engine that tests start leaves nothing behind when they are killed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests import engine, parts
from tests.waits import until

ROOT = Path(__file__).parents[1]
TESTS_WITH_A_CONTAINER = """\
import sys, time
from pathlib import Path
from bootstrap.clients import docker_engine
from tests import engine

with engine.daemon(Path(sys.argv[1])) as address:
    client = docker_engine.connect({"DOCKER_HOST": address})
    engine.import_stand_in(client)
    at = ["--kafka-addr", "a://0.0.0.0:9092", "--advertise-kafka-addr", "a://127.0.0.1:9092"]
    client.containers.run(engine.IMAGE, at, detach=True)
    print("running", flush=True)
    time.sleep(600)
"""


@pytest.mark.real("docker", "busybox")
def test_of_killed_tests_no_process_and_no_mount_is_left(tmp_path_factory: pytest.TempPathFactory) -> None:
    if parts.dockerd(os.environ) is None or os.geteuid() != 0:
        engine.missing("no dockerd can be started here")
    folder = tmp_path_factory.mktemp("dockerd")
    with subprocess.Popen(
        [sys.executable, "-c", TESTS_WITH_A_CONTAINER, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as tests:
        assert tests.stdout
        try:
            assert tests.stdout.readline() == "running\n"
            assert processes(folder) >= 4, "the tests, the daemon, containerd, and a shim"
        finally:
            tests.kill()

    until(lambda: processes(folder) == 0)
    assert str(folder) not in Path("/proc/self/mounts").read_text()
    shutil.rmtree(folder)
    with engine.daemon(tmp_path_factory.mktemp("dockerd")):
        """The next one takes back the bridge."""


def processes(folder: Path) -> int:
    """How many have the folder in their arguments."""
    return sum(
        str(folder) in " ".join(process.info["cmdline"] or ())
        for process in psutil.process_iter(["cmdline"])
        if process.pid != os.getpid()
    )
