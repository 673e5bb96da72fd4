"""Run the service: `python -m websocket_service`."""

import os

from taskapp.server import serve
from websocket_service.hub import Hub
from websocket_service.main import WebSocketSettings, build_app


def main() -> None:
    """Read the settings and serve until SIGTERM, with a goodbye to every browser.

    The server itself pings each browser every 20 seconds, closes the connection of one that does not answer, and
    limits the size of what it reads.
    """
    settings = WebSocketSettings.from_env(os.environ)
    hub = Hub()
    serve(build_app(settings, hub), settings, on_stop=hub.close)


if __name__ == "__main__":
    main()
