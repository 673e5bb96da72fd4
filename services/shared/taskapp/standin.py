"""A stand-in for a sidecar process, over real gRPC and HTTP: for tests that start a service as a process."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from dapr.proto import api_service_v1, api_v1, common_v1
from google.protobuf.empty_pb2 import Empty

from taskapp.errors import TransientError

OnPublish = Callable[[str, dict[str, Any]], None]
"""Gets topic and event before the publish is accepted; raises TransientError to refuse it, blocks to stall it."""


class FakeSidecar:
    """Accepts publishes into `published` as (topic, event), keeps state with ETags, and answers invocations with 404.

    `ports` are those for HTTP and gRPC.
    """

    def __init__(self, ports: tuple[int, int], on_publish: OnPublish | None = None) -> None:
        self.http_port, self.grpc_port = ports
        self.on_publish = on_publish
        self.published: list[tuple[str, dict[str, Any]]] = []
        self.metadata: list[dict[str, str]] = []
        self.changed = threading.Condition()
        self._state: dict[str, tuple[bytes, str]] = {}
        self._writes = 0

    def wait_until(self, ready: Callable[[list[tuple[str, dict[str, Any]]]], bool]) -> bool:
        """Wait until `ready` says so of what was published; False when it did not within a minute."""
        with self.changed:
            return self.changed.wait_for(lambda: ready(self.published), 60)

    @contextmanager
    def running(self) -> Iterator["FakeSidecar"]:
        """Serve until the end of the block; calls under way are then cut off."""
        server = grpc.server(ThreadPoolExecutor(32), options=[("grpc.so_reuseport", 0)])
        register: Callable[..., None] = api_service_v1.add_DaprServicer_to_server
        register(_Servicer(self), server)
        server.add_insecure_port(f"127.0.0.1:{self.grpc_port}")
        web = ThreadingHTTPServer(("127.0.0.1", self.http_port), _Http)
        thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.05})
        server.start()
        thread.start()
        try:
            yield self
        finally:
            web.shutdown()
            thread.join()
            web.server_close()
            server.stop(grace=None).wait()

    def accept(self, topic: str, event: dict[str, Any], metadata: dict[str, str]) -> None:
        """Take a publish."""
        if self.on_publish is not None:
            self.on_publish(topic, event)
        with self.changed:
            self.published.append((topic, event))
            self.metadata.append(metadata)
            self.changed.notify_all()

    def write(self, key: str, value: bytes, etag: str | None) -> bool:
        """Write state first-write; False on a conflict."""
        with self.changed:
            if (self._state[key][1] if key in self._state else None) != etag:
                return False
            self._writes += 1
            self._state[key] = (value, f"etag-{self._writes}")
            return True

    def read(self, key: str) -> tuple[bytes, str]:
        """Value and ETag, both empty when there is none."""
        return self._state.get(key, (b"", ""))


class _Servicer(api_service_v1.DaprServicer):
    def __init__(self, standin: FakeSidecar) -> None:
        self._standin = standin

    def PublishEvent(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
        try:
            self._standin.accept(request.topic, json.loads(request.data), dict(request.metadata))
        except TransientError as error:
            context.abort(grpc.StatusCode.INTERNAL, str(error))
        return Empty()

    def GetState(self, request: Any, _context: Any) -> Any:  # noqa: N802
        value, etag = self._standin.read(request.key)
        return api_v1.GetStateResponse(data=value, etag=etag)

    def SaveState(self, request: Any, context: Any) -> Any:  # noqa: N802
        for item in request.states:
            assert item.options.concurrency == common_v1.StateOptions.CONCURRENCY_FIRST_WRITE  # noqa: S101
            if not self._standin.write(item.key, item.value, item.etag.value or None):
                context.abort(grpc.StatusCode.ABORTED, "possible etag mismatch")
        return Empty()


class _Http(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(204 if self.path == "/v1.0/healthz/outbound" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass
