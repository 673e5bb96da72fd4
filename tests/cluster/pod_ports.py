"""The kubelet's end of a port-forward over a WebSocket, and small servers that stand in for pods."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from websockets.asyncio.server import ServerConnection as AsyncServerConnection
from websockets.asyncio.server import serve as serve_async
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

PROTOCOL = Subprotocol("v4.channel.k8s.io")


@contextmanager
def tcp_server(serve_one: Callable[[socket.socket], None]) -> Iterator[int]:
    """A TCP server on loopback that gives each connection to `serve_one`, on a thread; its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:

        def accept() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=run, args=(client,), daemon=True).start()

        def run(client: socket.socket) -> None:
            with client, suppress(OSError):
                serve_one(client)

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def echo(client: socket.socket) -> None:
    """Says what it hears, until nothing more comes."""
    while data := client.recv(65536):
        client.sendall(data)


@dataclass
class Settings:
    """What `forward.carry` reads of the client's configuration."""

    host: str
    tls_server_name: str = ""
    verify_ssl: bool = True
    ssl_ca_cert: str = ""
    cert_file: str = ""

    def auth_settings(self) -> dict[str, dict[str, str]]:
        return {"BearerToken": {"value": "Bearer the-token"}}


@contextmanager
def kubelet(ports: dict[str, int], asked: list[str] | None = None) -> Iterator[Settings]:
    """Forwards to the ports, by the name of their pod; 404 for others. `asked`: the path and token of each request."""

    def refuse(connection: ServerConnection, request: Request) -> Response | None:
        if asked is not None:
            asked.append(f"{request.path} {request.headers.get('Authorization')}")
        if request.path.split("/")[6] in ports:
            return None
        return connection.respond(404, '{"message": "pods \\"gone\\" not found"}')

    def forward(connection: ServerConnection) -> None:
        assert connection.request is not None
        pod = connection.request.path.split("/")[6]
        port = ports[pod].to_bytes(2, "little")
        connection.send(b"\0" + port)
        connection.send(b"\1" + port)
        try:
            to_pod = socket.create_connection(("127.0.0.1", ports[pod]), timeout=10)
        except OSError as error:
            connection.send(b"\1" + str(error).encode())
            return
        with to_pod:

            def back() -> None:
                with suppress(OSError, ConnectionClosed):
                    while data := to_pod.recv(32768):
                        connection.send(b"\0" + data)
                connection.close()

            threading.Thread(target=back, daemon=True).start()
            with suppress(OSError, ConnectionClosed):
                for frame in connection:
                    assert isinstance(frame, bytes)
                    to_pod.sendall(frame[1:])
            with suppress(OSError):
                to_pod.shutdown(socket.SHUT_RDWR)

    with serve(
        forward, "127.0.0.1", 0, process_request=refuse, subprotocols=[PROTOCOL], compression=None, max_size=None
    ) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield Settings(f"http://127.0.0.1:{server.socket.getsockname()[1]}")
        server.shutdown()
        thread.join()


@contextmanager
def echo_over_tls(certificates: Path) -> Iterator[Settings]:
    """An API whose pods say what they hear, over TLS; `certificates` as `tests.certificates.write` makes them."""

    async def answer(connection: AsyncServerConnection) -> None:
        for channel in (b"\0", b"\1"):
            await connection.send(channel + b"\0\0")
        async for frame in connection:
            await connection.send(frame)

    async def run() -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
        options: dict[str, Any] = {"subprotocols": [PROTOCOL], "compression": None, "ssl": context}
        async with serve_async(answer, "127.0.0.1", 0, **options) as server:
            started.set_result((asyncio.get_running_loop(), server.sockets[0].getsockname()[1]))
            await ended.wait()

    started: Future[tuple[asyncio.AbstractEventLoop, int]] = Future()
    ended = asyncio.Event()
    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    loop, port = started.result(10)
    yield Settings(f"https://127.0.0.1:{port}", ssl_ca_cert=str(certificates / "ca.pem"))
    loop.call_soon_threadsafe(ended.set)
    thread.join()
