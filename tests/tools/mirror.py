"""A mirror over real HTTP(S) that can be told to misbehave, and an environment that downloads from it."""

import hashlib
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bootstrap.core.env import Env
from tests.doubles import small_env

URL = "https://files.example/releases/tool"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Mirror:
    """`files` by path ("/files.example/releases/tool"). `asked` keeps each path with its Range, `sent` the bytes sent.

    `cuts`: how many bytes of a body the next requests get, each before the connection ends. `ranges`: "yes", "no" (the
    whole file comes all the same) or "wrong" (another part comes). `status`: what every request gets instead.
    """

    address: str
    files: dict[str, bytes] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    ranges: str = "yes"
    status: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)
    sent: int = 0
    before: threading.Event = field(default_factory=threading.Event)
    """Answers wait for it."""

    def put(self, content: bytes, url: str = URL) -> None:
        self.files["/" + url.partition("://")[2]] = content


class Server(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """That a client does not trust the certificate, and hangs up, is what is tested."""
        with suppress(OSError):
            raise


@contextmanager
def mirror(certificate: Path | None = None) -> Iterator[Mirror]:
    """A mirror on a free port of loopback; over TLS with that certificate, which has its key beside it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(there, self)

        def log_message(self, *_: Any) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    there = Mirror(f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_address[1]}")
    there.before.set()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield there
    finally:
        there.before.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _answer(there: Mirror, to: BaseHTTPRequestHandler) -> None:
    wanted = to.headers.get("Range", "")
    # As a proxy, it is asked with the whole URL.
    path = "/" + to.path.partition("://")[2] if "://" in to.path else to.path
    there.asked.append((path, wanted))
    there.before.wait(10)
    content, begin, status = there.files.get(path), 0, 200
    if there.status or content is None:
        to.send_response(there.status or 404)
        to.send_header("Content-Length", "0")
        to.end_headers()
        return
    if wanted and there.ranges != "no":
        begin, status = int(wanted.removeprefix("bytes=").removesuffix("-")), 206
        begin = begin if there.ranges == "yes" else begin // 2
    to.send_response(status if begin < len(content) or status == 200 else 416)
    if status == 206:
        to.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
    body = content[begin:]
    to.send_header("Content-Length", str(len(body)))
    to.end_headers()
    cut = there.cuts.pop(0) if there.cuts else len(body)
    there.sent += len(body[:cut])
    to.wfile.write(body[:cut])
    to.close_connection = True


def env_with(mirror: Mirror, folder: Path, **environ: str) -> Env:
    """A checkout in `folder`, with a cache of its own there, that downloads from `mirror` alone."""
    root = folder / "checkout"
    root.mkdir()
    env = small_env(root)
    ours = {"XDG_CACHE_HOME": str(folder / "cache"), "INV_MIRROR": mirror.address}
    env.environ = {**env.environ, **ours, **environ}
    return env
