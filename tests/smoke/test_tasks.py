"""A task's life, as its history tells it; and what a wrong input gets."""

from tests.smoke.app import App, Wrong


def test_a_created_task_shows_in_its_history(app: App) -> None:
    task = app.create()
    app.wait(
        "audit-service",
        "the history of a new task to be its creation",
        lambda: app.history(task),
        until=lambda kinds: kinds == ["created"],
    )


def test_a_deleted_task_ends_in_its_history(app: App) -> None:
    task = app.create()
    app.delete(task)
    app.wait(
        "audit-service",
        "the history of a deleted task to be its creation and its deletion",
        lambda: app.history(task),
        until=lambda kinds: kinds == ["created", "deleted"],
    )
    answer = app.request("backend-api", "GET", f"/tasks/{task['id']}")
    if answer.status_code != 404:
        raise Wrong("backend-api", f"Expected a deleted task to be gone (404), not {answer.status_code}.")


def test_a_wrong_input_gets_problem_details(app: App) -> None:
    answer = app.request("backend-api", "POST", "/tasks", json={"title": app.title(), "due_at": "tomorrow"})
    kind = answer.headers.get("content-type", "")
    if answer.status_code != 422 or not kind.startswith("application/problem+json"):
        expected = "a task with due_at 'tomorrow' to be refused with 422 and application/problem+json"
        raise Wrong("backend-api", f"Expected {expected}, not {answer.status_code} and {kind}: {answer.text:.300}")
    problem = answer.json()
    missing = {"type", "title", "status", "detail", "instance", "errors"} - set(problem)
    fields = [error.get("field") for error in problem.get("errors", ())]
    if missing or fields != ["due_at"]:
        raise Wrong(
            "backend-api", f"Expected problem details (RFC 9457) that name the field due_at, not {answer.text:.300}"
        )
