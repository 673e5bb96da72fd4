"""The page in a real browser: tasks, live updates, history."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.real("chromium")


def task(page: Page, title: str) -> Any:
    """The row of a task."""
    return page.get_by_test_id("task").filter(has=page.get_by_text(title, exact=True))


def live(page: Page) -> Page:
    """The page, once it hears live updates."""
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    return page


def add(page: Page, title: str) -> None:
    page.get_by_test_id("new-title").fill(title)
    page.get_by_test_id("add-task").click()


def test_an_added_task_shows_and_reaches_other_browsers(site: Any) -> None:
    here, there = live(site.open()), live(site.open())
    expect(here.get_by_test_id("empty")).to_contain_text("Nothing to do")

    add(here, "  Water the plants ")

    expect(task(here, "Water the plants")).to_have_attribute("data-status", "open")
    expect(here.get_by_test_id("new-title")).to_have_value("")
    expect(task(there, "Water the plants")).to_be_visible()
    expect(there.get_by_test_id("announcer")).to_have_text("Water the plants was added")


def test_a_task_is_completed_and_reopened(site: Any) -> None:
    site.backend.add("Call home")
    page = live(site.open())

    task(page, "Call home").get_by_test_id("complete").click()

    completed = page.get_by_test_id("list-completed").get_by_test_id("task")
    expect(completed).to_have_attribute("data-status", "completed")
    page.get_by_test_id("toast").get_by_role("button", name="Undo").click()
    expect(task(page, "Call home")).to_have_attribute("data-status", "open")


def test_only_changed_fields_are_sent_and_times_as_utc(site: Any) -> None:
    site.backend.add("Pay rent", due_at="2030-01-31T09:00:30Z")
    page = live(site.open(timezone_id="America/New_York", locale="en-GB"))
    task(page, "Pay rent").get_by_test_id("edit-open").click()
    expect(page.get_by_test_id("edit-due")).to_have_value("2030-01-31T04:00")

    page.get_by_test_id("edit-remind").fill("2030-01-30T20:15")
    page.get_by_test_id("edit-recurrence").select_option("monthly")
    page.get_by_test_id("editor-save").click()

    expect(task(page, "Pay rent").get_by_test_id("task-recurrence")).to_have_text("Every month")
    expect(task(page, "Pay rent").get_by_test_id("task-due")).to_contain_text("31 Jan 2030 04:00")
    sent = [body for method, _, body in site.backend.requests if method == "PATCH"]
    assert sent == [{"remind_at": "2030-01-31T01:15:00.000Z", "recurrence": "monthly"}]


def test_a_change_made_meanwhile_is_not_overwritten_unasked(site: Any) -> None:
    mine = site.backend.add("Draft")
    page = live(site.open())
    task(page, "Draft").get_by_test_id("edit-open").click()
    page.get_by_test_id("edit-title").fill("My draft")
    site.backend.change(mine, title="Their draft")

    page.get_by_test_id("editor-save").click()

    expect(page.get_by_test_id("editor").get_by_role("alert")).to_contain_text("Someone changed this task")
    page.get_by_test_id("editor-save").click()
    expect(task(page, "My draft")).to_be_visible()
    expected_noise(site, "412")


def test_a_refused_field_is_explained_beside_it(site: Any) -> None:
    errors = [{"field": "title", "message": "should have at most 200 characters"}]
    site.backend.fail[("POST", "/tasks")] = (422, {"title": "Unprocessable", "errors": errors})
    page = live(site.open())

    add(page, "x" * 201)

    title = page.get_by_test_id("new-title")
    expect(title).to_have_attribute("aria-invalid", "true")
    expect(title).to_have_accessible_description("Should have at most 200 characters.")
    expect(title).to_be_focused()
    expect(title).to_have_value("x" * 201)
    expected_noise(site, "422")


def test_a_title_typed_while_another_is_being_added_is_kept(site: Any) -> None:
    page = live(site.open())
    held = []

    def hold(route: Any) -> None:
        if route.request.method == "POST":
            held.append(route)
        else:
            route.fallback()

    page.route("**/tasks", hold)
    page.get_by_test_id("new-title").press_sequentially("First")
    with page.expect_request(lambda request: request.method == "POST"):
        page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.keyboard.type("Second")
    expect(page.get_by_text("Give the task a title.")).to_be_hidden()

    held[0].abort()

    toast = page.get_by_test_id("toast")
    expect(toast).to_contain_text("“First” was not added.")
    expect(page.get_by_test_id("new-title")).to_have_value("Second")
    toast.get_by_role("button", name="Put it back").click()
    expect(page.get_by_test_id("new-title")).to_have_value("First")
    expected_noise(site, "ERR_FAILED")


def test_a_lost_answer_does_not_make_two_tasks(site: Any) -> None:
    page = live(site.open())
    lost = []

    def lose_the_first_answer(route: Any) -> None:
        if route.request.method == "POST" and not lost:
            lost.append(route.fetch())
            route.abort()
        else:
            route.fallback()

    site.backend.echo = False
    page.route("**/tasks", lose_the_first_answer)
    add(page, "Once")
    expect(page.get_by_role("alert").filter(has_text="cannot be reached")).to_be_visible()

    page.get_by_test_id("add-task").click()

    expect(task(page, "Once")).to_have_count(1)
    assert len(site.backend.tasks) == 1
    expected_noise(site, "ERR_FAILED")


def test_a_deletion_is_confirmed_and_shows_everywhere(site: Any) -> None:
    site.backend.add("Old")
    here, there = live(site.open()), live(site.open())

    task(here, "Old").get_by_test_id("delete").click()
    here.get_by_role("button", name="Keep it").click()
    expect(task(here, "Old")).to_be_visible()
    task(here, "Old").get_by_test_id("delete").click()
    here.get_by_test_id("confirm-delete").click()

    expect(task(here, "Old")).to_have_count(0)
    expect(task(there, "Old")).to_have_count(0)
    expect(here.get_by_test_id("new-title")).to_be_focused()


def test_history_tells_what_happened_and_follows(site: Any) -> None:
    first = site.backend.add("Plan")
    second = site.backend.change(first, title="Better plan", due_at="2030-01-01T10:00:00Z")
    page = live(site.open())
    task(page, "Better plan").get_by_test_id("history-open").click()
    entries = page.get_by_test_id("history-entry")
    expect(entries).to_have_count(2)
    expect(entries.nth(0)).to_contain_text("Changed title and due date")
    expect(entries.nth(1)).to_contain_text("Created")

    third = site.backend.change(second, status="completed", completed_at="2030-01-01T10:00:00Z")
    site.backend.broadcast("completed", third)

    expect(entries.nth(0)).to_contain_text("Completed")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("history")).to_be_hidden()


def test_history_that_cannot_be_had_says_so(site: Any) -> None:
    plan = site.backend.add("Plan")
    where = ("GET", f"/tasks/{plan['id']}/history")
    site.backend.fail[where] = (503, {"title": "Service Unavailable", "detail": "The audit service is away."})
    page = live(site.open())
    task(page, "Plan").get_by_test_id("history-open").click()
    expect(page.get_by_test_id("history").get_by_role("status")).to_have_text("The audit service is away.")
    del site.backend.fail[where]

    page.get_by_role("button", name="Try again").click()

    expect(page.get_by_test_id("history-entry")).to_have_count(1)
    expected_noise(site, "503")


def test_the_page_reconnects_and_loads_what_it_missed(site: Any) -> None:
    kept, gone = site.backend.add("Kept"), site.backend.add("Gone")
    page = live(site.open())
    site.backend.cut(reopen=False)
    connection = page.get_by_test_id("connection")
    expect(connection).to_have_attribute("data-state", "offline")
    expect(page.get_by_text("No live connection.")).to_be_visible()
    site.backend.change(kept, title="Kept and changed")
    del site.backend.tasks[gone["id"]]
    site.backend.add("New")

    site.backend.socket_open = True

    expect(connection).to_have_attribute("data-state", "live")
    expect(task(page, "Kept and changed")).to_be_visible()
    expect(task(page, "New")).to_be_visible()
    expect(task(page, "Gone")).to_have_count(0)
    expect(page.get_by_text("No live connection.")).to_be_hidden()
    expected_noise(site, "WebSocket")


def test_an_old_event_never_overwrites_a_newer_task(site: Any) -> None:
    first = site.backend.add("First title")
    second = site.backend.change(first, title="Second title")
    page = live(site.open())
    expect(task(page, "Second title")).to_be_visible()

    site.backend.broadcast("created", first)
    site.backend.broadcast("deleted", site.backend.add("Other"))
    site.backend.broadcast("updated", site.backend.add("Marker"))

    expect(task(page, "Marker")).to_be_visible()
    expect(task(page, "Second title")).to_be_visible()
    expect(task(page, "First title")).to_have_count(0)
    site.backend.broadcast("deleted", second)
    site.backend.broadcast("updated", first)
    site.backend.broadcast("updated", site.backend.add("Second marker"))
    expect(task(page, "Second marker")).to_be_visible()
    expect(task(page, "First title")).to_have_count(0)


def test_a_title_that_looks_like_markup_is_text(site: Any) -> None:
    page = live(site.open())
    title = "<img src=x onerror=alert(1)><script>alert(2)</script>"

    add(page, title)

    expect(page.get_by_test_id("task-title")).to_have_text(title)
    assert page.locator(".task img, .task script").count() == 0


def test_filters_and_older_pages(site: Any) -> None:
    site.backend.page_size = 2
    for number in range(5):
        site.backend.add(f"Task {number}")
    site.backend.add("Done", status="completed", completed_at="2030-01-01T10:00:00Z")
    page = live(site.open())
    titles = page.get_by_test_id("task-title")
    expect(titles).to_have_text(["Task 4", "Task 3", "Done"])

    page.get_by_role("button", name="Show older").click()
    expect(titles).to_have_text(["Task 4", "Task 3", "Task 2", "Task 1", "Done"])
    page.get_by_role("button", name="Show older").click()
    expect(page.get_by_role("button", name="Show older")).to_have_count(0)
    page.get_by_test_id("filter-completed").check()
    expect(titles).to_have_text(["Done"])
    page.get_by_test_id("filter-open").check()
    page.get_by_test_id("filter-text").fill("TASK 3")
    expect(titles).to_have_text(["Task 3"])
    page.get_by_test_id("filter-text").fill("nonsense")
    expect(page.get_by_test_id("empty")).to_contain_text("Nothing matches")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((503, {"title": "Service Unavailable", "detail": "The database is away."}), "The database is away."),
        # Such as the page of a proxy, or of a network that wants a login.
        ((200, "<html>Please log in</html>"), "Something other than the backend answers"),
    ],
)
def test_a_list_that_cannot_be_loaded_says_so_and_recovers(
    site: Any, answer: tuple[int, dict[str, Any] | str], said: str
) -> None:
    site.backend.add("There")
    site.backend.fail[("GET", "/tasks")] = answer
    site.backend.socket_open = False  # with a connection everything is loaded anew
    page = site.open(still=True)
    expect(page.get_by_test_id("failure")).to_contain_text(said)
    site.backend.fail.clear()

    page.get_by_test_id("failure").get_by_role("button", name="Try again").click()

    expect(task(page, "There")).to_be_visible()
    expect(page.get_by_test_id("failure")).to_be_hidden()
    expected_noise(site, "503|WebSocket")


def expected_noise(site: Any, pattern: str) -> None:
    """Browsers write every failed request to the console: take those that the test caused off the record."""
    site.noise[:] = [line for line in site.noise if not re.search(pattern, line)]
