"""Dashboards in a real browser: silent, right, quick to click through to the event, and the same after a reload."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from scipy import stats
from sqlalchemy import text

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


def place(page: Page, figure: str, axis_x: float, axis_y: float, box: str = "") -> tuple[float, float]:
    """Where a point of a linear figure, the one in element `box` if that is given, lies on the screen."""
    found = page.evaluate(
        """([name, x, y, box]) => {
          const there = (root) => !box || document.getElementById(box).contains(Bokeh.index.get(root).el);
          const figure = Bokeh.documents.flatMap((d) => d.roots()).find((root) => root.name === name && there(root));
          const view = Object.values(Bokeh.index.roots || Bokeh.index).find((one) => one.model === figure);
          const frame = view.frame.bbox;
          const edge = view.el.getBoundingClientRect();
          const at = (value, range, size) => (value - range.start) / (range.end - range.start) * size;
          return [edge.left + frame.left + at(x, figure.x_range, frame.width),
                  edge.top + frame.bottom - at(y, figure.y_range, frame.height)];
        }""",
        [figure, axis_x, axis_y, box],
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
    expect(page.locator(".card canvas").first).to_be_visible()
    page.mouse.click(x, y)
    page.wait_for_url(f"**/events/viewer.html#{event}", timeout=PATIENCE * 1000)
    until(page, f"document.documentElement.dataset.drawn === '{event}'")


FOUR = (
    "explorer.html#panels=4&x=event.id&y=scale.stretch&x2=event.id&y2=particle.charge&ly2=1"
    "&x3=scale.kappa&xd3=scale.stretch&y3=event.id&c3=event.kind&x4=event.id&yf4=2*event.id"
)


def test_four_panels_have_choices_of_their_own_and_are_in_the_address(
    page: Page, folder: str, sample_site: SampleSite
) -> None:
    open_page(page, folder, FOUR)
    wanted = {
        "": "select count(stretch) from analysis.event_summary",
        "2": "select count(*) from analysis.event_summary where charge > 0",
        "3": "select count(kappa / nullif(stretch, 0)) from analysis.event_summary",
        "4": "select count(*) from core.event",
    }
    for suffix, query in wanted.items():
        expect(page.locator(f"#counts{suffix}")).to_contain_text(f"{sample_site.value(query)} of 46 events")
    page.locator("#y4").select_option("event.aid")
    page.locator("#yf4").fill("")
    page.locator("#yf4").press("Enter")
    page.get_by_role("button", name="Add a cut").click()
    page.locator(".cut select").nth(1).select_option("=")
    page.locator(".cut input").fill("dust")
    page.locator(".cut input").press("Enter")
    dust = sample_site.value("select count(*) from core.event where kind = 'dust'")
    expect(page.locator("#counts4")).to_contain_text(f"{dust} of 46 events; {46 - int(str(dust))} cut away")
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    until(page, SHOWN)
    expect(page.locator("#counts4")).to_contain_text(f"{dust} of 46 events")
    expect(page.locator("#xd3")).to_have_value("scale.stretch")
    expect(page.locator("#xd3")).to_be_visible()
    expect(page.locator("#xd2")).to_be_hidden()
    expect(page.locator("#y4")).to_have_value("event.aid")
    expect(page.locator("#log-y2")).to_be_checked()
    expect(page.locator("#log-y")).not_to_be_checked()
    page.locator("#panel-count").select_option("1")
    until(page, "!location.hash.includes('x2=') && !location.hash.includes('panels=')")
    expect(page.locator(".scatter:visible")).to_have_count(1)


def test_a_change_of_one_panel_leaves_the_zoom_of_the_others(page: Page, folder: str) -> None:
    open_page(page, folder, "explorer.html#panels=2&x=event.id&y=scale.stretch")
    figure = "Bokeh.documents.flatMap((d) => d.roots()).find((root) => root.name === 'linear-linear')"
    page.evaluate(f"{figure}.x_range.setv({{ start: 3, end: 11 }})")
    page.locator("#y2").select_option("scale.kappa")
    expect(page.locator("#listed")).to_contain_text("Kappa")
    assert page.evaluate(f"[{figure}.x_range.start, {figure}.x_range.end]") == [3, 11]


def rings(page: Page, kind: str) -> list[list[float]]:
    """Centres of the rings of one kind that are seen, on the screen."""
    return page.evaluate(  # type: ignore[no-any-return]
        """(kind) => Array.from(document.querySelectorAll(".ring"))
          .filter((ring) => !ring.hidden && ring.offsetParent && ring.classList.contains("held") === (kind === "held"))
          .map((ring) => ring.getBoundingClientRect())
          .map((box) => [box.left + box.width / 2, box.top + box.height / 2])
        """,
        kind,
    )


def test_the_event_under_the_pointer_is_marked_in_every_panel(page: Page, folder: str, tmp_path: Path) -> None:
    open_page(page, folder, FOUR)
    both = [
        row for row in download(page, tmp_path) if row["Mass scale: Stretch (µs/√u)"] and row["Particle: Charge (pC)"]
    ]
    event = both[2]["event_id"]
    number, stretch = float(event), float(both[2]["Mass scale: Stretch (µs/√u)"])
    page.evaluate("scrollTo(0, 0)")
    x, y = place(page, "linear-linear", number, stretch, "figures")
    page.mouse.move(x, y)
    expect(page.locator("#figures .card dd").first).to_have_text(event)
    found = rings(page, "over")
    assert len(found) == 4
    assert found[0] == pytest.approx([x, y], abs=1.5)
    assert found[3] == pytest.approx(place(page, "linear-linear", number, 2 * number, "figures4"), abs=1.5)
    page.keyboard.down("Shift")
    page.mouse.click(x, y)
    page.keyboard.up("Shift")
    expect(page.locator("#held")).to_contain_text(f"Event {event} is marked.")
    assert f"&e={event}" in page.url
    page.mouse.move(5, 5)
    until(page, "!document.querySelector('.ring:not(.held):not([hidden])')")
    for one, other in zip(rings(page, "held"), found, strict=True):
        assert one == pytest.approx(other, abs=1.5)
    page.locator("#listed tbody tr").nth(1).hover()
    assert len(rings(page, "over")) >= 1
    page.locator("#let-go").click()
    assert rings(page, "held") == []
    page.locator("#figures4").scroll_into_view_if_needed()
    x, y = place(page, "linear-linear", number, 2 * number, "figures4")
    page.mouse.move(x, y)
    expect(page.locator("#figures4 .card canvas")).to_be_visible()
    page.mouse.click(x, y)
    page.wait_for_url(f"**/events/viewer.html#{event}", timeout=PATIENCE * 1000)
    until(page, f"document.documentElement.dataset.drawn === '{event}'")
    idle(page)
    page.wait_for_load_state("networkidle")
    page.go_back()
    page.wait_for_url("**/explorer.html#*")
    until(page, SHOWN)
    expect(page.locator("#held-event")).to_have_text(event)
    idle(page)
    assert len(rings(page, "held")) == 4


def test_a_brush_chooses_events_for_every_panel_and_the_table(page: Page, folder: str, tmp_path: Path) -> None:
    open_page(page, folder, "explorer.html#panels=2&x=event.id&y=event.id&x2=event.id&y2=event.t")
    drag = "Bokeh.documents.flatMap((d) => d.roots())[0].toolbar"
    page.evaluate(f"(() => {{ const bar = {drag}; bar.active_drag = null; "
                  "bar.tools.find((tool) => tool.type === 'BoxSelectTool').active = true; })()")  # fmt: skip
    left, top = place(page, "linear-linear", 9.5, 20.5, "figures")
    right, bottom = place(page, "linear-linear", 15.5, 5.5, "figures")
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move((left + right) / 2, (top + bottom) / 2)
    page.mouse.move(right, bottom)
    page.mouse.up()
    expect(page.locator("#brushed")).to_contain_text("6 events brushed in panel 1")
    assert {row["event_id"] for row in download(page, tmp_path)} == {str(number) for number in range(10, 16)}
    coloured = """(name) => {
      const root = Bokeh.documents.flatMap((d) => d.roots()).filter((one) => one.name === name)[1];
      const points = root.document.get_model_by_name(`points-${name}`);
      return points.data.colour.filter((c) => c !== pinakesFigures.colour("line")).length; }"""
    assert page.evaluate(coloured, "linear-linear") == 6
    address = page.url
    assert "b=1" in address
    page.goto("about:blank")
    page.goto(address)
    until(page, SHOWN)
    expect(page.locator("#brushed")).to_contain_text("6 events brushed in panel 1")
    box = page.locator(".brush:visible").bounding_box()
    assert box is not None
    seen = [box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]]
    edges = [place(page, "linear-linear", *corner, "figures") for corner in ((9.5, 20.5), (15.5, 5.5))]
    assert seen == pytest.approx([*edges[0], *edges[1]], abs=3)
    page.locator("#x").select_option("scale.stretch")  # the rectangle means nothing there
    expect(page.locator("#brushed")).to_be_hidden()
    expect(page.locator(".brush:visible")).to_have_count(0)
    page.goto("about:blank")
    page.goto(address)
    until(page, SHOWN)
    page.get_by_role("button", name="Take the brush away").click()
    expect(page.locator("#brushed")).to_be_hidden()
    assert len(download(page, tmp_path)) == 46


def test_counts_per_cell_follow_the_brush(page: Page, folder: str) -> None:
    two = "explorer.html#panels=2&x=event.id&y=event.t&h=1&x2=event.id&y2=scale.stretch&h2=1&ly2=1"
    open_page(page, folder, two)
    counted = """(kind) => {
      const { data } = Bokeh.documents.map((d) => d.get_model_by_name(`cells-${kind}`)).find(Boolean);
      return [data.count.reduce((a, b) => a + b, 0), data.left.length,
        data.left.every((left, i) => left < data.right[i]), data.bottom.every((low, i) => low < data.top[i])];
    }"""
    points = "Bokeh.documents.map((d) => d.get_model_by_name('points-linear-linear')).find(Boolean).data.x.length"
    for suffix, kind in (("", "linear-linear"), ("2", "linear-log")):
        told = page.locator(f"#counts{suffix}").inner_text()
        total, cells, *rising = page.evaluate(counted, kind)
        assert f"{total} of 46 events" in told
        assert 5 < cells <= total
        assert rising == [True, True]
    assert page.evaluate(points) == 0
    expect(page.locator("#legend")).to_contain_text("Events per cell: 1")
    before = page.evaluate(counted, "linear-log")
    open_page(page, folder, f"{two}&b=1~9.5~15.5~0~9e9")
    expect(page.locator("#brushed")).to_contain_text("6 events brushed in panel 1")
    until(page, f"({counted})('linear-linear')[0] === 6")
    total, cells, *_ = page.evaluate(counted, "linear-log")
    assert total <= 6
    assert cells == before[1]
    page.locator("#cells").uncheck()
    until(page, f"{points} > 0")
    assert page.evaluate(counted, "linear-linear")[:2] == [0, 0]
    assert "&h=" not in page.url
    assert "h2=1" in page.url


@pytest.mark.parametrize(
    "end", ["panels=3", "panels=-1&b=1~2", "b=9~1~2~3~4", "e=99999", "e=%3Cimg%3E", "x=nothing&y="]
)
def test_addresses_that_make_no_sense_show_what_they_can(page: Page, folder: str, end: str) -> None:
    open_page(page, folder, f"explorer.html#{end}")
    expect(page.locator("#notice:not(:empty)")).to_have_count(0)
    expect(page.locator(".scatter:visible")).to_have_count(1)


def test_ranks_and_chances_are_those_of_scipy(page: Page, folder: str) -> None:
    page.goto(folder + IDEX + "correlations.html")
    dice = np.random.default_rng(8)
    script = """([a, b]) => { const at = a.map((_, i) => i); const { prepare, spearman, chance } = pinakesRanks;
      const some = (list) => list.map((value) => (value === null ? NaN : value));
      const one = spearman(prepare(some(a), at), prepare(some(b), at));
      return one && [one.rho, one.n, chance(one.rho, one.n)]; }"""
    for number in range(40):
        count = int(dice.integers(4, 300))
        a = np.round(dice.normal(size=count), int(dice.integers(0, 4)))
        b = dice.uniform(-1, 1) * a * (number % 4) + dice.normal(size=count)
        a[dice.random(count) < 0.2 * (number % 3)] = np.nan
        b[dice.random(count) < 0.1 * (number % 2)] = np.nan
        both = np.isfinite(a) & np.isfinite(b)
        found = page.evaluate(script, [[None if v != v else v for v in each.tolist()] for each in (a, b)])
        if both.sum() < 3 or np.ptp(a[both]) == 0:
            assert found is None or found[1] == both.sum()
            continue
        wanted = stats.spearmanr(a[both], b[both])
        assert found[1] == both.sum()
        assert found[0] == pytest.approx(wanted.statistic, abs=1e-12)
        assert found[2] == pytest.approx(wanted.pvalue, rel=1e-8, abs=1e-300)
    assert page.evaluate(script, [[1, 2, 3, 4], [4, 3, 2, 1]])[:2] == [-1, 4]
    assert page.evaluate(script, [[1, 1, 1, 1], [4, 3, 2, 1]]) is None
    for rho, n in ((0.3, 5000), (0.9, 12), (-0.999, 60), (0.0, 9), (1e-9, 400)):
        t = rho * np.sqrt((n - 2) / (1 - rho * rho))
        found = page.evaluate("([rho, n]) => pinakesRanks.chance(rho, n)", [rho, n])
        assert found == pytest.approx(2 * stats.t.sf(abs(t), n - 2), rel=1e-8)


def test_correlations_of_dust_are_listed_and_open_in_the_explorer(
    page: Page, folder: str, sample_site: SampleSite, tmp_path: Path
) -> None:
    page.goto(folder + IDEX + "correlations.html#g=Particle&g=Mass+scale&least=5&cut=event.kind~2~dust")
    until(page, SHOWN)
    rows = download(page, tmp_path)
    assert len(rows) == int(page.evaluate("document.documentElement.dataset.shown"))
    strength = [abs(float(row["rho"])) for row in rows]
    assert strength == sorted(strength, reverse=True)
    expect(page.locator("#warning")).to_contain_text(f"Of {len(rows)} pairs that had nothing to do with each other")
    with sample_site.catalog.read() as conn:
        known = conn.execute(text(
            "select charge, kappa from analysis.event_summary where kind = 'dust' and charge is not null "
            "and kappa is not null")).all()  # fmt: skip
    wanted = stats.spearmanr([row[0] for row in known], [np.float32(row[1]) for row in known])
    (pair,) = [row for row in rows if {row["quantity_a"], row["quantity_b"]} == {"particle.charge", "scale.kappa"}]
    assert int(pair["events"]) == len(known)
    assert float(pair["rho"]) == pytest.approx(wanted.statistic, abs=1e-9)
    assert float(pair["p"]) == pytest.approx(wanted.pvalue, rel=1e-6)
    assert float(pair["p_times_pairs"]) == pytest.approx(wanted.pvalue * len(rows), rel=1e-6)
    page.locator("#across").check()
    until(page, f"{SHOWN} && Number(document.documentElement.dataset.shown) < {len(rows)}")
    assert "across=1" in page.url
    link = page.locator("#listed tbody tr").first
    count = link.locator("td").nth(3).inner_text()
    link.locator("a").click()
    page.wait_for_url("**/explorer.html#*")
    until(page, f"document.documentElement.dataset.shown === '{count}'")
    assert "cut=event.kind" in page.url


def test_correlations_of_nothing_say_so(page: Page, folder: str) -> None:
    page.goto(folder + IDEX + "correlations.html#g=Nothing&least=999&cut=event.kind~2~no such kind")
    until(page, SHOWN)
    expect(page.locator("#counts")).to_contain_text("0 pairs of 0 quantities of 0 of 46 events")
    expect(page.locator("#listed")).to_have_text("0 pairs.")


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
