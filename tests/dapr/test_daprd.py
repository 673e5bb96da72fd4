"""The real daprd takes the configuration that each app gets on a cluster, access control included."""

import copy
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap.dapr import daprd
from bootstrap.dapr import resources as dapr
from bootstrap.manifest import load
from tests.ports import free
from tests.waits import until

CHECKOUT = Path(__file__).resolve().parents[2]
RUNNING, INVALID = "dapr initialized. Status: Running", "invalid access control spec"

pytestmark = pytest.mark.real("daprd")


def configuration(app: str) -> dict[str, Any]:
    """What the cluster gets for an app of this project."""
    manifest = load(CHECKOUT / "environment.toml")
    documents = dapr.resources(manifest, CHECKOUT / "infrastructure" / "dapr")
    [found] = [d for d in dapr.seen_by(documents, app) if d["kind"] == "Configuration"]
    return found


def says(document: dict[str, Any], folder: Path) -> str:
    """What daprd says with that configuration, once it is at work or has refused it."""
    (folder / "configuration.yaml").write_text(yaml.safe_dump(document))
    (folder / "none").mkdir()
    http, grpc, internal, public = (str(free()) for _ in range(4))
    argv = [str(daprd.find(os.environ)), "--app-id", "backend-api", "--mode", "standalone", "--log-as-json"]
    argv += ["--dapr-http-port", http, "--dapr-grpc-port", grpc, "--dapr-internal-grpc-port", internal]
    argv += ["--dapr-public-port", public, "--dapr-listen-addresses", "127.0.0.1", "--enable-metrics=false"]
    argv += ["--dapr-internal-grpc-listen-address", "127.0.0.1", "--placement-host-address", ""]
    argv += ["--scheduler-host-address", "", "--resources-path", str(folder / "none")]
    argv += ["--config", str(folder / "configuration.yaml")]
    log = folder / "log"
    with log.open("w") as file:
        process = subprocess.Popen(argv, stdout=file, stderr=file)
    try:
        until(lambda: any(words in log.read_text() for words in (RUNNING, INVALID)), "daprd says something")
    finally:
        process.kill()
        process.wait()
    return log.read_text()


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.mark.parametrize("app", ["backend-api", "notification-service"])
def test_it_takes_what_an_app_gets(app: str, folder: Path) -> None:
    document = configuration(app)
    # Names are told by mDNS unless another resolver is named; nothing of a test leaves loopback.
    document["spec"]["nameResolution"] = {
        "component": "sqlite",
        "version": "v1",
        "configuration": {"connectionString": str(folder / "names.db")},
    }
    said = says(document, folder)
    assert RUNNING in said
    assert INVALID not in said


def test_it_refuses_a_policy_that_does_not_say_whose_it_is(folder: Path) -> None:
    document = copy.deepcopy(configuration("backend-api"))
    del document["spec"]["accessControl"]["policies"][0]["namespace"]
    assert INVALID in says(document, folder)
