"""Programs that a world answers: executables that say what the world tells them, and end as it says."""

import json
import select
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

Said = Generator["str | float", None, int]
"""What a program does: yields text for its stdout or seconds that it takes, and returns its exit code.

One that is killed goes no further.
"""
Program = Callable[[list[str], dict[str, str]], Said]

SCRIPT = """\
#!{python} -IS
import json, os, socket, sys

world = socket.socket(socket.AF_UNIX)
world.connect({socket!r})
world.sendall(json.dumps([os.path.basename(sys.argv[0]), sys.argv[1:], dict(os.environ)]).encode() + b"\\n")
for line in world.makefile():
    said = json.loads(line)
    if isinstance(said, int):
        sys.exit(said)
    sys.stdout.write(said)
    sys.stdout.flush()
sys.exit(99)
"""


class Programs:
    """A folder of executables; `known` says what each does. `ran` are the command lines, in order."""

    def __init__(self, folder: Path, known: dict[str, Program]) -> None:
        self.folder, self.known = folder / "bin", known
        self.ran: list[str] = []
        self._lock = threading.Lock()
        self.folder.mkdir()
        at = folder / "world"
        for name in known:
            program = self.folder / name
            program.write_text(SCRIPT.format(python=sys.executable, socket=str(at)))
            program.chmod(0o755)
        self._server = _Server(str(at), self)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def serve(self, connection: socket.socket) -> None:
        order = connection.makefile().readline()
        if not order.endswith("\n"):
            return  # killed before it had said what it wants
        name, args, environ = json.loads(order)
        self.ran.append(" ".join((name, *args)))
        does = self.known[name](args, environ)
        try:
            while True:
                # A killed program is seen before the next thing happens.
                said = next(does)
                if isinstance(said, str):
                    connection.sendall(json.dumps(said).encode() + b"\n")
                if select.select([connection], [], [], 0 if isinstance(said, str) else said)[0]:
                    return
        except StopIteration as end:
            connection.sendall(json.dumps(int(end.value or 0)).encode() + b"\n")
        finally:
            does.close()


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, path: str, programs: Programs) -> None:
        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with suppress(OSError):
                    programs.serve(self.request)

        super().__init__(path, Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        raise
