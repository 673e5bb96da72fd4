"""A connection to a port of a pod, through the API: the WebSocket form of port-forwarding (`v4.channel.k8s.io`).

Not the Python client's own: that one takes the proxy of the user's shell even to loopback, and drops the answer to
whoever has said all and only listens.
"""

import select
import socket
import ssl
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

PROTOCOL = "v4.channel.k8s.io"
DATA, ERROR = 0, 1  # the channels of the first port; each frame begins with its channel
CHUNK = 65536  # bytes
OPEN, CLOSE = 10.0, 1.0  # seconds for the handshakes
LOOK = 0.1  # seconds between looks at whether the client is still there
SILENCE = 10.0  # seconds without a byte after which an answer to one who has said all is over


def connect(settings: Any, namespace: str, pod: str, port: int) -> "ClientConnection":
    """The WebSocket to `port` on the loopback of a pod. `settings` is the client's `Configuration`.

    Raises what the Python client raises where the API refuses, OSError where it does not answer.
    """
    from kubernetes.client import ApiException
    from websockets.exceptions import InvalidHandshake, InvalidStatus
    from websockets.sync.client import connect
    from websockets.typing import Subprotocol

    url = f"{settings.host}/api/v1/namespaces/{namespace}/pods/{pod}/portforward?ports={port}"
    token = settings.auth_settings().get("BearerToken", {}).get("value")
    try:
        opened = connect(
            url.replace("http", "ws", 1),
            ssl=_tls(settings) if url.startswith("https") else None,
            server_hostname=settings.tls_server_name or None,
            subprotocols=[Subprotocol(PROTOCOL)],
            additional_headers={"Authorization": token} if token else None,
            compression=None,
            proxy=None,
            open_timeout=OPEN,
            close_timeout=CLOSE,
            # The server's end is a kubelet's, which ends when the pod does.
            ping_interval=None,
            max_size=None,
        )
        return opened.__enter__()  # its end is `carry`'s, on another thread
    except InvalidStatus as error:
        refused = ApiException(status=error.response.status_code, reason=error.response.reason_phrase)
        refused.body = bytes(error.response.body or b"").decode(errors="replace")
        raise refused from error
    except InvalidHandshake as error:
        raise OSError(str(error)) from error


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


def carry(connection: "ClientConnection", client: socket.socket, silence: float = SILENCE) -> None:
    """Carries `client` over `connection` until both have said all; closes both.

    The protocol cannot say that a client will send no more. Its answer is carried on until the pod ends it, or for
    `silence` seconds without a byte.
    """
    from websockets.exceptions import ConnectionClosed

    def send() -> None:
        with suppress(OSError, ConnectionClosed):
            while data := client.recv(CHUNK):
                connection.send(bytes((DATA,)) + data)
        said_all.append(time.monotonic())

    said_all: list[float] = []  # when the client did
    sender = threading.Thread(target=send, name="forward", daemon=True)
    sender.start()
    opened: set[int] = set()
    heard = time.monotonic()
    try:
        while True:
            try:
                frame = connection.recv(timeout=LOOK)
            except TimeoutError:
                if said_all and (_is_gone(client) or time.monotonic() - max(heard, said_all[0]) > silence):
                    break
                continue
            heard = time.monotonic()
            channel, data = (frame[0], frame[1:]) if isinstance(frame, bytes) and frame else (ERROR, b"")
            if channel not in opened:
                opened.add(channel)  # its first frame repeats the port
            elif channel == DATA:
                client.sendall(data)
            else:
                break
    except (OSError, ConnectionClosed):
        pass
    finally:
        with suppress(OSError):
            client.shutdown(socket.SHUT_WR)  # what was sent is still delivered
        connection.close()
        sender.join(CLOSE)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
        client.close()


def _is_gone(client: socket.socket) -> bool:
    """Whether nobody listens any more: it was reset, or shut down in both directions on this side."""
    poll = select.poll()
    try:
        poll.register(client, 0)
    except (OSError, ValueError):
        return True
    return any(events & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, events in poll.poll(0))


def open_socket(settings: Any, namespace: str, pod: str, port: int) -> socket.socket:
    """The same as a socket; raises as `connect` does."""
    connection = connect(settings, namespace, pod, port)
    mine, far = socket.socketpair()
    threading.Thread(target=carry, args=(connection, far), name="forward", daemon=True).start()
    return mine
