"""Run the service: `python -m backend_api`."""

import os

from backend_api.main import BackendSettings, build_app
from taskapp.server import serve


def main() -> None:
    """Read the settings and serve until SIGTERM."""
    settings = BackendSettings.from_env(os.environ)
    serve(build_app(settings), settings)


if __name__ == "__main__":
    main()
