"""A connection to a pod through the API, over a real WebSocket."""

import http.client
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kubernetes.client import ApiException

from bootstrap.clients import port_forward
from bootstrap.clients.kubernetes_api import message
from tests import certificates
from tests.cluster.pod_ports import Settings, echo, echo_over_tls, kubelet, tcp_server
from tests.ports import free


def on_line(client: socket.socket) -> bytes:
    """All that comes until the other end is done."""
    client.settimeout(10)
    return b"".join(iter(lambda: client.recv(65536), b""))


def carried(told: Settings, pod: str = "shop-1", silence: float = port_forward.SILENCE_TIMEOUT_S) -> socket.socket:
    """The user's end of a connection that is carried to the pod."""
    mine, far = socket.socketpair()
    threading.Thread(target=port_forward.carry, args=(told, "small", pod, 8081, far, silence), daemon=True).start()
    return mine


def test_what_is_said_arrives_and_the_answer_comes_back() -> None:
    asked: list[str] = []
    with tcp_server(echo) as port, kubelet({"shop-1": port}, asked) as told, carried(told) as client:
        client.sendall(b"hello")
        assert client.recv(5) == b"hello"
    assert asked == ["/api/v1/namespaces/small/pods/shop-1/portforward?ports=8081 Bearer the-token"]


@settings(max_examples=8, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=300_000), min_size=1, max_size=4))
def test_bytes_come_back_as_they_were_sent(parts: list[bytes]) -> None:
    whole = b"".join(parts)
    with tcp_server(echo) as port, kubelet({"shop-1": port}) as told, carried(told, silence=0.5) as client:

        def notify() -> None:
            for part in parts:
                client.sendall(part)
            client.shutdown(socket.SHUT_WR)

        speaker = threading.Thread(target=notify)
        speaker.start()
        assert on_line(client) == whole
        speaker.join()


def test_one_who_has_said_all_still_hears_the_answer() -> None:
    def slow(client: socket.socket) -> None:
        assert client.recv(100) == b"question"
        threading.Event().wait(0.2)
        client.sendall(b"answer")

    with tcp_server(slow) as port, kubelet({"shop-1": port}) as told, carried(told) as client:
        client.sendall(b"question")
        client.shutdown(socket.SHUT_WR)
        assert on_line(client) == b"answer"


def test_a_client_that_went_away_ends_the_connection_in_the_pod() -> None:
    ended = threading.Event()

    def serve(client: socket.socket) -> None:
        echo(client)
        ended.set()

    with tcp_server(serve) as port, kubelet({"shop-1": port}) as told:
        with carried(told) as client:
            client.sendall(b"x")
            assert client.recv(1) == b"x"
        assert ended.wait(10)


def test_a_port_where_nobody_listens_ends_the_connection() -> None:
    with kubelet({"shop-1": free()}) as told, carried(told) as client:
        assert on_line(client) == b""


def test_a_pod_that_is_gone_is_refused_as_the_api_refuses() -> None:
    with kubelet({}) as told, pytest.raises(ApiException) as refused:
        port_forward.open_socket(told, "small", "gone", 8081)
    assert refused.value.status == 404
    assert message(refused.value) == '404 pods "gone" not found'


def test_an_api_that_is_away_is_an_os_error() -> None:
    with pytest.raises(OSError, match="refused"):
        port_forward.open_socket(Settings(f"http://127.0.0.1:{free()}"), "small", "shop-1", 8081)


def test_many_connections_at_once_do_not_meet() -> None:
    with tcp_server(echo) as port, kubelet({"shop-1": port}) as told:

        def ask(number: int) -> bool:
            said = f"{number} ".encode() * 2000
            with port_forward.open_socket(told, "small", "shop-1", 8081) as client:
                client.sendall(said)
                client.settimeout(10)
                came = b""
                while len(came) < len(said):
                    came += client.recv(65536)
                return came == said

        with ThreadPoolExecutor(20) as pool:
            assert all(pool.map(ask, range(40)))


def test_every_connection_over_tls_is_answered(tmp_path: Path) -> None:
    with echo_over_tls(certificates.write(tmp_path / "tls")) as told:

        def ask(_: int) -> bytes:
            with port_forward.open_socket(told, "small", "shop-1", 8081) as client:
                client.settimeout(10)
                client.sendall(b"hello")
                return client.recv(5)

        with ThreadPoolExecutor(5) as pool:
            assert set(pool.map(ask, range(200))) == {b"hello"}


def test_http_is_spoken_over_the_socket() -> None:
    def answer(client: socket.socket) -> None:
        client.recv(1000)
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with tcp_server(answer) as port, kubelet({"shop-1": port}) as told:
        connection = http.client.HTTPConnection("127.0.0.1", 8081)
        connection.sock = port_forward.open_socket(told, "small", "shop-1", 8081)
        connection.request("GET", "/healthz")
        assert connection.getresponse().read() == b"ok"
        connection.close()
