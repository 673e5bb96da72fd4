"""A checkout with one manifest in it, and a way to read it with some of its text changed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.manifest import Manifest, load
from bootstrap.problems.problem import Problem, ProblemsFound

MANIFEST = """\
name = "shop"
namespace = "shop"

[cluster]
profile = "shop"
kubernetes = "1.36.2"
cpus = 4
memory_mb = 6144

[tools]
minikube = "1.38.1"
helm = "4.1.4"

[broker]
image = "redpandadata/redpanda:v25.3.1"
memory_mb = 1024
listeners = { host = 9092, cluster = 29092 }

[topics.orders]
partitions = 3
retention_hours = 168
cleanup = "delete"
dead_letter = "orders-dead"

[topics.orders-dead]
partitions = 1
retention_hours = 336
cleanup = "compact,delete"

[dapr]
version = "1.18.1"
pod_security.app = "restricted"
pod_security.system = "baseline"

[services.order-api]
path = "services/order-api"
port = 8081
node_port = 30081
app_id = "order-api"
database = true
publishes = [
    "orders",
]

[services.stock]
path = "services/stock"
port = 8082
app_id = "stock"
state = true
subscribes = ["orders"]
invokes = ["order-api"]
env = { ORDERS = "{url:order-api}", LEVEL = "5" }
"""

Change = tuple[str, str]


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the services that the manifest names."""
    root = tmp_path_factory.mktemp("checkout")
    for name in ("order-api", "stock"):
        folder = root / "services" / name
        (folder / name.replace("-", "_")).mkdir(parents=True)
        (folder / "requirements.txt").touch()
    return root


@pytest.fixture(scope="session")
def manifest_text() -> str:
    """The text of a manifest without problems."""
    return MANIFEST


@pytest.fixture(scope="session")
def read(checkout: Path) -> Callable[..., Manifest]:
    """Loads the manifest after replacing texts in it; each must stand there."""

    def read(*changes: Change) -> Manifest:
        text = MANIFEST
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        path = checkout / "environment.toml"
        path.write_text(text, encoding="utf-8")
        return load(path)

    return read


@pytest.fixture(scope="session")
def problems(read: Callable[..., Manifest]) -> Callable[..., tuple[Problem, ...]]:
    """The problems of the manifest with some texts replaced."""

    def problems(*changes: Change) -> tuple[Problem, ...]:
        with pytest.raises(ProblemsFound) as failed:
            read(*changes)
        return failed.value.problems

    return problems
