"""What runs in the probe pod: answers what can be seen from there. Standard library alone; its text goes into the pod.

GET /dns?name= -> {"address": str}, /tcp?host=&port= -> {"error": str}, /http?url= -> {"status": int, "body": str},
/kafka?host=&port= -> {"brokers": [[str, int]], "error": str}.
"""

import http.client
import json
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from bootstrap.cluster.probe_kafka import brokers

PORT = 8000
ANSWER_TIMEOUT_S = 2.0  # for one connection, or one answer
# For the connection to a Service: in the moment in which a pod ends, one that is led to it is never answered.
CONNECT_TIMEOUT_S = 0.5
MAX_BODY_BYTES = 65536  # bytes of a body that are handed on


def dns(name: str) -> dict[str, object]:
    try:
        return {"address": socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)[0][4][0]}
    except OSError as error:
        return {"address": "", "error": str(error)}


def tcp(host: str, port: str) -> dict[str, object]:
    try:
        socket.create_connection((host, int(port)), timeout=ANSWER_TIMEOUT_S).close()
    except (OSError, ValueError) as error:
        return {"error": str(error) or type(error).__name__}
    return {"error": ""}


def kafka(host: str, port: str) -> dict[str, object]:
    try:
        return {"brokers": brokers(host, int(port), ANSWER_TIMEOUT_S), "error": ""}
    except (OSError, ValueError) as error:
        return {"brokers": [], "error": str(error) or type(error).__name__}


def web(url: str) -> dict[str, object]:
    parts = urlsplit(url)
    try:
        with closing(http.client.HTTPConnection(parts.netloc, timeout=CONNECT_TIMEOUT_S)) as connection:
            connection.connect()
            connection.sock.settimeout(ANSWER_TIMEOUT_S)
            connection.request("GET", parts._replace(scheme="", netloc="").geturl() or "/")
            answer = connection.getresponse()
            return {"status": answer.status, "body": answer.read(MAX_BODY_BYTES).decode(errors="replace")}
    except (OSError, ValueError, http.client.HTTPException) as error:
        return {"status": 0, "body": str(error) or type(error).__name__}


ANSWERS: dict[str, Callable[..., dict[str, object]]] = {"/dns": dns, "/tcp": tcp, "/kafka": kafka, "/http": web}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        try:
            answer = ANSWERS[parts.path](**dict(parse_qsl(parts.query)))
        except (KeyError, TypeError) as error:
            self.send_error(400, str(error))
            return
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: every gate of every run asks."""


def serve(host: str, port: int) -> None:
    """Until SIGTERM, which a container's first process must heed by itself."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    ThreadingHTTPServer((host, port), Handler).serve_forever()


if __name__ == "__main__":
    serve("0.0.0.0", PORT)  # noqa: S104 - asked through the address of the pod
