"""Engines over HTTP, for the real SDK: on a Unix socket, or on loopback behind TLS."""

import json
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.scripted.engine import Engine


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: "_Served"

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length)
        if len(content) < length or self.server.is_away():
            self.close_connection = True
            return
        body = json.loads(content) if content else {}
        code, found = self.server.engine.answer(self.command, unquote(parts.path), parse_qs(parts.query), body or {})
        payload = found if isinstance(found, bytes) else b"" if found is None else json.dumps(found).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        if self.path.endswith("/start"):
            # What is read after the answer to an exec is its output: it ends with the connection.
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_POST = do_DELETE = _serve  # noqa: N815 - the names that http.server calls

    def log_message(self, *_: object) -> None:
        """Nothing: `Engine.asked` is the log."""


class _Served(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, engine: Engine, is_away: Callable[[], bool]) -> None:
        self.engine, self.is_away = engine, is_away

    def listen(self, address: Any, family: int, tls: ssl.SSLContext | None = None) -> None:
        self.address_family = family
        super().__init__(address, _Handler)
        if tls:
            # The handshake is the handler's: one that waits must not keep the others waiting.
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of the engine's; any other is, and fails the test."""
        with suppress(OSError):
            raise

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class OnSocket:
    """An engine at a Unix socket, until `stop`."""

    def __init__(self, engine: Engine, path: Path) -> None:
        self.engine, self.path = engine, path
        self._served: _Served | None = None
        self.start()

    def start(self) -> None:
        self._served = _Served(self.engine, lambda: False)
        self._served.listen(str(self.path), socket.AF_UNIX)

    def stop(self) -> None:
        """As when the daemon ends: its socket is gone."""
        if self._served:
            self._served.close()
            self._served = None
            with suppress(FileNotFoundError):
                self.path.unlink()


class BehindTls:
    """An engine on loopback that asks for a certificate of its own authority; `is_away` says when it does not run."""

    def __init__(self, engine: Engine, certificates: Path, is_away: Callable[[], bool]) -> None:
        self.engine = engine
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
        tls.load_verify_locations(certificates / "ca.pem")
        tls.verify_mode = ssl.CERT_REQUIRED
        self._served = _Served(engine, is_away)
        self._served.listen(("127.0.0.1", 0), socket.AF_INET, tls)
        self.port: int = self._served.server_address[1]

    def stop(self) -> None:
        self._served.close()
