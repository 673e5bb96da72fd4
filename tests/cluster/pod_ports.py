"""The kubelet's end of a port-forward over a WebSocket, and small servers that stand in for pods."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

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
    """What `forward.connect` reads of the client's configuration."""

    host: str
    tls_server_name: str = ""

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
