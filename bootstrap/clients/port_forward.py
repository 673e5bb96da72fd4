"""A connection to a port of a pod, through the API: the WebSocket form of port-forwarding (`v4.channel.k8s.io`).

Not the Python client's own: that one takes the proxy of the user's shell even to loopback, and drops the answer to
whoever has said all and only listens. Each connection has an event loop of its own: OpenSSL does not bear that one
thread reads from a TLS connection while another writes to it, and what was written may then never be sent.
"""

import asyncio
import select
import socket
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection, connect

PROTOCOL = "v4.channel.k8s.io"
DATA, ERROR = 0, 1  # the channels of the first port; each frame begins with its channel
CHUNK_BYTES = 65536  # bytes
OPEN_TIMEOUT_S, CLOSE_TIMEOUT_S = 10.0, 1.0  # seconds for the handshakes
POLL_S = 0.1  # seconds between looks at whether the client is still there
SILENCE_TIMEOUT_S = 10.0  # seconds without a byte after which an answer to one who has said all is over


def carry(
    settings: Any,
    namespace: str,
    pod: str,
    port: int,
    client: socket.socket,
    silence: float = SILENCE_TIMEOUT_S,
    opened: Callable[[], object] = lambda: None,
) -> None:
    """Carries `client` to `port` on the loopback of a pod until both have said all; closes both.

    `settings` is the client's `Configuration`; `opened` hears that the pod is reached. The protocol cannot say that a
    client will send no more: its answer is carried on until the pod ends it, or for `silence` seconds without a byte.
    Raises what the Python client raises where the API refuses, OSError where it does not answer.
    """
    from kubernetes.client import ApiException
    from websockets.exceptions import InvalidHandshake, InvalidStatus

    async def through() -> None:
        async with _connection(settings, namespace, pod, port) as connection:
            opened()
            await _carry(connection, client, silence)

    client.setblocking(False)
    try:
        with client:
            asyncio.run(through())
    except InvalidStatus as error:
        refused = ApiException(status=error.response.status_code, reason=error.response.reason_phrase)
        refused.body = bytes(error.response.body or b"").decode(errors="replace")
        raise refused from error
    except InvalidHandshake as error:
        raise OSError(str(error)) from error


def open_socket(settings: Any, namespace: str, pod: str, port: int) -> socket.socket:
    """A socket to `port` on the loopback of a pod; raises as `carry` does."""
    mine, far = socket.socketpair()
    reached: Future[None] = Future()

    def run() -> None:
        try:
            carry(settings, namespace, pod, port, far, opened=lambda: reached.set_result(None))
        except Exception as error:
            if reached.done():
                raise
            reached.set_exception(error)

    threading.Thread(target=run, name="forward", daemon=True).start()
    try:
        reached.result()
    except BaseException:
        mine.close()
        raise
    return mine


def _connection(settings: Any, namespace: str, pod: str, port: int) -> "connect":
    from websockets.asyncio.client import connect
    from websockets.typing import Subprotocol

    api = urlsplit(settings.host)
    is_https = api.scheme == "https"
    token = settings.auth_settings().get("BearerToken", {}).get("value")
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/portforward?ports={port}"
    return connect(
        f"{settings.host.replace('http', 'ws', 1)}{path}",
        sock=socket.create_connection((api.hostname, api.port or (443 if is_https else 80)), OPEN_TIMEOUT_S),
        ssl=_tls(settings) if is_https else None,
        server_hostname=(settings.tls_server_name or api.hostname) if is_https else None,
        subprotocols=[Subprotocol(PROTOCOL)],
        additional_headers={"Authorization": token} if token else None,
        compression=None,
        proxy=None,
        open_timeout=OPEN_TIMEOUT_S,
        close_timeout=CLOSE_TIMEOUT_S,
        # The server's end is a kubelet's, which ends when the pod does.
        ping_interval=None,
        max_size=None,
    )


def _tls(settings: Any) -> ssl.SSLContext:
    if not settings.verify_ssl:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    else:
        context = ssl.create_default_context(cafile=settings.ssl_ca_cert)
        # As the Python client has it: the CA of a development cluster lacks what newer Pythons insist on.
        context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    if settings.cert_file:
        context.load_cert_chain(settings.cert_file, settings.key_file)
    return context


async def _carry(connection: "ClientConnection", client: socket.socket, silence: float) -> None:
    from websockets.exceptions import ConnectionClosed

    loop = asyncio.get_running_loop()
    said_all: list[float] = []  # when the client did

    async def send() -> None:
        with suppress(OSError, ConnectionClosed):
            while data := await loop.sock_recv(client, CHUNK_BYTES):
                await connection.send(bytes((DATA,)) + data)
        said_all.append(loop.time())

    sender = asyncio.create_task(send())
    opened: set[int] = set()
    on_line = loop.time()
    try:
        while True:
            try:
                async with asyncio.timeout(POLL_S):
                    frame = await connection.recv()
            except TimeoutError:
                if said_all and (_is_gone(client) or loop.time() - max(on_line, said_all[0]) > silence):
                    break
                continue
            on_line = loop.time()
            channel, data = (frame[0], frame[1:]) if isinstance(frame, bytes) and frame else (ERROR, b"")
            if channel not in opened:
                opened.add(channel)  # its first frame repeats the port
            elif channel == DATA:
                await loop.sock_sendall(client, data)
            else:
                break
    except (OSError, ConnectionClosed):
        pass
    finally:
        sender.cancel()
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)  # what was sent is still delivered


def _is_gone(client: socket.socket) -> bool:
    """Whether nobody listens any more: it was reset, or shut down in both directions on this side."""
    poll = select.poll()
    try:
        poll.register(client, 0)
    except (OSError, ValueError):
        return True
    return any(events & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, events in poll.poll(0))
