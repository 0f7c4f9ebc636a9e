"""Dashboards in a real browser: silent, right, quick to click through to the event, and the same after a reload."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from archive.numerics import rates
from monitors.site.idex.pages import IdexDashboards
from tests.browser.waiting import PATIENCE, idle, until
from tests.site_sample import SampleSite

pytestmark = pytest.mark.browser

SHOWN = "document.documentElement.dataset.shown !== undefined"
IDEX = "instruments/idex/"


def open_page(page: Page, site: str, address: str) -> None:
    page.goto(site + IDEX + address)
    until(page, SHOWN)
    idle(page)


def download(page: Page, folder: Path) -> list[dict[str, str]]:
    with page.expect_download() as waiting:
        page.locator("#csv").click()
    path = folder / "rows.csv"
    waiting.value.save_as(path)
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def place(page: Page, figure: str, axis_x: float, axis_y: float) -> tuple[float, float]:
    """Where a point of a linear figure lies on the screen."""
    found = page.evaluate(
        """([name, x, y]) => {
          const figure = Bokeh.documents.flatMap((d) => d.roots()).find((root) => root.name === name);
          const canvas = document.querySelector(`#figure-${name}, #figure-map`).getBoundingClientRect();
          const view = Object.values(Bokeh.index.roots || Bokeh.index).find((one) => one.model === figure);
          const frame = view.frame.bbox;
          const box = view.el.getBoundingClientRect();
          const at = (value, range, size) => (value - range.start) / (range.end - range.start) * size;
          return [box.left + frame.left + at(x, figure.x_range, frame.width),
                  box.top + frame.bottom - at(y, figure.y_range, frame.height), canvas.width];
        }""",
        [figure, axis_x, axis_y],
    )
    return found[0], found[1]


@pytest.mark.parametrize("address", [board.link.path.removeprefix(IDEX) for board in IdexDashboards().pages()])
def test_a_dashboard_opens_without_a_word_on_the_console(page: Page, site: str, address: str) -> None:
    page.goto(site + IDEX + address)
    idle(page)
    expect(page.locator("#built")).to_contain_text("2026-11-20")
    page.wait_for_timeout(300)
    expect(page.locator("#notice:not(:empty)")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_campaign_report_opens_without_a_word_on_the_console(page: Page, folder: str) -> None:
    page.goto(folder + IDEX + "campaigns.html")
    page.locator("table.data tbody a").first.click()
    until(page, "document.documentElement.dataset.figures === 'drawn'")
    expect(page.locator(".bokeh")).not_to_have_count(0)


def test_the_explorer_shows_the_events_that_have_both_values(
    page: Page, folder: str, sample_site: SampleSite, tmp_path: Path
) -> None:
    open_page(page, folder, "explorer.html#x=scale.stretch&y=scale.kappa")
    wanted = sample_site.value(
        "select count(*) from analysis.event_summary where stretch is not null and kappa is not null"
    )
    assert page.evaluate("document.documentElement.dataset.shown") == str(wanted)
    expect(page.locator("#counts")).to_contain_text(f"{wanted} of 46 events")
    rows = download(page, tmp_path)
    assert len(rows) == wanted
    one = rows[0]
    kappa = sample_site.value(f"select kappa from analysis.event_summary where event_id = {one['event_id']}")
    assert float(one["Mass scale: Kappa (u)"]) == pytest.approx(kappa, rel=1e-6)


def test_cuts_ratios_and_logarithms_are_in_the_address_and_back(
    page: Page, folder: str, sample_site: SampleSite
) -> None:
    open_page(page, folder, "explorer.html")
    page.locator("#x").select_option("tof_high.snr")
    page.locator("#xd").select_option("tof_mid.snr")
    page.get_by_role("button", name="Add a cut").click()
    page.locator(".cut select").first.select_option("event.dust_hit")
    page.locator(".cut select").nth(1).select_option("=")
    page.locator(".cut input").fill("1")
    page.locator(".cut input").press("Enter")
    page.locator("#y").select_option("particle.charge")
    dust = (
        "select count(*) from analysis.event_summary s join idex.event x using (event_id) "
        "where x.dust_hit and charge > 0 and (select count(*) from analysis.channel_level l "
        "where l.event_id = x.event_id and snr > 0 and channel in ('TOF_High', 'TOF_Mid')) = 2"
    )
    until(page, f"document.documentElement.dataset.shown === '{sample_site.value(dust)}'")
    address = page.url
    assert "cut=event.dust_hit" in address
    page.goto("about:blank")
    page.goto(address)
    until(page, f"document.documentElement.dataset.shown === '{sample_site.value(dust)}'")
    expect(page.locator("#xd")).to_have_value("tof_mid.snr")
    expect(page.locator("#log-y")).to_be_checked()


def test_a_formula_is_computed_for_every_event(page: Page, folder: str, tmp_path: Path) -> None:
    open_page(page, folder, "explorer.html#x=event.id&yf=1-2%5E2%2Bmax(event.id,10)*sqrt(4)/(1-0.5)")
    rows = download(page, tmp_path)
    assert len(rows) == 46
    for row in rows:
        number = float(row["event_id"])
        assert float(row["1-2^2+max(event.id,10)*sqrt(4)/(1-0.5)"]) == -3 + max(number, 10) * 4


@pytest.mark.parametrize(
    ("formula", "told"),
    [
        ("window.hacked=1", "cannot be read"),
        ("alert(1)", "no function is called alert"),
        ("constructor", "no quantity is called constructor"),
        ("constructor(1)", "no function is called constructor"),
        ("1 +", "ends too early"),
        ("max(1)", "max takes 2 values"),
        ("(1", "is missing"),
        ("1 2", "is too much"),
        ("(" * 5000, "too deep"),
        ("`${window.hacked=1}`", "cannot be read"),
    ],
)
def test_what_is_no_formula_is_said_and_never_run(page: Page, folder: str, formula: str, told: str) -> None:
    open_page(page, folder, "explorer.html")
    page.locator("#yf").fill(formula)
    page.locator("#yf").press("Enter")
    expect(page.locator("#notice")).to_contain_text(told)


def test_hover_tells_of_an_event_and_a_tap_opens_it(page: Page, folder: str, tmp_path: Path) -> None:
    open_page(page, folder, "explorer.html#x=event.id&y=scale.stretch")
    row = download(page, tmp_path)[3]
    event = row["event_id"]
    x, y = place(page, "linear-linear", float(event), float(row["Mass scale: Stretch (µs/√u)"]))
    page.mouse.move(x, y)
    expect(page.locator(".card dd").first).to_have_text(event)
    expect(page.locator(".card canvas")).to_be_visible()
    page.mouse.click(x, y)
    page.wait_for_url(f"**/events/viewer.html#{event}", timeout=PATIENCE * 1000)
    until(page, f"document.documentElement.dataset.drawn === '{event}'")


def test_hostile_words_are_text_in_legends_and_files(page: Page, folder: str, tmp_path: Path) -> None:
    open_page(page, folder, "explorer.html#x=event.t&y=event.kind&c=event.kind")
    expect(page.locator("#legend")).to_contain_text("</script><script>window.hacked=1</script>")
    assert any("window.hacked" in row["Kind"] for row in download(page, tmp_path))


def test_time_series_change_their_zone_and_tell_limits(page: Page, folder: str) -> None:
    open_page(page, folder, "trends.html#y=scale.stretch")
    expect(page.locator("#limits")).to_contain_text("below 1.35 and above 1.6")
    count = page.evaluate("document.documentElement.dataset.shown")
    first = "Bokeh.documents[0].get_model_by_name('points-time-linear').data.x.reduce((a, b) => Math.min(a, b))"
    utc = page.evaluate(first)
    page.locator("#zone").select_option("Asia/Tokyo")
    until(page, f"Math.abs({first} - {utc} - 9 * 3600 * 1000) < 1")
    page.locator("#zone").select_option("tt")
    name = "Bokeh.documents[0].get_model_by_name('points-linear-linear').data.x"
    least = f"{name}.reduce((a, b) => Math.min(a, b))"
    until(page, f"{name}.length > 0 && Math.abs({least} - ({utc} / 1000 - 946727935.816 + 5)) < 1e-3")
    assert page.evaluate("document.documentElement.dataset.shown") == count
    expect(page.locator("#statistics")).to_contain_text("Median")


def test_the_ternary_page_shows_shares_and_names_the_factors(
    page: Page, folder: str, sample_site: SampleSite, tmp_path: Path
) -> None:
    open_page(page, folder, "ternary.html")
    wanted = sample_site.value("select count(*) from analysis.composition where mg_fraction is not null")
    assert page.evaluate("document.documentElement.dataset.shown") == str(wanted)
    expect(page.locator("#sets")).to_contain_text("olivine Fo91 Hyperdust")
    rows = download(page, tmp_path)
    assert len(rows) == wanted
    for row in rows:
        assert sum(float(row[f"{name} share"]) for name in ("Mg", "Si", "Fe")) == pytest.approx(1, abs=1e-6)
    page.locator("#preset").select_option("areas")
    expect(page.locator("#sets")).to_contain_text("No sensitivity factors")
    page.locator("#preset").select_option("own")
    expect(page.locator("#qa")).to_be_visible()


def test_the_map_finds_the_pixel_under_the_pointer(page: Page, folder: str) -> None:
    open_page(page, folder, "maps.html")
    expect(page.locator("#told")).to_contain_text("105 dust events on the map; 15 of 120 unplaced")
    for longitude, latitude in ((105.0, 3.0), (297.0, -57.0), (183.0, 33.0)):
        x, y = rates.mollweide(longitude, latitude)
        left, top = place(page, "sky", float(x), float(y))
        page.mouse.move(left, top)
        until(page, f"document.documentElement.dataset.pixel === '{longitude - 3:.0f} {latitude - 3:.0f}'")


def test_a_bin_of_the_map_and_of_the_rates_can_be_chosen(page: Page, folder: str) -> None:
    open_page(page, folder, "maps.html#window=all&what=counts&bin=charge+4")
    binned = int(page.evaluate("document.documentElement.dataset.shown"))
    assert 0 < binned < 105
    open_page(page, folder, "rates.html#window=2026-05-30&binning=charge&quadrant=all")
    expect(page.locator("#told")).to_contain_text("40 dust events; 3 of them without a charge")
    page.locator("#window").select_option("2026-06-09")
    expect(page.locator("#told")).to_contain_text("exposure not known")


def test_the_calculator_converts_counts_and_tells_the_range(page: Page, folder: str) -> None:
    page.goto(folder + IDEX + "definitions.html#reading=target_voltage")
    page.locator("#dn").fill("0x800")
    told: Any = page.locator("#calculated")
    expect(told).to_contain_text("in range")
    assert float(told.get_attribute("data-value")) == pytest.approx(1.4652 * 2048)
    page.locator("#dn").fill("4096")
    expect(told).to_contain_text("no value, above range")
    page.locator("#dn").fill("-1")
    expect(told).to_contain_text("below range")
    page.locator("#dn").fill("many")
    expect(told).to_contain_text("must be a whole number")


def test_the_file_page_shows_attributes_values_and_histograms(page: Page, folder: str, sample_site: SampleSite) -> None:
    number = sample_site.value("select min(f.id) from core.file f join core.product p on p.id = f.product_id "
                               "where p.format = 'hdf5'")  # fmt: skip
    page.goto(f"{folder}files/{number}.html")
    row = page.locator("table.variables tr", has=page.get_by_role("cell", name="TOF_High", exact=True)).first
    title = str(row.locator(".spark").get_attribute("title"))
    assert " to " in title
    assert "values" in title
    row.locator("summary").click()
    expect(row.locator("dl.attributes")).to_contain_text("_FillValue")
