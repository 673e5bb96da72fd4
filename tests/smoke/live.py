"""The WebSocket that the page listens on."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.smoke.app import App, Task, Wrong

__tracebackhide__ = True


class Socket:
    """What the page's socket hears."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    def hears(self, kind: str, task: Task, seconds: float) -> bool:
        """Whether a message of that kind about that task comes within that time."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                message = json.loads(self._connection.recv(timeout=left))
            except TimeoutError:
                return False
            except WebSocketException as error:
                raise Wrong("websocket-service", f"The server closed the page's socket: {error}.") from None
            if message["type"] == f"task.{kind}" and message["task"]["id"] == task["id"]:
                return True
        return False


@contextmanager
def listening(app: App) -> Iterator[Socket]:
    """A WebSocket to the live updates, opened as the page opens it."""
    page = urlsplit(app.url("frontend"))
    url = app.url("websocket-service").replace("http", "ws", 1) + "/ws"
    try:
        connection = connect(
            url, origin=Origin(f"{page.scheme}://{page.netloc}"), proxy=None, open_timeout=app.deadline
        )
    except (OSError, WebSocketException) as error:
        raise Wrong("websocket-service", f"The page's socket cannot be opened at {url}: {error}.") from None
    with connection:
        yield Socket(connection)
