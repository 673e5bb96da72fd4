"""Run the service: `python -m notification_service`."""

from notification_service.main import build_app
from taskapp.sidecar import run

if __name__ == "__main__":
    run(build_app)
