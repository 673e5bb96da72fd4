"""The app: static files, the addresses that the page needs, and the headers that guard it.

The files are served as they lie in `static/`: plain HTML, CSS and ES modules, no build step. Browsers keep them and
ask each time whether they changed (`no-cache` with an ETag), so that a new version shows at the next reload.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from frontend.headers import SecurityHeaders
from taskapp.app import create_app
from taskapp.settings import Settings, http_url, variable

STATIC = Path(__file__).parent / "static"


def browser_url(value: str) -> str:
    """The base URL of a service as the browser reaches it: scheme, host, port, perhaps a path."""
    url = http_url(value)
    # Part of it goes into a header that is a list: nothing may pass that would end the entry there.
    if not re.fullmatch(r"https?://[\w.\-:\[\]]+(/[\w.\-/]*)?", url, re.ASCII):
        raise ValueError(f"must be only scheme, host, port and path, but is {value!r}")
    return url


@dataclass(frozen=True, kw_only=True)
class FrontendSettings(Settings):
    """Where the page in the browser finds the backend and the live updates."""

    backend_api_url: str = variable("BACKEND_API_URL", browser_url)
    websocket_service_url: str = variable("WEBSOCKET_SERVICE_URL", browser_url)

    @property
    def websocket_url(self) -> str:
        """The address to open a WebSocket at: http becomes ws, https becomes wss."""
        return self.websocket_service_url.replace("http", "ws", 1) + "/ws"


def origin(url: str) -> str:
    """Scheme, host and port of `url`."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def build(settings: FrontendSettings) -> FastAPI:
    """The whole app, ready to serve."""
    app = create_app(settings)

    @app.get("/config.json")
    async def config() -> dict[str, str]:
        return {"backend_url": settings.backend_api_url, "websocket_url": settings.websocket_url}

    app.mount("/", StaticFiles(directory=STATIC, html=True))
    connect = (origin(settings.backend_api_url), origin(settings.websocket_url))
    # Added last, it is the outermost: errors have the headers as well.
    app.add_middleware(SecurityHeaders, connect=connect)
    return app
