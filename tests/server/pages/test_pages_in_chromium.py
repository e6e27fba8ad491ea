"""The insights page as people see it: in a real browser, light, dark, narrow and by keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from windrow_server.questions import ask
from windrow_server.store import Store

from tests.support.browser import Heard, chromium, listen, log_in
from tests.support.fleet import TODAY
from tests.support.pages import TOKEN

pytestmark = pytest.mark.browser
CHARTS = ("active-day", "active-week", "active-month", "lifecycle", "versions", "events", "other-kinds")

NAMELESS = """
[...document.querySelectorAll('a,button,select,input:not([type=hidden]),[role=img],[role=region],nav,section')]
  .filter(one => !one.getAttribute('aria-label') && !one.getAttribute('aria-labelledby')
    && !one.labels?.length && !one.textContent.trim())
  .map(one => one.outerHTML.slice(0, 100))
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def open_page(browser: Browser, pages: str) -> Iterator[Any]:
    contexts = []

    def opened(path: str = "/?product=hay&period=90d", **options: Any) -> tuple[Page, Heard]:
        context = browser.new_context(locale="en-GB", **options)
        contexts.append(context)
        page = context.new_page()
        heard = listen(page)
        log_in(page, pages, TOKEN)
        page.goto(pages + path)
        return page, heard

    yield opened
    for context in contexts:
        context.close()


def cells(page: Page, question: str, figure: str | None = None) -> list[list[float | None]]:
    """The numbers of a table, row by row; None where a cell has no number."""
    table = f'table[data-figure="{figure}"]' if figure else "table"
    rows = page.locator(f'[data-question="{question}"] {table} tbody tr')
    found: list[list[float | None]] = rows.evaluate_all(
        "rows => rows.map(row => [...row.querySelectorAll('td:not(.t)')]"
        ".map(cell => cell.dataset.value === undefined ? null : Number(cell.dataset.value)))"
    )
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("period", ["7d", "30d", "90d", "365d"])
def test_every_chart_is_drawn_and_the_page_is_silent_and_asks_no_other_host(
    open_page: Any, pages: str, period: str, scheme: str
) -> None:
    page, heard = open_page(f"/?product=hay&period={period}", color_scheme=scheme)
    for name in CHARTS:
        assert page.locator(f"#{name} .chart svg path").count() > 0, name
    page.mouse.move(640, 640)
    assert heard.messages == []
    assert heard.hosts == {pages.removeprefix("http://")}


def test_the_tables_hold_exactly_what_the_questions_answer(open_page: Any, fleet_store: Store) -> None:
    page, _ = open_page()

    def answer(name: str) -> list[dict[str, Any]]:
        return ask(fleet_store, name, product="hay", since=TODAY - timedelta(days=89), until=TODAY).rows

    for unit in ("day", "week", "month"):
        asked = [[row["instances"]] for row in answer("active_instances") if row["unit"] == unit]
        assert cells(page, "active_instances", f"active-{unit}") == asked
    lives = [
        [r["new"], r["returning"], r["gone"], r["stayed"], r["new"] + r["returning"] + r["stayed"]]
        for r in answer("lifecycle")
    ]
    assert cells(page, "lifecycle") == lives
    assert [n for row in cells(page, "versions") for n in row] == [r["instances"] for r in answer("versions")]
    events = [[r["events"], r["instances"], r["share"], r["apart"]] for r in answer("events_by_name")]
    assert cells(page, "events_by_name") == events
    others = [
        [r["ephemeral"], r["foreign"], r["ephemeral_events"], r["foreign_events"]]
        for r in answer("other_kinds")
    ]
    assert cells(page, "other_kinds") == others
    assert cells(page, "refusals") == [[row["n"]] for row in answer("refusals")]
    headline = page.locator("[data-question=headline] .big").all_inner_texts()
    assert headline == [str(row["active"]) for row in answer("headline")]


def test_the_bar_of_a_week_is_as_high_as_its_number(open_page: Any) -> None:
    page, _ = open_page()
    numbers = [row[0] for row in cells(page, "active_instances", "active-week")]
    heights = page.locator("#active-week .chart svg path").evaluate_all(
        "(paths, n) => paths.map(p => p.getBBox()).filter(b => b.width > 4 && b.width < 60 && b.height > 1)"
        ".map(b => b.height).slice(-n)",
        len(numbers),
    )
    tallest = max(range(len(numbers)), key=lambda place: numbers[place] or 0)
    scale = heights[tallest] / (numbers[tallest] or 1)
    assert heights == pytest.approx([(number or 0) * scale for number in numbers], abs=1.5)


@pytest.mark.parametrize("period", ["30d", "90d", "365d"])
def test_the_only_version_of_a_new_product_is_drawn_and_named(
    open_page: Any, clock: Any, period: str
) -> None:
    clock.now -= timedelta(days=146).total_seconds()  # the fleet's first week
    page, _ = open_page(f"/?product=hay&period={period}")
    weeks = [[number or 0 for number in row] for row in cells(page, "versions")]
    assert sum(any(row) for row in weeks) == 1
    assert "1.0.0" in page.locator("#versions .chart svg text").all_text_contents()
    heights = page.locator("#versions .chart svg path[fill]").evaluate_all(
        "paths => paths.map(path => path.getBBox()).filter(box => box.width > 8).map(box => box.height)"
    )
    assert max(heights) > 50


def test_the_week_that_runs_is_lighter_and_outlined_in_its_own_colour(open_page: Any) -> None:
    page, _ = open_page()
    over, running = page.locator("#active-week .chart svg path").evaluate_all(
        "paths => paths.filter(path => path.getBBox().width > 8 && path.getBBox().height > 1).slice(-2)"
        ".map(path => [path.getAttribute('fill'), path.getAttribute('stroke')])"
    )
    assert running[1] == over[0]
    assert brightness_of_hex(running[0]) > brightness_of_hex(over[0])


def test_what_is_not_over_is_said_to_be_partial(open_page: Any) -> None:
    page, _ = open_page()
    for name in ("active-day", "active-week", "active-month", "lifecycle", "versions", "other-kinds"):
        partial = page.locator(f'table[data-figure="{name}"] tr[data-partial]')
        assert partial.count() == 1
        assert "so far" in (partial.text_content() or "")
    assert (
        page.locator('table[data-figure="lifecycle"] tr[data-partial]').text_content().count("not known yet")
        == 1
    )


@pytest.mark.parametrize("width", [360, 400])
def test_a_narrow_page_shows_every_column_of_what_was_refused(open_page: Any, width: int) -> None:
    page, _ = open_page(viewport={"width": width, "height": 800})
    table = page.locator("[data-question=refusals] .scroll")
    assert table.evaluate("box => box.scrollWidth - box.clientWidth") == 0


@pytest.mark.parametrize("width", [360, 400])
def test_a_narrow_page_never_scrolls_sideways(open_page: Any, width: int) -> None:
    page, _ = open_page(viewport={"width": width, "height": 800})
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_dark_page_is_dark_and_its_charts_are_drawn_anew_when_the_scheme_changes(open_page: Any) -> None:
    page, heard = open_page(color_scheme="light")
    bar = page.locator("#events .chart svg path[fill]").first

    def looks() -> tuple[str, str | None]:
        return page.evaluate("getComputedStyle(document.documentElement).backgroundColor"), bar.get_attribute(
            "fill"
        )

    light = looks()
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "old => document.querySelector('#events .chart svg path[fill]').getAttribute('fill') !== old",
        arg=light[1],
    )
    dark = looks()
    assert brightness(light[0]) > 200
    assert brightness(dark[0]) < 40
    assert heard.messages == []


def test_hovering_tells_the_exact_numbers(open_page: Any) -> None:
    page, heard = open_page()
    page.locator("#lifecycle .chart").hover()
    tip = page.locator("#lifecycle .tip")
    tip.wait_for()
    assert re.search(r"New\s*\d+\s*Returning\s*\d+\s*Gone\s*\d+", tip.inner_text())
    assert heard.messages == []


def test_everything_can_be_reached_by_keyboard(open_page: Any) -> None:
    page, _ = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.keyboard.press("Enter")
    assert page.locator('table[data-figure="active-day"]').is_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "region"


def test_the_period_is_a_link_that_says_where_one_is(open_page: Any, pages: str) -> None:
    page, _ = open_page()
    page.get_by_role("link", name="30 days").click()
    assert page.url == f"{pages}/?product=hay&period=30d"
    assert page.locator("[aria-current=page]").inner_text() == "30 days"


def test_without_scripts_the_tables_are_there_all_the_same(open_page: Any) -> None:
    page, _ = open_page(java_script_enabled=False)
    page.locator("#active-week summary").click()
    assert page.locator('table[data-figure="active-week"]').is_visible()
    assert "Charts need JavaScript" in page.locator("noscript").inner_text()


def test_every_control_and_picture_has_a_name(open_page: Any) -> None:
    page, _ = open_page()
    for summary in page.locator("summary").all():
        summary.click()
    nameless = page.evaluate(NAMELESS)
    assert nameless == []
    ids = page.locator("[id]").evaluate_all("all => all.map(one => one.id)")
    assert len(ids) == len(set(ids))


def test_a_wrong_token_is_told_in_an_alert_and_the_page_stays_silent(browser: Browser, pages: str) -> None:
    page = browser.new_page()
    heard = listen(page)
    page.goto(pages)
    page.fill("#token", "wrong")
    page.click("main button")
    assert "not the admin token" in page.get_by_role("alert").inner_text()
    # Chromium itself reports the status 401 of a page on the console.
    assert all("401" in message for message in heard.messages)
    page.close()


def brightness(color: str) -> float:
    """The mean of the channels of a CSS colour."""
    channels = [int(channel) for channel in re.findall(r"\d+", color)[:3]]
    return sum(channels) / 3


def brightness_of_hex(color: str) -> float:
    """The mean of the channels of a colour such as #1f6f9f."""
    return sum(bytes.fromhex(color.removeprefix("#"))) / 3
