"""The page without a mouse, on a small screen, in both colour schemes."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.real("chromium")

# Each visible element with text of its own: its name, its colour, and the colour behind it.
TEXTS = """() => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const seen = element.checkVisibility({visibilityProperty: true}) && !element.closest(".sr");
    if (!seen || !walker.currentNode.data.trim()) continue;
    let ground = element;
    const isClear = () => getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)";
    while (isClear() && ground.parentElement) ground = ground.parentElement;
    const style = getComputedStyle(element);
    found.push([element.className || element.tagName, style.color, getComputedStyle(ground).backgroundColor]);
  }
  return found;
}"""


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2) of an opaque `rgb(r, g, b)`."""
    channels = [int(part) / 255 for part in re.findall(r"\d+", colour)]
    assert len(channels) == 3, colour
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def assert_readable(page: Page) -> None:
    texts = page.evaluate(TEXTS)
    assert len(texts) > 5
    poor = [(name, round(contrast(a, b), 2)) for name, a, b in texts if contrast(a, b) < 4.5]
    assert poor == []


def fill(site: Any) -> None:
    """Tasks of every looks."""
    site.backend.add("Overdue", due_at="2020-01-01T10:00:00Z", description="With some words.")
    site.backend.add("Later", due_at="2040-01-01T10:00:00Z", remind_at="2039-01-01T10:00:00Z", recurrence="weekly")
    site.backend.add("Done", status="completed", completed_at="2020-01-01T10:00:00Z")


def ready(page: Page) -> Page:
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    expect(page.get_by_test_id("loading")).to_be_hidden()
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(site: Any, scheme: str) -> None:
    fill(site)
    page = ready(site.open(color_scheme=scheme, reduced_motion="reduce"))
    page.get_by_test_id("add-task").click()
    expect(page.get_by_text("Give the task a title.")).to_be_visible()
    assert_readable(page)
    for opener, dialog in [("edit-open", "editor"), ("history-open", "history"), ("delete", "confirm")]:
        page.get_by_test_id(opener).first.click()
        expect(page.get_by_test_id(dialog)).to_be_visible()
        assert_readable(page)
        page.keyboard.press("Escape")
        expect(page.get_by_test_id(dialog)).to_be_hidden()


def test_nothing_is_wider_than_a_small_phone(site: Any) -> None:
    fill(site)
    site.backend.add("Donaudampfschifffahrtsgesellschaftskapitän" * 4)
    page = ready(site.open(viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True))
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.get_by_test_id("edit-open").first.click()
    expect(page.get_by_test_id("editor")).to_be_visible()
    assert page.get_by_test_id("editor").evaluate("dialog => dialog.scrollWidth <= dialog.clientWidth")


def test_everything_can_be_done_with_the_keyboard(site: Any) -> None:
    page = ready(site.open())
    page.keyboard.press("n")
    expect(page.get_by_test_id("new-title")).to_be_focused()
    page.keyboard.type("next / any?")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("task-title")).to_have_text("next / any?")
    page.keyboard.type("Second")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("task")).to_have_count(2)

    page.get_by_test_id("task").first.get_by_test_id("complete").focus()
    page.keyboard.press("Space")
    expect(page.get_by_test_id("list-completed").get_by_test_id("task")).to_have_count(1)
    other = page.get_by_test_id("list-open").get_by_test_id("task")
    expect(other.get_by_test_id("complete")).to_be_focused()

    page.keyboard.press("Tab")
    expect(other.get_by_test_id("edit-open")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("edit-title")).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.type(" yes")
    page.keyboard.press("Enter")
    expect(other.get_by_test_id("task-title")).to_have_text("next / any? yes")
    expect(other.get_by_test_id("edit-open")).to_be_focused()

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("history-entry")).to_have_count(2)
    page.keyboard.press("Escape")
    expect(other.get_by_test_id("history-open")).to_be_focused()

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Keep it")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(other).to_have_count(0)
    expect(page.locator(":focus")).to_have_count(1)


def test_shortcuts_do_not_fire_while_typing_or_in_dialogs(site: Any) -> None:
    page = ready(site.open())
    page.keyboard.press("/")
    expect(page.get_by_test_id("filter-text")).to_be_focused()
    page.keyboard.type("n?/")
    expect(page.get_by_test_id("filter-text")).to_have_value("n?/")
    expect(page.get_by_test_id("help")).to_be_hidden()
    page.get_by_test_id("filter-all").focus()
    page.keyboard.press("?")
    expect(page.get_by_test_id("help")).to_be_visible()
    page.keyboard.press("n")
    expect(page.get_by_test_id("new-title")).not_to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("help")).to_be_hidden()
    page.keyboard.press("Control+n")
    expect(page.get_by_test_id("new-title")).not_to_be_focused()


def test_every_control_has_a_name(site: Any) -> None:
    fill(site)
    page = ready(site.open())
    for role in ("button", "checkbox", "radio", "textbox", "searchbox"):
        for control in page.get_by_role(role).all():
            expect(control).to_have_accessible_name(re.compile(r"\w"))


def test_focus_is_visible_and_motion_can_be_less(site: Any) -> None:
    fill(site)
    page = ready(site.open(reduced_motion="reduce"))
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the tasks")).to_be_in_viewport()
    check = page.get_by_test_id("complete").first
    page.get_by_role("button", name="Edit Later").focus()
    page.keyboard.press("Shift+Tab")
    expect(check).to_be_focused()
    expect(check).to_have_css("outline-style", "solid")
    site.backend.broadcast("updated", site.backend.add("Elsewhere"))
    row = page.get_by_test_id("task").filter(has_text="Elsewhere")
    expect(row).to_have_css("animation-duration", "1e-05s")
