"""The server that nobody may ask notices whoever does."""

import socket

from tests.scripted.recorder import Recorder


def test_it_notices_whoever_comes_whatever_they_speak() -> None:
    recorder = Recorder()
    host, _, port = recorder.address.partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(b"\x16\x03\x01\x00\xa5\x01")  # as TLS begins
        client.shutdown(socket.SHUT_WR)
        client.recv(1)
    recorder.close()
    assert recorder.asked
