"""Run a service that cannot do without its sidecar."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import FastAPI

from taskapp.app import Lifespan
from taskapp.dapr import Dapr
from taskapp.server import serve
from taskapp.settings import Settings, port_number, variable


@dataclass(frozen=True, kw_only=True)
class SidecarSettings(Settings):
    """Settings in which the sidecar's ports are required."""

    dapr_http_port: int = variable("DAPR_HTTP_PORT", port_number)
    dapr_grpc_port: int = variable("DAPR_GRPC_PORT", port_number)


def run(build: Callable[[SidecarSettings, Dapr, Lifespan], FastAPI]) -> None:
    """Build the app on the sidecar that the environment names, and serve it until SIGTERM.

    The lifespan handed to `build` opens and closes the connection to the sidecar. Raises SystemExit with code 2 when
    a setting is missing or wrong.
    """
    settings = SidecarSettings.from_env(os.environ)
    dapr = Dapr(settings.dapr_http_port, settings.dapr_grpc_port)

    @asynccontextmanager
    async def connected(_: FastAPI) -> AsyncIterator[None]:
        async with dapr:
            yield

    serve(build(settings, dapr, connected), settings)
