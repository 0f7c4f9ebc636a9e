"""Every kind of page in a real browser: silent, idle soon, sortable, filterable, honest about its age."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.browser.waiting import PATIENCE, idle, until
from tests.site_sample import NOW, SampleSite

pytestmark = pytest.mark.browser

KINDS = (
    "index.html", "files/index.html", "files/1.html", "files/2.html", "events/index.html", "events/viewer.html",
    "instruments/idex.html", "problems.html", "search.html", "monitors/index.html", "monitors/check-00/index.html",
    "monitors/filesystem/index.html", "storage/index.html", "days/index.html", "days/2026/11/20.html",
    "days/2026/11/index.html", "days/2026/W47.html", "tags.html",
)  # fmt: skip


def test_the_page_of_a_run_opens_without_a_word_on_the_console(
    page: Page, folder: str, sample_site: SampleSite
) -> None:
    name = min(found.name for found in (sample_site.site / "runs").glob("*.html"))
    page.goto(f"{folder}runs/{name}")
    expect(page.locator("h1")).to_be_visible()


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_opens_without_a_word_on_the_console(page: Page, site: str, kind: str) -> None:
    page.goto(site + kind)
    idle(page)
    expect(page.locator("#built")).to_contain_text("2026-11-20")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_day_and_month_pages_open_too(page: Page, site: str) -> None:
    for index in ("events/index.html", "files/index.html"):
        page.goto(site + index)
        for link in page.locator("ul.dates a").evaluate_all("(all) => all.map((a) => a.href)"):
            page.goto(link)
            expect(page.locator("table.data tbody tr").first).to_be_visible()


def test_figures_follow_light_dark_and_print(page: Page, folder: str) -> None:
    page.goto(folder + "index.html")
    idle(page)
    axis = "Bokeh.documents[0].roots()[0].below[0].axis_line_color"
    background = "getComputedStyle(document.body).backgroundColor"
    page.emulate_media(color_scheme="light")
    light = page.evaluate(background)
    until(page, f"{axis} === '#8a939e'")
    page.emulate_media(color_scheme="dark")
    until(page, f"{axis} === '#6b7581'")
    assert page.evaluate(background) != light
    page.emulate_media(media="print", color_scheme="dark")
    until(page, f"{axis} === '#555'")
    assert page.evaluate(background) == "rgb(255, 255, 255)"


@pytest.mark.parametrize(("hours", "state"), [(1, "ok"), (27, "error")])
def test_a_page_says_how_old_it_is_and_turns_red_when_stale(page: Page, folder: str, hours: int, state: str) -> None:
    page.clock.set_fixed_time(NOW + timedelta(hours=hours))
    page.goto(folder + "files/index.html")
    shown = page.locator("#built .state")
    expect(shown).to_have_class(f"state {state}")
    expect(shown).to_contain_text("60 min ago" if hours == 1 else "stale, 27 h ago")


def test_times_show_their_age_on_hover(page: Page, folder: str) -> None:
    page.clock.set_fixed_time(NOW)
    page.goto(folder + "events/index.html")
    cell = page.locator("td.time").first
    cell.hover()
    assert str(cell.get_attribute("title")).endswith("ago")


def column(page: Page, label: str) -> list[str]:
    labels = [text.split(" ")[0] for text in page.locator("table.data th").all_inner_texts()]
    rows = page.locator(f"table.data tbody tr:not([hidden]) td:nth-child({labels.index(label) + 1})")
    return [text.strip() for text in rows.all_inner_texts()]


def test_tables_sort_by_number_by_time_and_by_text(page: Page, folder: str) -> None:
    page.goto(folder + "events/index.html")
    header = page.locator("th", has_text="Event").get_by_role("button")
    header.click()
    numbers = [int(text) for text in column(page, "Event")]
    assert numbers == sorted(numbers)
    assert len(numbers) > 40
    header.click()
    assert [int(text) for text in column(page, "Event")] == sorted(numbers, reverse=True)
    expect(page.locator("th", has_text="Event")).to_have_attribute("aria-sort", "descending")
    page.locator("th", has_text="Time").get_by_role("button").click()
    assert column(page, "Time") == sorted(column(page, "Time"))
    page.locator("th", has_text="Kind").get_by_role("button").click()
    kinds = [kind for kind in column(page, "Kind") if kind.isalpha()]
    assert kinds == sorted(kinds)


def test_sorting_sizes_goes_by_bytes_and_not_by_letters(page: Page, folder: str) -> None:
    page.goto(folder + "files/index.html")
    page.locator("th", has_text="Size").get_by_role("button").click()
    sizes = page.locator("td.number[title$=bytes]").evaluate_all("(all) => all.map((td) => Number(td.dataset.value))")
    assert sizes == sorted(sizes)
    assert len(set(sizes)) > 3


def test_the_filter_takes_words_and_says_how_many_rows_are_left(page: Page, folder: str) -> None:
    page.goto(folder + "files/index.html")
    total = len(column(page, "Number"))
    page.get_by_placeholder("Filter rows").fill("hdf5 available")
    left = len(column(page, "Number"))
    assert 0 < left < total
    expect(page.get_by_role("status")).to_have_text(f"{left} of {total} rows")
    page.get_by_placeholder("Filter rows").fill("")
    assert len(column(page, "Number")) == total


def search(page: Page, text: str) -> None:
    page.locator("#query").fill(text)
    until(page, f"document.documentElement.dataset.found === {json.dumps(text)}")


def test_the_search_of_the_home_page_finds_files_events_monitors_and_days(page: Page, site: str) -> None:
    page.goto(site + "index.html")
    page.get_by_placeholder("Find a file").fill("plain.pkts")
    page.get_by_role("button", name="Search").click()
    expect(page).to_have_url(f"{site}search.html#q=plain.pkts")
    until(page, "document.documentElement.dataset.found === 'plain.pkts'")
    expect(page.locator("#found-files a")).to_have_text("plain.pkts")
    search(page, "7")
    expect(page.locator("#found-events a").first).to_have_text("Event 7")
    search(page, "check-00")
    expect(page.locator("#found-pages a").first).to_have_attribute("href", "monitors/check-00/index.html")
    search(page, "2026-11-20")
    expect(page.locator("#found-pages a", has_text="2026-11-20").first).to_be_visible()
    search(page, "nothing is called this")
    expect(page.locator("#progress")).to_contain_text("0 pages, 0 events, 0 of")
    search(page, "7")
    page.locator("#found-events a").first.click()
    expect(page.locator("h1")).to_have_text("Event 7", timeout=PATIENCE * 1000)


def test_a_file_is_found_by_the_start_of_its_hash(page: Page, folder: str, sample_site: SampleSite) -> None:
    page.goto(folder + "search.html")
    search(page, str(sample_site.value("select left(sha256, 12) from core.file where id = 3")))
    expect(page.locator("#found-files a")).to_have_attribute("href", "files/3.html")


def test_the_filter_of_a_list_comes_with_its_address(page: Page, folder: str) -> None:
    page.goto(f"{folder}files/index.html#q={quote('plain.pkts')}")
    assert column(page, "Name") == ["plain.pkts"]


def test_keys_lead_through_the_site(page: Page, folder: str) -> None:
    page.goto(folder + "index.html")
    idle(page)
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.wait_for_url("**/monitors/index.html")
    idle(page)
    page.keyboard.press("t")
    page.keyboard.type("number 00")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/monitors/*/index.html")
    idle(page)
    page.keyboard.press("/")
    expect(page.locator("#site-search")).to_be_focused()
    page.goto(folder + "days/2026/11/20.html")
    page.keyboard.press("[")
    page.wait_for_url(lambda url: "11/20" not in url)
    idle(page)
    page.keyboard.press("]")
    page.wait_for_url("**/days/2026/11/20.html")
    idle(page)


def test_the_table_of_monitors_sorts_filters_and_shows_ages(page: Page, folder: str) -> None:
    page.clock.set_fixed_time(NOW)
    page.goto(folder + "monitors/index.html")
    page.locator("th", has_text="Since").get_by_role("button").click()
    seconds = page.locator("td:nth-child(3)").evaluate_all("(all) => all.map((td) => Number(td.dataset.value))")
    assert seconds == sorted(seconds)
    expect(page.locator("td.age .ago").first).to_contain_text("ago")
    page.get_by_placeholder("Filter rows").fill("failed")
    assert page.locator("table.data tbody tr:visible").count() == 1
    page.locator("table.data tbody tr:visible a").first.click()
    expect(page.locator("h1")).to_have_text("Check number 00")
    idle(page)


def test_rows_that_have_no_file_are_made_into_csv_in_the_page(page: Page, folder: str) -> None:
    page.goto(folder + "instruments/idex.html")
    tools = page.locator(".table-tools", has=page.get_by_text("Download as CSV")).first
    with page.expect_download() as waiting:
        tools.get_by_role("link", name="Download as CSV").click()
    lines = Path(waiting.value.path()).read_text().splitlines()
    assert lines[0].startswith("Event,Time UTC")
    assert re.fullmatch(r"\d+,\d{4}-\d\d-\d\dT[\d:.]+Z,.*", lines[1])


def test_a_stale_page_says_so_above_everything(page: Page, folder: str) -> None:
    page.clock.set_fixed_time(NOW + timedelta(hours=30))
    page.goto(folder + "index.html")
    said = page.evaluate("getComputedStyle(document.querySelector('main'), '::before').content")
    assert "These pages are old" in said


def test_the_calendar_leads_to_a_day_and_back(page: Page, folder: str) -> None:
    page.goto(folder + "days/index.html")
    page.locator("a.square.bad").first.click()
    page.get_by_role("link", name="Days").last.click()
    expect(page.locator("h1")).to_have_text("Days")


def test_the_csv_is_a_download_that_is_there(page: Page, folder: str, sample_site: SampleSite) -> None:
    page.goto(folder + "files/index.html")
    link = page.get_by_role("link", name="Download as CSV")
    assert link.get_attribute("href") == "../files/index.csv"
    lines = (sample_site.site / "files/index.csv").read_text().splitlines()
    assert lines[0].startswith("id,name,instrument")


def test_the_sql_fold_of_a_page_runs_as_it_stands(page: Page, folder: str, sample_site: SampleSite) -> None:
    from sqlalchemy import text

    statements = []
    for kind in KINDS:
        page.goto(folder + kind)
        statements += page.locator("details.sql pre").all_text_contents()
    assert len(statements) > 20
    with sample_site.catalog.read() as conn:
        for statement in statements:
            conn.execute(
                text(statement.replace(":event", "1").replace("::", "\x00").replace(":", "\\:").replace("\x00", "::"))
            )
