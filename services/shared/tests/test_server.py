import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path

SHARED = Path(__file__).parents[1]
SERVICE = textwrap.dedent("""
    import asyncio, os
    from taskapp.app import create_app
    from taskapp.server import serve
    from taskapp.settings import Settings

    settings = Settings.from_env(os.environ)
    app = create_app(settings)

    @app.get("/slow")
    async def slow() -> str:
        print("begun", flush=True)
        await asyncio.sleep(1)
        return "done"

    async def goodbye() -> None:
        print("goodbye", flush=True)

    serve(app, settings, on_stop=goodbye)
""")


def start(port: int) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": str(SHARED), "PORT": str(port), "APP_ID": "shop", "VERSION": "v"}
    return subprocess.Popen([sys.executable, "-c", SERVICE], env=env, text=True, stdout=subprocess.PIPE)


def test_sigterm_finishes_what_is_under_way_and_exits_0(free_ports: Callable[[int], tuple[int, ...]]) -> None:
    (port,) = free_ports(1)
    answers: list[bytes] = []

    def get() -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/slow", timeout=60) as answer:
            answers.append(answer.read())
            assert "server" not in answer.headers

    with start(port) as service:
        assert service.stdout is not None
        lines = iter(service.stdout.readline, "")
        next(line for line in lines if "Uvicorn running" in line)
        client = threading.Thread(target=get)
        client.start()
        next(line for line in lines if line == "begun\n")
        service.send_signal(signal.SIGTERM)
        rest = list(lines)
        assert service.wait(5) == 0
        client.join(5)
    assert answers == [b'"done"']
    assert "goodbye\n" in rest
    assert all(json.loads(line)["service"] == "shop" for line in rest if line != "goodbye\n")


def test_a_service_that_cannot_load_the_sdk_ends_and_says_why(
    tmp_path: Path, free_ports: Callable[[int], tuple[int, ...]]
) -> None:
    (tmp_path / "dapr").mkdir()
    (tmp_path / "dapr" / "__init__.py").write_text("import no_such_distribution\n")
    code = "from taskapp.app import create_app; from taskapp.sidecar import run; run(lambda s, *_: create_app(s))"
    ports = dict(zip(("PORT", "DAPR_HTTP_PORT", "DAPR_GRPC_PORT"), map(str, free_ports(3)), strict=True))
    env = {**os.environ, "PYTHONPATH": f"{tmp_path}:{SHARED}", "APP_ID": "shop", "VERSION": "v", **ports}
    done = subprocess.run([sys.executable, "-c", code], env=env, text=True, capture_output=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "ModuleNotFoundError: No module named 'no_such_distribution'"
