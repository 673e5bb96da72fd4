import socket
from collections.abc import Callable
from contextlib import ExitStack

import pytest


@pytest.fixture
def free_ports() -> Callable[[int], tuple[int, ...]]:
    """Ports of 127.0.0.1 that nobody listens on now."""

    def find(count: int) -> tuple[int, ...]:
        with ExitStack() as stack:
            sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
            for s in sockets:
                s.bind(("127.0.0.1", 0))
            return tuple(s.getsockname()[1] for s in sockets)

    return find
