"""A small checkout: two services with charts, this project's infrastructure, and a smoke suite of one test."""

import shutil
import tomllib
from pathlib import Path

from tests import doubles

CHECKOUT = Path(__file__).resolve().parents[2]
KUBERNETES = str(tomllib.loads((CHECKOUT / "environment.toml").read_text())["cluster"]["kubernetes"])
"""The version that charts are held to: that of the Kubernetes client in requirements.lock."""
SERVICES = ("shop", "mailer")
DOCKERFILE = "ARG PYTHON_IMAGE=python:3.11-slim\nFROM ${PYTHON_IMAGE}\nUSER 10001:10001\n"


def write(root: Path, node_port: int) -> Path:
    """Writes it into `root`, a folder to be made, and returns that."""
    root.mkdir()
    doubles.small_env(root)
    (root / "environment.toml").write_text(
        doubles.MANIFEST.replace("30080", str(node_port)).replace(doubles.KUBERNETES, KUBERNETES)
    )
    shutil.rmtree(root / ".inv")
    shutil.copytree(CHECKOUT / "infrastructure", root / "infrastructure")
    charts = root / "infrastructure" / "charts"
    for name in SERVICES:
        (root / "services" / name / "Dockerfile").write_text(DOCKERFILE)
        shutil.copytree(charts / "audit-service", charts / name)
        about = charts / name / "Chart.yaml"
        about.write_text(about.read_text().replace("name: audit-service", f"name: {name}"))
    for chart in charts.iterdir():
        if chart.name not in (*SERVICES, "service", "postgres"):
            shutil.rmtree(chart)
    (root / "tests" / "smoke").mkdir(parents=True)
    (root / "tests" / "smoke" / "test_live.py").write_text("def test_it_lives() -> None:\n    pass\n")
    return root
