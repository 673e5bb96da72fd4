"""Run the service: `python -m recurring_task_service`."""

from recurring_task_service.main import build_app
from taskapp.sidecar import run

if __name__ == "__main__":
    run(build_app)
