"""A server of somebody else's, which nobody may ask."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Recorder:
    """An API server, a proxy, an engine of somebody else's. `asked` is every connection, and every request in one."""

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

        class Server(ThreadingHTTPServer):
            def verify_request(self, request: object, client_address: object) -> bool:
                asked.append("a connection")  # whatever is spoken on it, TLS too
                return True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.address}"
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
