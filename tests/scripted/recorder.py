"""A server of somebody else's."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Recorder:
    """An API server of somebody else's: it keeps what it is asked. No request may ever come."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(f"{self.command} {self.path}")
                self.send_error(403)

            do_POST = do_PUT = do_PATCH = do_DELETE = do_CONNECT = do_GET  # noqa: N815 - as http.server calls them

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def kubeconfig(self, file: Path) -> None:
        named = {"name": "production"}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "production",
            "clusters": [named | {"cluster": {"server": self.url}}],
            "users": [named | {"user": {}}],
            "contexts": [named | {"context": {"cluster": "production", "user": "production"}}],
        }
        file.write_text(json.dumps(document))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
