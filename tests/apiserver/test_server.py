"""The double as a server: a request that does not come to its end is none."""

import socket

from tests.apiserver import ApiServer


def test_of_a_client_that_is_killed_in_the_middle_of_a_request_nothing_is_kept(api: ApiServer) -> None:
    half = b'{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "half"}, "data": {'
    head = b"POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", api.port), timeout=10) as client:
        client.sendall(head + half)
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    assert api.requests == []
    assert api.list("v1", "configmaps") == []
