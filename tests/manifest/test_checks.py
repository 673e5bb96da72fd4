"""References, conflicts and folders: what no single value shows."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.manifest import load
from bootstrap.problems.problem import Problem, ProblemsFound

Problems = Callable[..., tuple[Problem, ...]]


@pytest.mark.parametrize(
    ("old", "new", "line", "correction"),
    [
        ('    "orders",', '    "order",', 42, 'publishes = ["orders"]'),
        ('subscribes = ["orders"]', 'subscribes = ["orders", "ordres"]', 50, 'subscribes = ["orders", "orders"]'),
        ('invokes = ["order-api"]', 'invokes = ["orderapi"]', 51, 'invokes = ["order-api"]'),
        ('dead_letter = "orders-dead"', 'dead_letter = "order-dead"', 23, 'dead_letter = "orders-dead"'),
        ("{url:order-api}", "x {url:orders-api}/", 52, 'env = { ORDERS = "x {url:order-api}/", LEVEL = "5" }'),
        ('"services/stock"', '"services/stok"', 46, 'path = "services/stock"'),
    ],
)
def test_unknown_reference(problems: Problems, old: str, new: str, line: int, correction: str) -> None:
    (problem,) = problems((old, new))
    assert (problem.code, problem.where) == ("manifest-unknown-reference", f"environment.toml:{line}")
    assert "does not exist" in problem.summary
    assert problem.remedy == f"# environment.toml:{line} should read:\n{correction}"


def test_reference_with_nothing_near_lists_what_there_is(problems: Problems) -> None:
    (problem,) = problems(('subscribes = ["orders"]', 'subscribes = ["zzz"]'))
    assert problem.cause == "The topics that exist: orders, orders-dead."
    assert problem.remedy == "# environment.toml:50 should read:\nsubscribes = []"


@pytest.mark.parametrize(
    ("changes", "line", "said"),
    [
        ([('dead_letter = "orders-dead"', 'dead_letter = "orders"')], 23, "orders → orders"),
        (
            [('cleanup = "compact,delete"', 'cleanup = "delete"\ndead_letter = "orders"')],
            23,
            "orders → orders-dead → orders",
        ),
        ([("port = 8082", "port = 8081")], 47, "services.order-api.port"),
        ([("port = 8082", "port = 9092")], 47, "broker.listeners.host"),
        ([("cluster = 29092", "cluster = 9092")], 17, "broker.listeners.host"),
        ([("port = 8082", "port = 8082\nnode_port = 30081")], 48, "services.order-api.node_port"),
        ([('app_id = "stock"', 'app_id = "order-api"')], 48, "services.order-api.app_id"),
        ([('"services/stock"', '"services/order-api"')], 46, "services.order-api.path"),
        ([('app_id = "stock"\n', "")], 45, "subscribes and invokes and state, but no app_id"),
        ([("LEVEL", "PORT")], 52, "PORT, which is reserved"),
        ([("{url:order-api}", "{url:stock}")], 52, "no node_port"),
        ([('subscribes = ["orders"]', 'subscribes = ["orders", "orders"]')], 50, "orders twice"),
        ([('"services/stock"', '"../stock"')], 46, "leads out"),
        ([('"services/stock"', '"services/../../stock"')], 46, "leads out"),
    ],
)
def test_conflict(problems: Problems, changes: list[tuple[str, str]], line: int, said: str) -> None:
    (problem,) = problems(*changes)
    assert (problem.code, problem.where) == ("manifest-conflict", f"environment.toml:{line}")
    assert said in problem.summary
    assert problem.remedy


def test_invoked_service_needs_an_app_id(problems: Problems) -> None:
    (problem,) = problems(('app_id = "order-api"\n', ""), ('publishes = [\n    "orders",\n]\n', ""))
    assert problem.summary == "services.stock invokes order-api, which has no app_id."
    assert problem.remedy == '# add under [services.order-api]:\napp_id = "order-api"'


def test_corrections_of_ports_are_free(problems: Problems) -> None:
    (problem,) = problems(("port = 8082", "port = 9092"))
    assert problem.remedy.endswith("\nport = 9093")
    (problem,) = problems(("{url:order-api}", "{url:stock}"))
    assert problem.remedy == "# add under [services.stock]:\nnode_port = 30080"


def test_folder_must_hold_what_a_service_needs(tmp_path: Path, manifest_text: str) -> None:
    path = tmp_path / "environment.toml"
    path.write_text(manifest_text, encoding="utf-8")
    (tmp_path / "services" / "order-api").mkdir(parents=True)
    (tmp_path / "services" / "stock").symlink_to(tmp_path.parent)
    with pytest.raises(ProblemsFound) as failed:
        load(path)
    assert [(problem.where, problem.remedy) for problem in failed.value.problems] == [
        ("environment.toml:36", "touch services/order-api/requirements.txt"),
        ("environment.toml:36", "mkdir services/order-api/order_api"),
        ("environment.toml:46", '# environment.toml:46 should read:\npath = "services/stock"'),
    ]


def test_symlink_loop_is_a_missing_folder(tmp_path: Path, manifest_text: str, checkout: Path) -> None:
    path = tmp_path / "environment.toml"
    path.write_text(manifest_text, encoding="utf-8")
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "stock").symlink_to("stock")
    (tmp_path / "services" / "order-api").symlink_to("stock")
    with pytest.raises(ProblemsFound) as failed:
        load(path)
    assert {problem.code for problem in failed.value.problems} == {"manifest-unknown-reference"}
