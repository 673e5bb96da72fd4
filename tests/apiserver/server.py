"""An API server over real HTTP on loopback, with its objects in memory, for the real clients to talk to."""

import copy
import json
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml

from tests.apiserver.resources import Document
from tests.apiserver.routes import Proxied, Reply, Request, Routes, parsed
from tests.apiserver.statuses import Refused
from tests.apiserver.store import Admission, Store


@dataclass
class Fault:
    """What goes wrong with the next `times` requests whose method and path match (None: until it is mended).

    `refused` is answered instead; `seconds` pass before any answer; `drop` closes the connection without one.
    """

    path: str = ""  # a part of the path
    method: str = ""
    refused: Refused | None = None
    seconds: float = 0.0
    drop: bool = False
    times: int | None = None


class ApiServer:
    """A cluster's API without the cluster: nothing runs, objects change as the API would change them.

    `put` sets the scene, `react` plays the controllers, `proxy` and `log` the pods, `fault` bad luck. `requests` are
    all that came, in order.
    """

    def __init__(self) -> None:
        self.store = Store()
        self.routes = Routes(self.store)
        self.requests: list[Request] = []
        self._faults: list[Fault] = []
        for name in ("default", "kube-system"):
            self.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        self._held: socket.socket | None = None
        self._listen(0)

    def __enter__(self) -> "ApiServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kubeconfig(self, file: Path, context: str) -> Path:
        """Writes a kubeconfig whose only context is that one; returns `file`."""
        file.parent.mkdir(parents=True, exist_ok=True)
        named = {"name": context}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [named | {"cluster": {"server": self.url}}],
            "users": [named | {"user": {}}],
            "contexts": [named | {"context": {"cluster": context, "user": context}}],
        }
        file.write_text(yaml.safe_dump(document))
        return file

    def put(self, body: Document) -> Document:
        """Stores an object as it is given, its status included, in place of one of that name."""
        with self.store.lock:
            return copy.deepcopy(self.store.put(body))

    def get(self, version: str, plural: str, namespace: str, name: str) -> Document | None:
        """A copy of an object, or None."""
        with self.store.lock:
            return copy.deepcopy(self.store.objects.get((version, plural, namespace, name)))

    def list(self, version: str, plural: str, namespace: str = "") -> list[Document]:
        """Copies of the objects of a kind, by name."""
        with self.store.lock:
            return copy.deepcopy(self.store.list(self.store.resource(version, plural), namespace))

    def remove(self, version: str, plural: str, namespace: str, name: str) -> None:
        """Takes an object out, with all that it owns, as if somebody had deleted it."""
        with self.store.lock:
            resource = self.store.resource(version, plural)
            self.store.delete(resource, self.store.find(resource, namespace, name))

    def react(self, reaction: Callable[["ApiServer", Document], None]) -> None:
        """Calls `reaction` after each write with what was written: a controller, which may write itself."""
        self.store.reactions.append(lambda written: reaction(self, copy.deepcopy(written)))

    def admit(self, admission: Admission) -> None:
        """Asks `admission(resource, object, its namespace)` before each write: words mean that it is forbidden."""
        self.store.admissions.append(admission)

    def log(self, namespace: str, pod: str, container: str, text: str, *, previous: bool = False) -> None:
        """What that container said."""
        self.routes.logs[namespace, pod, container, previous] = text

    def proxy(self, namespace: str, plural: str, name: str, server: Proxied) -> None:
        """Answers for a pod or Service behind the proxy; `name` as in the path: "http:NAME:PORT", "NAME:PORT"."""
        self.routes.proxies[namespace, plural, name] = server

    def fault(self, **what: Any) -> Fault:
        """See `Fault`; the first that matches counts."""
        self._faults.append(Fault(**what))
        return self._faults[-1]

    def mend(self) -> None:
        """Ends all faults, and listens again."""
        self._faults.clear()
        if self._held:
            self._listen(self.port)
            self._held.close()
            self._held = None

    def refuse_connections(self) -> None:
        """Refuses connections until `mend`, as a stopped cluster does; the port stays taken."""
        if self._held is None:
            self._held = socket.socket()
            self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            self._held.bind(("127.0.0.1", self.port))
            self._server.close()

    def close(self) -> None:
        if self._held:
            self._held.close()
        else:
            self._server.close()

    def answer(self, request: Request) -> Reply | None:
        """The answer to one request, faults included; None drops the connection."""
        self.requests.append(request)
        for fault in self._faults:
            if fault.path in request.path and fault.method in ("", request.method) and fault.times != 0:
                fault.times = None if fault.times is None else fault.times - 1
                time.sleep(fault.seconds)
                if fault.drop:
                    return None
                if fault.refused:
                    return Reply(fault.refused.code, fault.refused.status())
                break
        return self.routes.answer(request)

    def _listen(self, port: int) -> None:
        self._server = _Server(port, self.answer)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_port = True
    request_queue_size = 64

    def __init__(self, port: int, answer: Callable[[Request], Reply | None]) -> None:
        self.answer = answer
        self.open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self.open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self.open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of the server's; any other is, and fails the test."""
        with suppress(OSError):
            raise

    def close(self) -> None:
        self.shutdown()
        self.server_close()
        for connection in list(self.open):
            self.shutdown_request(connection)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length)
        if len(content) < length:  # who was killed in the middle of a request has asked for nothing
            self.close_connection = True
            return
        query = dict(parse_qsl(parts.query))
        kind = self.headers.get("Content-Type", "")
        reply = self.server.answer(Request(self.command, parts.path, query, parsed(content), kind))
        if reply is None:
            self.close_connection = True
            return
        text = isinstance(reply.body, str)
        payload = (str(reply.body) if text else json.dumps(reply.body)).encode()
        self.send_response(reply.code)
        self.send_header("Content-Type", "text/plain" if text else "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the names that http.server calls

    def log_message(self, *_: object) -> None:
        """Nothing: `ApiServer.requests` is the log."""
