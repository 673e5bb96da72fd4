"""The page: what is served, and what it does in a browser."""

import os
import re
from concurrent.futures import Future
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import pytest

from tests.parts import chromium
from tests.smoke.app import App, Wrong

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page

BROWSER_ARGS = (
    *("--headless=new", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
# A container that comes or goes changes the addresses of the machine, and Chromium drops what is under way: that says
# nothing about the app.
MOVED, VISITS = "ERR_NETWORK_CHANGED", 3
IMPORTED = re.compile(r"""^(?:import|export)\b[^;"']*["'](\.{0,2}/[^"']+)["']""", re.MULTILINE)


class _Files(HTMLParser):
    """The files that a page loads from its own server."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if path := values.get("src") if tag == "script" else values.get("href") if tag == "link" else None:
            self.found.append(path)


def test_the_page_and_its_scripts_are_served(app: App) -> None:
    answer = app.request("frontend", "GET", "/")
    page = _Files()
    page.feed(answer.text)
    if answer.status_code != 200 or not page.found:
        raise Wrong("frontend", f"Expected a page with its scripts at /, not {answer.status_code}: {answer.text:.300}")
    todo, seen = [urljoin("/", path) for path in page.found], {"/"}
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            file = app.request("frontend", "GET", path)
            if file.status_code != 200:
                raise Wrong("frontend", f"Expected the page's file {path} to be served, not {file.status_code}.")
            if path.endswith(".js"):
                todo += [urljoin(path, other) for other in IMPORTED.findall(file.text)]


def test_the_page_may_talk_to_the_services(app: App) -> None:
    config = app.get("frontend", "/config.json")
    backend = app.url("backend-api")
    socket = app.url("websocket-service").replace("http", "ws", 1) + "/ws"
    if config != {"backend_url": backend, "websocket_url": socket}:
        raise Wrong("frontend", f"Expected /config.json to name {backend} and {socket}, not {config}.")
    policy = app.request("frontend", "GET", "/").headers.get("content-security-policy", "")
    directives = [directive.split() for directive in policy.split(";")]
    allowed = {source for name, *sources in filter(None, directives) if name == "connect-src" for source in sources}
    wanted = {_origin(backend), _origin(socket)}
    if not wanted <= allowed:
        raise Wrong("frontend", f"Expected the content security policy to allow {sorted(wanted)}, not {policy!r}.")
    origin = _origin(app.url("frontend"))
    answer = app.request("backend-api", "GET", "/tasks?limit=1", headers={"Origin": origin})
    granted = answer.headers.get("access-control-allow-origin")
    if granted != origin:
        raise Wrong("backend-api", f"Expected the backend to let the page of {origin} read (CORS), not {granted}.")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def visit(app: App) -> None:
    """Adds and completes a task in one tab; another one hears of it."""
    from playwright.sync_api import Error, sync_playwright

    program = chromium(os.environ)
    if program is None:
        raise Wrong("frontend", "There is no Chromium on this machine; CHROMIUM may name one.")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=program, args=BROWSER_ARGS)
        except Error as error:
            raise Wrong("frontend", f"The browser {program} does not start: {_first(error)}.") from None
        with browser:
            for left in reversed(range(VISITS)):
                try:
                    _visit(app, browser)
                    break
                except Wrong as wrong:
                    if not left or MOVED not in str(wrong):
                        raise


def _visit(app: App, browser: "Browser") -> None:
    errors: list[str] = []
    tabs = browser.new_context()
    # The tab opened last is in front: browsers let the others take their time.
    there, here = (_open(app, tabs, errors) for _ in range(2))
    for tab in (there, here):
        live = tab.locator('[data-testid="connection"][data-state="live"]')
        _see(app, live, "the page to have its live connection", "websocket-service", errors)
    title = app.title()
    here.get_by_test_id("new-title").fill(title)
    here.get_by_test_id("add-task").click()
    mine, theirs = (tab.get_by_test_id("task").filter(has_text=title) for tab in (here, there))
    _see(app, mine, "a task that is added to show in the page", "backend-api", errors)
    _see(app, theirs, "a second tab to hear of a task that is added", "websocket-service", errors)
    mine.get_by_test_id("complete").click()
    done = theirs.and_(there.locator('[data-status="completed"]'))
    _see(app, done, "a second tab to hear of a task that is completed", "websocket-service", errors)
    if errors:
        raise Wrong("frontend", f"Expected no errors in the browser's console, not {errors[:3]}.")


def _open(app: App, tabs: "BrowserContext", errors: list[str]) -> "Page":
    """A tab that begins to load the page. What its console says is wrong goes to `errors`."""
    from playwright.sync_api import Error

    page = tabs.new_page()
    page.set_default_timeout(app.deadline * 1000)
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        page.goto(app.url("frontend"), wait_until="commit")
    except Error as error:
        raise Wrong("frontend", f"The page does not load: {_first(error)}.") from None
    return page


def _first(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _see(app: App, locator: "Locator", expected: str, service: str, errors: list[str]) -> None:
    from playwright.sync_api import TimeoutError as Late

    try:
        locator.wait_for()
    except Late:
        said = f" The browser's console: {errors[:3]}." if errors else ""
        raise Wrong(service, f"Expected {expected}; after {app.deadline:g} s it is not so.{said}") from None


@pytest.mark.real("chromium")
@pytest.mark.story(begin=visit)
def test_the_page_works_in_a_browser(story: Future[None]) -> None:
    story.result()
