"""`local` from end to end, as a user would type it. The tests build on each other, in order."""

import contextlib
import json
import os
import re
import signal
import subprocess
from pathlib import Path

import httpx
import psutil
import pytest

from bootstrap.manifest import load
from tests.local.conftest import Checkout
from tests.waits import until

MAIN = Path("services/backend-api/backend_api/api.py")


def test_up_brings_everything_up_and_proves_it(checkout: Checkout) -> None:
    printed = checkout.inv("up", "--on", "local")
    assert "up and proven" in printed
    document = checkout.status()
    assert list(document["services"]) == list(load(checkout.path / "environment.toml").services)
    for service in document["services"].values():
        assert service["running"]
        assert service["url"] in printed


def test_nothing_listens_beyond_loopback(checkout: Checkout) -> None:
    pids = {process.pid for process in checkout.processes()}
    listeners = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN and c.pid in pids]
    assert len(listeners) >= 12
    # gRPC shows an IPv4 listener by its IPv6-mapped name.
    assert {c.laddr.ip.removeprefix("::ffff:") for c in listeners if c.laddr} == {"127.0.0.1"}


def test_a_second_up_starts_nothing_anew(checkout: Checkout) -> None:
    before = {name: p["pid"] for name, p in checkout.status()["processes"].items()}
    assert "up and proven" in checkout.inv("up", "--on", "local")
    assert {name: p["pid"] for name, p in checkout.status()["processes"].items()} == before


def test_verify_runs_the_smoke_tests(checkout: Checkout) -> None:
    result = json.loads(checkout.inv("verify", "--json"))
    assert result["passed"]
    assert len([t for t in result["tests"] if t["outcome"] == "passed"]) >= 6


def test_rebuild_runs_the_changed_code(checkout: Checkout) -> None:
    before = checkout.status()["services"]["backend-api"]
    source = checkout.path / MAIN
    source.write_text(source.read_text() + "\n# a changed line\n")
    document = checkout.status(green=False)
    assert document["gates"]["backend-api"]["code"] == "service-stale"
    printed = checkout.inv("rebuild", "backend-api")
    after = checkout.status(green=False)  # what runs now is not proven by the smoke tests yet
    assert {name for name, gate in after["gates"].items() if gate} == {"smoke"}
    after_service = after["services"]["backend-api"]
    assert after_service["version"] != before["version"]
    assert after_service["version"] in printed
    alive = httpx.get(f"{after_service['url']}/healthz", trust_env=False).json()
    assert alive["version"] == after_service["version"]
    assert after_service["pid"] != before["pid"]
    checkout.inv("verify")
    checkout.status()


def test_a_killed_service_is_noticed_and_healed(checkout: Checkout) -> None:
    pid = checkout.status()["services"]["audit-service"]["pid"]
    os.kill(pid, signal.SIGKILL)
    printed = checkout.inv("status", exit=1)
    assert "audit-service is not running" in printed
    checkout.inv("up", "--on", "local")
    assert checkout.status()["services"]["audit-service"]["pid"] != pid


@pytest.mark.parametrize("victim", ["broker", "notification-service.sidecar"])
def test_any_killed_process_is_healed_by_the_next_up(checkout: Checkout, victim: str) -> None:
    os.kill(checkout.status()["processes"][victim]["pid"], signal.SIGKILL)
    document = checkout.status(green=False)
    assert not document["processes"][victim]["running"]
    checkout.inv("up", "--on", "local")
    checkout.status()


def test_a_second_command_says_who_is_at_work(checkout: Checkout) -> None:
    checkout.inv("down")
    first = checkout.start("up", "--on", "local")
    lock = checkout.path / ".inv" / "lock"
    try:
        # `./inv` becomes the command by exec: the pid is the same.
        until(lambda: f'"pid": {first.pid},' in lock.read_text())
        printed = checkout.inv("down", exit=1)
    finally:
        said, _ = first.communicate(timeout=300)
    assert "environment-locked" in printed
    assert f"`inv up` (pid {first.pid})" in printed
    assert first.returncode == 0, said


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("after", [0.0, 0.5, 1.5])
def test_an_interrupted_up_ends_at_once_and_the_next_one_goes_on(
    checkout: Checkout, sign: signal.Signals, after: float
) -> None:
    checkout.inv("down")
    child = checkout.start("up", "--on", "local")
    lock = checkout.path / ".inv" / "lock"
    until(lambda: f'"pid": {child.pid},' in lock.read_text())
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.communicate(timeout=after)
    child.send_signal(sign)
    printed, _ = child.communicate(timeout=300)
    assert child.returncode == (-sign if sign == signal.SIGKILL else 130), printed
    assert "Traceback" not in printed
    if after == 1.5:
        checkout.inv("up", "--on", "local")
        checkout.status()


def test_logs_show_what_a_service_printed(checkout: Checkout) -> None:
    line = json.loads(checkout.inv("logs", "backend-api").splitlines()[-1])
    assert line["service"] == "backend-api"
    assert checkout.inv("logs", "backend-api", "--sidecar")
    assert "backend-api" in checkout.inv("logs", "backend-ap", exit=1)


def test_ctrl_c_ends_a_log_that_is_followed_and_says_nothing(checkout: Checkout) -> None:
    child = checkout.start("logs", "backend-api", "--follow")
    assert child.stdout
    assert json.loads(child.stdout.readline())["service"] == "backend-api"
    child.send_signal(signal.SIGINT)
    rest, _ = child.communicate(timeout=300)
    assert child.returncode == 130
    assert "inv up" not in rest


def test_down_leaves_no_process_and_no_port(checkout: Checkout) -> None:
    printed = checkout.inv("down")
    assert re.search(r"ended \d+ processes", printed)
    assert [p.cmdline() for p in checkout.processes()] == []
    assert checkout.listening() == set()
    assert "nothing was running" in checkout.inv("down")
    assert "not running" in checkout.inv("status", exit=1)
    assert "nothing-runs" in checkout.inv("verify", exit=1)


@pytest.mark.real("daprd")
def test_up_with_the_real_sidecar(checkout: Checkout) -> None:
    checkout.environ.pop("DAPRD")
    if "DAPRD" in os.environ:
        checkout.environ["DAPRD"] = os.environ["DAPRD"]
    try:
        checkout.inv("up", "--on", "local")
        names = {process.name() for process in checkout.processes()}
        assert any("daprd" in name for name in names), names
        assert json.loads(checkout.inv("verify", "--json"))["passed"]
        for path in (checkout.path / ".inv/local/dapr").glob("names.db*"):
            path.unlink()
        assert checkout.status(green=False)["gates"]["sidecars"]["code"] == "sidecar-without-name"
        checkout.inv("up")
        assert json.loads(checkout.inv("verify", "--json"))["passed"]
    finally:
        checkout.inv("down")
        checkout.environ["DAPRD"] = ""
