"""The words of real builds and containers, and near misses."""

from pathlib import Path
from typing import Any

import pytest

from bootstrap.images import probe
from bootstrap.problems.catalogue import recognise
from bootstrap.problems.rows.images import ROWS

RECORDED = Path(__file__).parents[1] / "recorded"
FACTS: dict[str, Any] = {
    "name": "shop",
    "path": "services/shop",
    "dockerfile": "services/shop/Dockerfile",
    "requirements": "services/shop/requirements.txt",
    "uid": 10001,
    "command": "docker run small/shop:0123",
    "profile": "small",
}
BUILDS = [row.code for row in ROWS if row.phase == "build"]
RUNS = {
    "run-as-uid-permission-denied": "image-file-not-readable",
    "run-module-not-found": "image-module-missing",
    "run-read-only-fs": "image-writes-root",
}


@pytest.mark.parametrize("code", BUILDS)
def test_a_recorded_build(code: str) -> None:
    recordings = sorted((RECORDED / "image-build").glob(f"{code}*.txt"))
    assert recordings, f"{code} has no recording"
    for path in recordings:
        found = recognise("image", "build", path.read_text(), "It failed.", **FACTS)
        assert found is not None
        assert (found.code, found.final) == (code, True), path.name
        assert "{" not in found.cause + found.remedy, "a placeholder stays open"


@pytest.mark.parametrize(
    ("case", "code"),
    [
        ("build-pip-conflict", "build-requirements-conflict"),
        ("build-missing-copy-source", "build-copy-source-missing"),
    ],
)
def test_builds_of_the_classic_builder(case: str, code: str) -> None:
    said = (RECORDED / "docker" / case / "stdout.txt").read_text() + (
        RECORDED / "docker" / case / "stderr.txt"
    ).read_text()
    found = recognise("image", "build", said, "It failed.", **FACTS)
    assert found is not None
    assert found.code == code


@pytest.mark.parametrize("case", RUNS)
def test_a_recorded_run(case: str) -> None:
    found = recognise("image", "run", (RECORDED / "docker" / case / "stderr.txt").read_text(), "It ended.", **FACTS)
    assert found is not None
    assert found.code == RUNS[case]
    assert "{" not in found.cause + found.remedy


@pytest.mark.parametrize("path", sorted(RECORDED.glob("image-*/none-*.txt")), ids=lambda path: path.stem)
def test_a_near_miss(path: Path) -> None:
    phase = path.parent.name.removeprefix("image-")
    assert recognise("image", phase, path.read_text(), "It failed.", **FACTS) is None


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (
            "python: can't open file '/root/.local/bin/uvicorn': [Errno 13] Permission denied",
            "/root/.local/bin/uvicorn",
        ),
        ("python: can't open file '/app/main.py': [Errno 2] No such file or directory", ""),
        ("PermissionError: [Errno 13] Permission denied: '/app/shop/main.py'", "/app/shop/main.py"),
        ('exec: "/root/.local/bin/uvicorn": permission denied: unknown', "/root/.local/bin/uvicorn"),
        ('exec: "/nothing": stat /nothing: no such file or directory', ""),
        ("ModuleNotFoundError: No module named 'uvicorn.config'", "uvicorn"),
        ("/opt/venv/bin/python: No module named shop", "shop"),
        ("all is well", ""),
    ],
)
def test_what_cannot_be_read_or_found(said: str, wanted: str) -> None:
    assert probe.named(said) == wanted
