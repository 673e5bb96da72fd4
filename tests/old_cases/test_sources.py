"""Cases 1 and 2 of the old log: stopped before anything is built, by their requirements and imports."""

from pathlib import Path

from tests.old_cases.conftest import Repository

FOUR = ("audit-service", "frontend", "notification-service", "recurring-task-service")
PINS = "pytest==9.0.2\npytest-asyncio==0.26.0\n"


def test_1_pytest_beside_a_plugin_that_wants_an_older_one_in_four_services(repository: Repository) -> None:
    """`./inv up --on local`"""
    for name in FOUR:
        file = f"services/{name}/requirements.txt"
        repository.write(file, (repository.path / file).read_text() + PINS)
    found = repository.stopped("sources", repository.env(), "local")
    assert {problem["code"] for problem in found} == {"requirements-conflict"}
    files = {name: f"services/{name}/requirements.txt" for name in FOUR}
    assert {problem["where"] for problem in found} == {repository.line(file, "pytest==") for file in files.values()}
    for problem in found:
        assert "pytest==9.0.2 and pytest-asyncio==0.26.0 wants pytest" in problem["summary"]
        assert "<9" in problem["summary"]
        assert "# pytest==8." in problem["remedy"], "a version that resolves"
        assert problem["remedy"].endswith("\n./inv up")
        assert "unsatisfiable" in problem["evidence"]


def test_2_the_client_of_dapr_that_no_requirement_provides(repository: Repository) -> None:
    """`./inv up --on local`"""
    module, requirements = "services/backend-api/backend_api/main.py", "services/backend-api/requirements.txt"
    repository.edit(module, "\nfrom ", "\nfrom dapr.clients import DaprClient\nfrom ")
    repository.edit(requirements, "dapr==", "# dapr==")
    found = repository.stopped("sources", repository.env(), "local")
    assert {problem["code"] for problem in found} == {"import-not-covered"}
    assert {problem["summary"].split()[0].split(":")[0].rpartition("/")[0] for problem in found} <= {
        str(Path(module).parent),
        "services/shared/taskapp",
    }
    (named,) = [problem for problem in found if problem["where"] == repository.line(module, "from dapr.clients")]
    assert "imports dapr.clients" in named["summary"]
    assert f"echo 'dapr' >> {requirements}" in named["remedy"]
