"""`python -m bootstrap.local.sidecar`: run one sidecar until SIGTERM or `POST /v1.0/shutdown`."""

import argparse
import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import uvicorn
import yaml

from bootstrap.local.sidecar import grpc_api, http_api, logs, resources
from bootstrap.local.sidecar.api import Sidecar
from bootstrap.local.sidecar.broker import Connection
from bootstrap.local.sidecar.delivery import Delivery

GRACE_S = 3.0  # seconds for deliveries under way


class _Server(uvicorn.Server):
    """Signals are ours: deliveries end first, while their handlers may still call the sidecar."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def arguments(argv: list[str]) -> argparse.Namespace:
    """The command line; ends the process with a usage message where it is wrong."""
    parser = argparse.ArgumentParser(prog="bootstrap.local.sidecar", description="A sidecar for one app, on loopback.")
    parser.add_argument("--app-id", required=True)
    for port in ("app", "http", "grpc"):
        parser.add_argument(f"--{port}-port", type=int, required=True)
    parser.add_argument("--resources", type=Path, required=True, help="folder with the resource files of the app")
    parser.add_argument("--registry", type=Path, required=True, help="JSON file: app id to host:port of the app")
    return parser.parse_args(argv)


async def run(options: argparse.Namespace, wanted: resources.Resources) -> None:
    """Serve until told to stop. Raises OSError or RuntimeError when a port is taken."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    # On loopback no proxy is asked. How long a call may take is said by the resiliency policies, and a limit on
    # connections would let slow calls hold up fast ones.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
    async with httpx.AsyncClient(trust_env=False, timeout=httpx.Timeout(None), limits=limits) as client:
        connection = Connection(wanted.pubsub.metadata) if wanted.pubsub else None
        delivery = Delivery(wanted, options.app_port, client)
        sidecar = Sidecar(wanted, options.app_port, options.registry, connection, delivery, client)
        calls = await grpc_api.serve(sidecar, options.grpc_port)
        config = uvicorn.Config(
            http_api.create(sidecar, stop.set),
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        server = _Server(config)
        serving = asyncio.create_task(server.serve(sockets=[_listen(options.http_port)]))
        reading = asyncio.create_task(connection.run(delivery.work)) if connection else None
        await stop.wait()
        await delivery.stop(GRACE_S)
        if reading:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        server.should_exit = True
        await serving
        await calls.stop(grace=1)
        sidecar.close()


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    return listener


def main(argv: list[str]) -> int:
    """The exit code: 0 after an ordered stop, 1 when it cannot start."""
    options = arguments(argv)
    logs.configure(options.app_id)
    try:
        wanted = resources.load(options.resources, options.app_id)
        asyncio.run(run(options, wanted))
    except (OSError, RuntimeError, ValueError, KeyError, yaml.YAMLError) as error:
        logging.getLogger("sidecar").critical("Cannot start the sidecar of %s: %s", options.app_id, error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
