"""A package index that asks for a user and a password."""

import base64
import html
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread


class Index:
    """The wheels in `folder`, for those who know the password. `asked` counts the answers that they got."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port, self.password, self.asked = folder, port, "pLantedIndex", 0

    @property
    def url(self) -> str:
        return f"http://user:{self.password}@127.0.0.1:{self.port}/simple"

    def answer(self, path: str, authorization: str) -> tuple[int, bytes]:
        """Status and body, by PEP 503."""
        if authorization != f"Basic {base64.b64encode(f'user:{self.password}'.encode()).decode()}":
            return 401, b""
        self.asked += 1
        if path.startswith("/files/"):
            return 200, (self.folder / Path(path).name).read_bytes()
        project = path.rstrip("/").rpartition("/")[2].replace("-", "_")
        found = [wheel.name for wheel in self.folder.glob(f"{project}-*.whl")]
        links = (f'<a href="/files/{html.escape(name)}">{html.escape(name)}</a>' for name in found)
        return (200, "".join(links).encode()) if found else (404, b"")


@contextmanager
def served(folder: Path) -> Iterator[Index]:
    """An index on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = index.answer(self.path, self.headers.get("Authorization", ""))
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="packages"')
            self.send_header("Content-Type", "text/html" if body.startswith(b"<") else "application/octet-stream")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        index = Index(folder, server.server_port)
        Thread(target=server.serve_forever, daemon=True).start()
        yield index
        server.shutdown()
