"""Run a service that uses its sidecar."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI

from taskapp.app import Lifespan
from taskapp.dapr import Dapr, Sidecar
from taskapp.server import serve
from taskapp.settings import Settings


def run(build: Callable[[Settings, Sidecar, Lifespan], FastAPI]) -> None:
    """Build the app on the sidecar that the environment names, and serve it until SIGTERM.

    The lifespan handed to `build` opens and closes the connection to the sidecar. Raises SystemExit with code 2 when
    a setting is missing or wrong.
    """
    settings = Settings.from_env(os.environ)
    dapr = Dapr(settings.dapr_http_port, settings.dapr_grpc_port)

    @asynccontextmanager
    async def connected(_: FastAPI) -> AsyncIterator[None]:
        async with dapr:
            yield

    serve(build(settings, dapr, connected), settings)
