"""Small servers on loopback that keep what they are asked: an engine that is ours, and a trap that nobody may ask."""

import http.server
import json
import socket
import socketserver
import ssl
import threading
from pathlib import Path
from typing import Any

VERSION = json.dumps({"ApiVersion": "1.44", "Version": "29.2.0"}).encode()


class Asked:
    """A server; `asked` are the first lines of all requests. It answers them as a Docker Engine says its version."""

    def __init__(self, path: Path | None = None, certificates: Path | None = None) -> None:
        self.asked: list[str] = []
        kept = self.asked

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"  # one handshake for all requests of a client

            def do_GET(self) -> None:
                kept.append(self.requestline)
                self.send_response(200)
                self.send_header("Content-Length", str(len(VERSION)))
                self.end_headers()
                self.wfile.write(VERSION)

            do_CONNECT = do_POST = do_PATCH = do_PUT = do_DELETE = do_GET  # noqa: N815 - the names of the library

            def log_message(self, *_: object) -> None:
                pass

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

            def get_request(self) -> tuple[Any, Any]:
                connection, address = super().get_request()
                return connection, address or ("", 0)  # a Unix socket has no name

            def handle_error(self, *_: object) -> None:
                kept.append("something that is no HTTP")

        self._server = Server(("127.0.0.1", 0), Handler, bind_and_activate=False)
        if path:
            self._server.socket.close()
            self._server.socket = socket.socket(socket.AF_UNIX)
            self._server.socket.bind(str(path))
        else:
            self._server.server_bind()
        self._server.server_activate()
        if certificates:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
            tls.load_verify_locations(certificates / "ca.pem")
            tls.verify_mode = ssl.CERT_REQUIRED
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Listens no more."""
        self._server.shutdown()
        self._server.server_close()
