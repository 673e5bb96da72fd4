"""`kill -9` in the middle of the cluster's start and of a release: the next `up` is green."""

import os
import queue
import signal
import subprocess
import threading
import time

import pytest

from bootstrap.core.env import Env
from tests.local.conftest import Checkout

pytestmark = [pytest.mark.live, pytest.mark.real("docker")]


def kill_when(live: Checkout, *args: str, seen: str, after: float) -> None:
    """Start `./inv ARGS`, and kill it and all that it started `after` seconds from a line that has `seen` in it."""
    child = live.start(*args)
    assert child.stdout is not None
    lines: queue.Queue[str | None] = queue.Queue()
    output = child.stdout

    def read() -> None:
        for line in output:
            lines.put(line)
        lines.put(None)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    printed = ""
    deadline = time.monotonic() + live.limit
    while seen not in printed:
        line = lines.get(timeout=max(0.1, deadline - time.monotonic()))
        assert line is not None, f"it ended before it said {seen!r}:\n{printed}"
        printed += line
    time.sleep(after)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    reader.join()
    output.close()


def test_killed_while_the_control_plane_boots(live: Checkout, env: Env) -> None:
    """At the moment at which minikube alone leaves a cluster without its network and its name server."""
    live.inv("down", "--purge", "--yes")
    kill_when(live, "up", "--on", "minikube", seen="Booting", after=10.0)
    assert "up and proven" in live.inv("up")


def test_killed_in_the_middle_of_a_release(live: Checkout, env: Env) -> None:
    subprocess.run(["docker", "exec", env.context, "true"], check=True)
    source = live.path / "services/audit-service/audit_service/__main__.py"
    source.write_text(source.read_text() + "\n# a changed line\n")
    kill_when(live, "rebuild", "audit-service", seen="audit-service", after=2.0)
    assert "up and proven" in live.inv("up")
