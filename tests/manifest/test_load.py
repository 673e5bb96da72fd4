"""What a good manifest becomes, and what each bad value in it is told."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from bootstrap.manifest import Manifest
from bootstrap.problems.problem import Problem

Problems = Callable[..., tuple[Problem, ...]]


def test_types_and_defaults(read: Callable[..., Manifest], checkout: Path) -> None:
    manifest = read()
    assert manifest.root == checkout
    assert manifest.broker.listeners.cluster == 29092
    assert manifest.dapr.pod_security.system == "baseline"
    assert manifest.topics["orders"].dead_letter == "orders-dead"
    assert manifest.topics["orders-dead"].dead_letter is None
    order_api, stock = manifest.services.values()
    assert order_api.module == "order_api"
    assert order_api.publishes == ("orders",)
    assert (order_api.state, order_api.subscribes, dict(order_api.env)) == (False, (), {})
    assert stock.node_port is None
    assert stock.env["LEVEL"] == "5"


def test_nothing_in_it_can_be_changed(read: Callable[..., Manifest]) -> None:
    manifest = read()
    with pytest.raises(ValidationError, match="frozen"):
        manifest.name = "other"
    with pytest.raises(TypeError):
        manifest.topics["more"] = manifest.topics["orders"]  # type: ignore[index]
    with pytest.raises(TypeError):
        manifest.services["stock"].env["MORE"] = "1"  # type: ignore[index]


@pytest.mark.parametrize(
    ("old", "new", "line", "said", "correction"),
    [
        ('name = "shop"', 'name = "My Shop"', 1, "letter or digit", 'name = "my-shop"'),
        ('namespace = "shop"', 'namespace = ""', 2, "letter or digit", 'namespace = "taskapp"'),
        ('kubernetes = "1.36.2"', 'kubernetes = "v1.36.2"', 6, "x.y.z", 'kubernetes = "1.36.2"'),
        ('kubernetes = "1.36.2"', 'kubernetes = "1.36"', 6, "x.y.z", 'kubernetes = "1.36.0"'),
        ('kubernetes = "1.36.2"', "kubernetes = 1.36", 6, "a string", 'kubernetes = "1.35.1"'),
        ("cpus = 4", "cpus = 1", 7, "at least 2", "cpus = 2"),
        ("cpus = 4", "cpus = 4.0", 7, "a whole number", "cpus = 4"),
        ("cpus = 4", "cpus = true", 7, "a whole number", "cpus = 4"),
        ("cpus = 4", 'cpus = "8"', 7, "a whole number", "cpus = 8"),
        ("cpus = 4", "cpus = 9999999999999999999999999", 7, "at most 256", "cpus = 256"),
        ("cpus = 4", "cpus = inf", 7, "a whole number", "cpus = 4"),
        ("redpanda:v25.3.1", "redpanda", 15, "fixed tag", 'image = "redpandadata/redpanda:v25.3.1"'),
        ("redpanda:v25.3.1", "redpanda:latest", 15, "does not move", 'image = "redpandadata/redpanda:v25.3.1"'),
        ("host = 9092", "host = 92", 17, "at least 1024", "listeners = { host = 1024, cluster = 29092 }"),
        ("cluster = 29092", "cluster = 99999", 17, "at most 65535", "listeners = { host = 9092, cluster = 65535 }"),
        ('"delete"', '"Deleted"', 22, "one of 'delete', 'compact'", 'cleanup = "delete"'),
        ("partitions = 3", "partitions = 0", 20, "at least 1", "partitions = 1"),
        ('app = "restricted"', 'app = "restrict"', 32, "one of 'privileged'", 'app = "restricted"'),
        ("node_port = 30081", "node_port = 8081", 38, "at least 30000", "node_port = 30000"),
        ("database = true", 'database = "True"', 40, "true or false", "database = true"),
        ('subscribes = ["orders"]', 'subscribes = "orders"', 50, "an array", 'subscribes = ["orders"]'),
        ('LEVEL = "5"', "LEVEL = 5", 52, "a string", 'env = { ORDERS = "{url:order-api}", LEVEL = "{url:frontend}" }'),
        ('"services/stock"', '"/srv/stock"', 46, "a relative path", 'path = "services/backend-api"'),
    ],
)
def test_invalid_value(problems: Problems, old: str, new: str, line: int, said: str, correction: str) -> None:
    (problem,) = problems((old, new))
    assert problem.code == "manifest-invalid-value"
    assert problem.where == f"environment.toml:{line}"
    assert said in problem.summary
    assert problem.remedy == f"# environment.toml:{line} should read:\n{correction}"
    assert problem.final


@pytest.mark.parametrize(
    ("old", "new", "line", "correction"),
    [
        ("[topics.orders-dead]", '[topics."orders dead"]', 25, "[topics.orders-dead]"),
        ("[services.stock]", "[services.Stock]", 45, "[services.stock]"),
        (', LEVEL = "5"', ', "MY-LEVEL" = "5"', 52, 'env = { ORDERS = "{url:order-api}", MY_LEVEL = "5" }'),
    ],
)
def test_invalid_name_is_one_problem(problems: Problems, old: str, new: str, line: int, correction: str) -> None:
    (problem,) = problems((old, new))
    assert (problem.code, problem.where) == ("manifest-invalid-value", f"environment.toml:{line}")
    assert problem.remedy.splitlines()[1] == correction


@pytest.mark.parametrize(
    ("old", "new", "line", "correction"),
    [
        ("cpus = 4", "cpu = 4", 7, "cpus = 4"),
        ("[tools]", "[tool]", 10, "[tools]"),
        ("{ host = 9092", "{ hots = 9092", 17, "listeners = { host = 9092, cluster = 29092 }"),
        ("publishes = [", "publish = [", 41, 'publishes = ["orders"]'),
        ("pod_security.app", "pod_security.apps", 32, 'app = "restricted"'),
    ],
)
def test_misspelt_key_is_one_problem(problems: Problems, old: str, new: str, line: int, correction: str) -> None:
    (problem,) = problems((old, new))
    assert (problem.code, problem.where) == ("manifest-unknown-key", f"environment.toml:{line}")
    assert "The nearest is" in problem.cause
    assert problem.remedy == f"# environment.toml:{line} should read:\n{correction}"


def test_unknown_key_with_no_near_one_is_to_be_removed(problems: Problems) -> None:
    (problem,) = problems(('name = "shop"', 'name = "shop"\n"colour of\\nsky" = 1'))
    assert (problem.code, problem.where) == ("manifest-unknown-key", "environment.toml:2")
    assert problem.remedy == '# remove "colour of\\nsky" at environment.toml:2'
    assert "name, namespace, cluster" in problem.cause


@pytest.mark.parametrize(
    ("old", "line", "added"),
    [
        ("cpus = 4\n", 4, "# add under [cluster], with your own values:\ncpus = 4"),
        ('name = "shop"\n', 1, '# add to the file, with your own values:\nname = "taskapp"'),
        (
            '[tools]\nminikube = "1.38.1"\nhelm = "4.1.4"\n',
            1,
            '# add to the file, with your own values:\n[tools]\nminikube = "1.38.1"\nhelm = "4.1.4"',
        ),
        (
            'pod_security.app = "restricted"\npod_security.system = "baseline"\n',
            30,
            '# add under [dapr], with your own values:\n[dapr.pod_security]\napp = "restricted"\nsystem = "restricted"',
        ),
    ],
)
def test_missing_key(problems: Problems, old: str, line: int, added: str) -> None:
    (problem,) = problems((old, ""))
    assert (problem.code, problem.where) == ("manifest-missing-key", f"environment.toml:{line}")
    assert problem.remedy == added


def test_every_problem_at_once_in_the_order_of_the_file(problems: Problems) -> None:
    found = problems(
        ("port = 8082", "port = 80"),
        ('invokes = ["order-api"]', 'invokes = ["order-app"]'),
        ("cpus = 4", "cpus = -4"),
        ("partitions = 1", "partition = 1"),
        ('helm = "4.1.4"\n', ""),
        ("node_port = 30081", "node_port = 30081\ncolour = 1"),
    )
    assert [(p.code.removeprefix("manifest-"), p.where.partition(":")[2]) for p in found] == [
        ("invalid-value", "7"),
        ("missing-key", "10"),
        ("unknown-key", "25"),
        ("unknown-key", "38"),
        ("invalid-value", "47"),
        ("unknown-reference", "51"),
    ]


@pytest.mark.parametrize("table", ["topics", "services", "cluster", "broker", "dapr"])
@pytest.mark.parametrize("value", ["3", "[]", '"x"', "2026-01-01", "[[1]]", "1.5"])
def test_table_of_another_type(problems: Problems, manifest_text: str, table: str, value: str) -> None:
    without = "\n".join(
        part for part in manifest_text.split("\n\n") if not part.startswith((f"[{table}]", f"[{table}."))
    )
    found = problems((manifest_text, f"{table} = {value}\n{without}"))
    assert all(problem.where.startswith("environment.toml:") and problem.remedy for problem in found)


def test_import_is_cheap() -> None:
    """Every command reads the manifest: no client library may hang on its import."""
    heavy = {"docker", "kubernetes", "aiokafka", "httpx", "grpc", "dapr", "rich", "invoke", "asyncio", "yaml"}
    code = "import sys, bootstrap.manifest; print(*sorted(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not heavy & set(ran.stdout.split())
