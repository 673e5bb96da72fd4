"""What a Kafka broker says of its own addresses. Standard library alone: the source of this file also runs in a pod."""

import socket
import struct

METADATA, VERSION, CORRELATION = 3, 1, 1
CLIENT = b"inv-probe"
LARGEST = 1 << 20  # bytes of an answer; more is not Kafka


def brokers(host: str, port: int, timeout: float) -> list[tuple[str, int]]:
    """The host and port of every broker, as the broker at `host:port` advertises them on the listener asked.

    `timeout` is in seconds, for each step of the way. Raises OSError when nobody answers, or not in Kafka's protocol.
    """
    # Version 1 of the request with an empty list of topics: brokers alone.
    body = struct.pack(">hhih", METADATA, VERSION, CORRELATION, len(CLIENT)) + CLIENT + struct.pack(">i", 0)
    with socket.create_connection((host, port), timeout) as connection:
        connection.sendall(struct.pack(">i", len(body)) + body)
        (size,) = struct.unpack(">i", _exactly(connection, 4))
        if not 8 <= size <= LARGEST:
            raise OSError(f"{host}:{port} answered, and not in Kafka's protocol")
        answer = _exactly(connection, size)
    try:
        return _addresses(answer)
    except (struct.error, ValueError, IndexError) as error:
        raise OSError(f"{host}:{port} answered, and not in Kafka's protocol: {error}") from error


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        if not chunk:
            raise ConnectionResetError("the connection was closed before the answer was whole")
        data += chunk
    return data


def _addresses(answer: bytes) -> list[tuple[str, int]]:
    correlation, count = struct.unpack_from(">ii", answer)
    if correlation != CORRELATION or not 0 <= count <= len(answer):
        raise ValueError("the answer is to another question")
    at, found = 8, []
    for _ in range(count):
        _node, length = struct.unpack_from(">ih", answer, at)
        at += 6
        if length < 0:
            raise ValueError("a broker has no host")
        name = answer[at : at + length].decode()
        (port,) = struct.unpack_from(">i", answer, at + length)
        (rack,) = struct.unpack_from(">h", answer, at + length + 4)
        found.append((name, port))
        at += length + 6 + max(rack, 0)
    return found
