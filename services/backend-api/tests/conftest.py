import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from backend_api.database import Database
from backend_api.main import BackendSettings, build_app
from taskapp.testing import FakeDapr

SERVICES = Path(__file__).parents[2]
LIMIT = 60.0  # seconds after which it never comes, on a busy machine too


class Clock:
    """A clock that stands still until it is told otherwise; sometimes it is the real one."""

    def __init__(self) -> None:
        self.at = datetime(2030, 1, 1, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def dapr() -> FakeDapr:
    return FakeDapr()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty SQLite database with the schema."""
    database = Database(f"sqlite:///{tmp_path}/tasks.db")
    database.migrate()
    yield database
    database.close()


@pytest.fixture
def client(tmp_path: Path, dapr: FakeDapr, clock: Clock) -> Iterator[TestClient]:
    """The whole app in this process, with the sidecar in memory."""
    settings = BackendSettings(
        port=1,
        app_id="backend-api",
        version="v",
        dapr_http_port=1,
        dapr_grpc_port=1,
        database_url=f"sqlite:///{tmp_path}/app.db",
        allowed_origins=("http://page:1",),
    )
    with TestClient(build_app(settings, sidecar=dapr, now=clock)) as client:
        until(lambda: client.get("/tasks").status_code == 200)
        yield client


def until(ready: Callable[[], object]) -> None:
    deadline = time.monotonic() + LIMIT
    while not ready():
        assert time.monotonic() < deadline, "not within the time given"
        time.sleep(0.01)


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    """Wait until something is true; fail after ten seconds."""
    return until


@pytest.fixture
def free_ports() -> Callable[[int], tuple[int, ...]]:
    """Ports of 127.0.0.1 that nobody listens on now."""

    def find(count: int) -> tuple[int, ...]:
        with ExitStack() as stack:
            sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
            for s in sockets:
                s.bind(("127.0.0.1", 0))
            return tuple(s.getsockname()[1] for s in sockets)

    return find


@pytest.fixture
def start_service(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start the real service as a process and wait until it answers; the rest is ended with the test."""
    with ExitStack() as stack:

        def start(port: int, http_port: int, grpc_port: int, url: str = "") -> subprocess.Popen[bytes]:
            variables = {
                "PYTHONPATH": f"{SERVICES / 'shared'}{os.pathsep}{SERVICES / 'backend-api'}",
                # A proxy that a developer's machine may have: it must not come between service and sidecar.
                "HTTP_PROXY": "http://127.0.0.1:9",
                "http_proxy": "http://127.0.0.1:9",
                "no_proxy": "example.org",
                "PORT": str(port),
                "APP_ID": "backend-api",
                "VERSION": "v",
                "DAPR_HTTP_PORT": str(http_port),
                "DAPR_GRPC_PORT": str(grpc_port),
                "DATABASE_URL": url or f"sqlite:///{tmp_path}/service.db",
            }
            log = stack.enter_context((tmp_path / f"service-{port}.log").open("ab"))
            process = subprocess.Popen(
                [sys.executable, "-m", "backend_api"], env=os.environ | variables, stdout=log, stderr=log
            )
            stack.callback(process.wait)
            stack.callback(process.kill)

            def answers() -> bool:
                assert process.poll() is None, (tmp_path / f"service-{port}.log").read_text()
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/tasks?limit=1", timeout=5):
                        return True
                except OSError:
                    return False

            until(answers)
            return process

        yield start


def postgres_binaries() -> Path | None:
    places = [Path(found).parent for name in ["postgres"] if (found := shutil.which(name))]
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((p for p in places if (p / "initdb").exists() and (p / "postgres").exists()), None)


@contextmanager
def running_postgres(binaries: Path, port: int) -> Iterator[str]:
    # The server refuses to run as root, and its account must be able to reach the folder.
    root = os.geteuid() == 0
    account = pwd.getpwnam("nobody") if root else None
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
        who = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
        data = f"{folder}/data"
        initdb = [binaries / "initdb", "-D", data, "-U", "tasks", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, timeout=60, **who)
        options = ["-c", f"port={port}", "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"]
        log = stack.enter_context(Path(folder, "log").open("wb"))
        server = subprocess.Popen(
            [binaries / "postgres", "-D", data, *options, "-c", "fsync=off"],
            cwd=folder,
            stdout=log,
            stderr=log,
            **who,
        )
        stack.callback(server.wait, 30)
        stack.callback(server.send_signal, 3)  # SIGQUIT: at once

        def ready() -> bool:
            assert server.poll() is None, Path(folder, "log").read_text()
            return b"ready to accept connections" in Path(folder, "log").read_bytes()

        until(ready)
        yield f"postgresql+psycopg://tasks@127.0.0.1:{port}/postgres"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server of its own; without the binaries the test is skipped, in CI it fails."""
    binaries = postgres_binaries()
    if binaries is None:
        message = "no initdb and postgres on PATH or below /usr/lib/postgresql: apt install postgresql"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    with running_postgres(binaries, port) as url:
        yield url
