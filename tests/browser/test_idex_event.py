"""The science of IDEX events on the viewer page: what is shown, and the commands that the editor writes."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from archive.catalog import Catalog
from archive.catalog import fits as queries
from archive.catalog.engine import make_engine
from archive.cli import run
from archive.config import Settings, load
from archive.ingest import ingest
from archive.instruments.idex.simulate import Options, simulate
from archive.numerics import particle
from archive.store import init_home
from monitors.site.build import build
from tests.browser.test_viewer import open_event, order
from tests.browser.waiting import idle, until
from tests.servers import TestServer
from tests.site_sample import SampleSite

pytestmark = pytest.mark.browser


@dataclass
class Editable:
    """A small archive that a test may change, and its site."""

    catalog: Catalog
    settings: Settings
    site: Path

    def build(self) -> None:
        build(self.catalog, self.settings, self.site)

    def obey(self, command: str) -> None:
        """Run a command as it stands on the page, in this archive."""
        program, *arguments = shlex.split(command)
        assert program == "pinakes"
        assert run(["--home", str(self.settings.home), *arguments]) == 0, command

    def overrides(self, event: int) -> list[dict[str, Any]]:
        with self.catalog.read() as conn:
            return queries.overrides(conn, event_id=event)

    def fit(self, event: int, channel: str, line: int = 0) -> dict[str, Any]:
        with self.catalog.read() as conn:
            (found,) = queries.listing(conn, event_id=event, channel=channel, line=line)
        return found


@pytest.fixture(scope="module")
def archive(embedded_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editable]:
    folder = tmp_path_factory.mktemp("editable")
    url = embedded_server.create()
    try:
        with Catalog(make_engine(url)) as catalog:
            capture = folder / "capture.pkts"
            simulate(capture, Options(events=3, seed=4, background=False, shares={"dust": 1.0}, arrays=False))
            home = init_home(folder / "home", catalog.url).root
            ingest(catalog, load(home), [capture])
            made = Editable(catalog, load(home), folder / "site")
            made.build()
            yield made
    finally:
        embedded_server.drop(url)


Edit = Callable[[str, str], None]


@pytest.fixture
def edit(page: Page, archive: Editable) -> Edit:
    """Open the editor of event 1 at a fit and a way to change it."""
    open_event(page, archive.site.as_uri() + "/", 1)
    page.keyboard.press("e")
    expect(page.locator("#idex-edit-what")).to_be_visible()
    page.locator("#idex-author").fill("M. Analyst")
    page.locator("#idex-reason").fill('it\'s too "high" & wide; $HOME')

    def at(what: str, how: str) -> None:
        page.locator("#idex-edit-what").select_option(what)
        page.locator("#idex-edit-how").select_option(how)

    return at


def command(page: Page) -> str:
    expect(page.locator("#idex-copy")).to_be_enabled()
    return page.locator("#idex-command").inner_text().replace("\n", " ")


def slide(page: Page, name: str, presses: int) -> float:
    """Move a slider by the keyboard and return the number beside it."""
    page.locator(f"#idex-slider-{name}").focus()
    for _ in range(abs(presses)):
        page.keyboard.press("ArrowRight" if presses > 0 else "ArrowLeft")
    return float(page.locator(f"#idex-value-{name}").input_value())


def test_a_slider_writes_the_command_that_sets_a_pulse(page: Page, archive: Editable, edit: Edit) -> None:
    edit("pulse:Target_High", "set")
    before = archive.fit(1, "Target_High")["values"]
    edited = "Bokeh.documents[0].get_model_by_name('idex-edited-3').data.x.length"
    assert page.evaluate(edited) == 0
    value = slide(page, "rise_time", 40)
    assert value > before["rise_time"]
    assert page.evaluate(edited) > 100
    expect(page.locator("#idex-edit-result")).to_contain_text("Q =")
    archive.obey(command(page))
    (said,) = archive.overrides(1)
    assert (said["action"], said["author"]) == ("set", "M. Analyst")
    assert said["reason"] == 'it\'s too "high" & wide; $HOME'
    after = archive.fit(1, "Target_High")
    assert after["origin"] == "override"
    assert after["values"]["rise_time"] == pytest.approx(value, rel=1e-6)
    assert after["values"]["amplitude"] == pytest.approx(before["amplitude"], rel=1e-8)


def test_the_original_stands_beside_what_an_analyst_says(page: Page, archive: Editable) -> None:
    if not archive.overrides(1):
        archive.obey("pinakes fits set 1 rise_time=3.3 --channel Target_High --author 'A. B' --reason 'by eye'")
    archive.build()
    open_event(page, archive.site.as_uri() + "/", 1)
    table = page.locator("#idex-pulse-table")
    expect(table.locator("tr.idex-changed")).to_have_count(1)
    expect(table.locator("tr.idex-original")).to_contain_text("automatic")
    expect(page.locator("#idex-answer")).to_contain_text("with an analyst's word")
    expect(page.locator("#idex-overrides")).to_contain_text("What analysts said")
    page.locator("#idex-overrides summary").click()
    expect(page.locator("#idex-overrides-list")).to_contain_text(archive.overrides(1)[-1]["reason"])
    expect(page.locator("#idex-particle")).to_contain_text("automatic:")
    dashed = "Bokeh.documents[0].get_model_by_name('idex-automatic-3').data.x.length"
    assert page.evaluate(dashed) > 100
    open_event(page, archive.site.as_uri() + "/", 2)
    expect(page.locator("#idex-overrides")).to_be_hidden()
    expect(page.locator("#idex-answer")).to_contain_text("automatic")
    assert page.evaluate(dashed) == 0


def test_refits_fixed_marks_windows_ions_anchors_and_resets_are_commands_too(
    page: Page, archive: Editable, edit: Edit
) -> None:
    line = archive.fit(1, "TOF", 2)["values"]
    edit("line:2", "refit")
    page.locator("#idex-fix-sigma").check()
    stop = float(page.locator("#idex-window-stop").input_value())
    page.locator("#idex-window-stop").fill(f"{stop + 0.02:.4f}")
    archive.obey(command(page))
    said = archive.overrides(1)[-1]
    assert (said["action"], said["line"], said["arguments"]["fixed"]) == ("refit", 2, ["sigma"])
    assert said["arguments"]["window"][1] == pytest.approx(stop + 0.02)
    assert archive.fit(1, "TOF", 2)["values"]["sigma"] == pytest.approx(line["sigma"], rel=1e-8)

    edit("line:2", "set")
    area = slide(page, "area", -30)
    assert area < line["area"]
    archive.obey(command(page))
    assert archive.fit(1, "TOF", 2)["values"]["area"] == pytest.approx(area, rel=1e-6)

    edit("line:3", "species")
    page.locator("#idex-ion").fill("C2H5")
    archive.obey(command(page))
    assert archive.overrides(1)[-1]["arguments"] == {"species": "C2H5"}

    edit("scale", "anchors")
    assert not page.locator("#idex-copy").is_enabled()
    page.get_by_role("button", name="Take the lines that lie on reference masses").click()
    page.locator("#idex-anchor-4").fill("")  # this one is taken out below
    archive.obey(command(page))
    anchored = archive.overrides(1)[-1]["arguments"]["lines"]
    assert len(anchored) >= 2
    with archive.catalog.read() as conn:
        (summary,) = queries.derived(conn, 1)["event_summary"]
    assert "anchored" in summary["scale_status"].split()
    if len(anchored) < 4:
        told = page.locator("#idex-edit-result").inner_text()
        assert f"{summary['stretch']:.4f}" in told

    edit("new", "add")
    page.locator("#idex-window-start").fill("14.0")
    page.locator("#idex-window-stop").fill("14.3")
    archive.obey(command(page))
    assert archive.overrides(1)[-1]["action"] == "add"

    edit("sensitivity", "sensitivity")
    page.locator("#idex-set").select_option("PUMA/PIA")
    archive.obey(command(page))
    assert archive.overrides(1)[-1]["arguments"] == {"set": "PUMA/PIA"}

    edit("gains", "gains")
    page.locator("#idex-gain-L").uncheck()
    archive.obey(command(page))
    assert archive.overrides(1)[-1]["arguments"] == {"gains": ["TOF_High", "TOF_Mid"]}

    edit("gains", "baseline")
    level = float(page.locator("#idex-baseline").input_value())
    page.locator("#idex-baseline").fill(f"{1.0001 * level:.6f}")
    archive.obey(command(page))
    assert archive.overrides(1)[-1]["channel"] == "TOF_High"
    assert archive.overrides(1)[-1]["arguments"]["value"] == pytest.approx(1.0001 * level, abs=1e-6)

    edit("line:1", "set")
    page.locator("#idex-model").select_option("voigt")
    archive.obey(command(page))
    assert archive.fit(1, "TOF", 1)["model"] == "voigt"

    edit("line:4", "remove")
    archive.obey(command(page))
    assert archive.overrides(1)[-1]["action"] == "remove"

    archive.build()
    page.reload()
    until(page, "document.documentElement.dataset.shown === '1'")
    merged = "pinakesEvents.event(1).then((e) => e.idex.merged.gains.map((gain) => gain && gain.baseline))"
    assert page.evaluate(merged)[0] == pytest.approx(1.0001 * level, abs=1e-6)
    assert page.evaluate(merged)[2] is None
    expect(page.locator("#idex-lines")).to_contain_text("voigt")
    expect(page.locator("#idex-lines")).to_contain_text("Taken out by an analyst: line 4")
    expect(page.locator("#idex-lines")).to_contain_text("added by an analyst")
    page.keyboard.press("e")
    page.locator("#idex-reason").fill("enough")

    edit("event", "reset")
    archive.obey(command(page))
    assert archive.fit(1, "TOF", 2)["origin"] == "automatic"


def draw(page: Page, begin: float, end: float) -> None:
    """Draw a window in the mass spectrum with the pointer, times in us."""
    page.evaluate("([a, b]) => Bokeh.documents[0].get_model_by_name('time').setv({ start: a, end: b })",
                  [begin - 2 * (end - begin), end + 2 * (end - begin)])  # fmt: skip
    page.locator("#idex-add").click()
    expect(page.locator("#idex-add-told")).to_be_visible()
    page.locator("#idex-spectrum").scroll_into_view_if_needed()
    idle(page)
    left, right, top = page.evaluate(
        """([begin, end]) => {
          const figure = Bokeh.documents[0].get_model_by_name("idex-spectrum");
          const view = Bokeh.index.get(figure);
          const { bbox } = view.frame;
          const edge = view.el.getBoundingClientRect();
          const { start, end: stop } = figure.x_range;
          const at = (time) => edge.left + bbox.left + (time - start) / (stop - start) * bbox.width;
          return [at(begin), at(end), edge.top + bbox.top + 40];
        }""",
        [begin, end],
    )
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move((left + right) / 2, top + 10)
    page.mouse.move(right, top + 20)
    page.mouse.up()


def fitted(page: Page, begin: float, end: float) -> list[float]:
    """Values that the page fits to a new line of event 2."""
    return page.evaluate(  # type: ignore[no-any-return]
        """([begin, end]) => pinakesEvents.event(2).then(({ idex }) => pinakesIdexNewLine.fitted(
          idex.merged, idex.lines, begin, end, pinakesIdexNewLine.startOf(idex.merged, idex.lines, begin, end)))""",
        [begin, end],
    )


def lines_of(archive: Editable, event: int) -> list[dict[str, Any]]:
    with archive.catalog.read() as conn:
        return queries.listing(conn, event_id=event, channel="TOF", limit=100)


def test_a_window_drawn_in_the_spectrum_adds_a_line_and_a_cross_takes_it_out(page: Page, archive: Editable) -> None:
    line = max(lines_of(archive, 2), key=lambda row: row["values"]["area"])
    values, site = line["values"], archive.site.as_uri() + "/"
    open_event(page, site, 2)
    page.locator(f"#idex-lines [aria-label^='Take line {line['line']} out']").click()
    expect(page.locator("#idex-edit-how")).to_have_value("remove")
    expect(page.locator("#idex-edit-result")).to_contain_text(f"Without line {line['line']}: χ²/ν")
    edited = "Bokeh.documents[0].get_model_by_name('idex-edited').data.y.filter(Number.isFinite)"
    assert page.evaluate(f"{edited}.length") > 20
    page.locator("#idex-author").fill("M. Analyst")
    page.locator("#idex-reason").fill("noise")
    archive.obey(command(page))
    assert (archive.overrides(2)[-1]["action"], archive.overrides(2)[-1]["line"]) == ("remove", line["line"])
    archive.build()

    page.goto("about:blank")
    open_event(page, site, 2)
    expect(page.locator("#idex-lines")).to_contain_text(f"Taken out by an analyst: line {line['line']}")
    begin, end = line["window_start"], line["window_stop"]
    draw(page, begin, end)
    expect(page.locator("#idex-edit-what")).to_have_value("new")
    expect(page.locator("#idex-add")).to_have_attribute("aria-pressed", "false")
    drawn = [float(page.locator(f"#idex-window-{side}").input_value()) for side in ("start", "stop")]
    assert drawn == pytest.approx([begin, end], abs=0.004)
    found = fitted(page, drawn[0], drawn[1])
    expect(page.locator("#idex-edit-result")).to_contain_text(f"µ = {found[1]:.3f}"[:8])
    assert page.evaluate(f"Math.max(...{edited})") > 0
    page.locator("#idex-reason").fill("it is there")
    archive.obey(command(page))
    said = archive.overrides(2)[-1]
    assert said["action"] == "add"
    assert said["arguments"]["window"] == pytest.approx(drawn, abs=1e-6)
    (added,) = [row for row in lines_of(archive, 2) if abs(row["values"]["mu"] - values["mu"]) < 0.01]
    assert added["origin"] == "override"
    names = ("area", "mu", "sigma", "lambda")
    assert found == pytest.approx([added["values"][name] for name in names], rel=1e-4)
    assert added["values"]["area"] == pytest.approx(values["area"], rel=0.02)
    archive.build()

    page.goto("about:blank")
    open_event(page, site, 2)
    page.locator(f"#idex-lines [aria-label^='Take line {added['line']} out']").click()
    page.locator("#idex-reason").fill("after all it is not")
    archive.obey(command(page))
    assert added["line"] not in [row["line"] for row in lines_of(archive, 2)]
    archive.obey("pinakes fits reset 2 --author 'M. Analyst' --reason done")


def test_a_window_drawn_while_a_line_is_changed_is_its_window(page: Page, archive: Editable, edit: Edit) -> None:
    fit = archive.fit(1, "TOF", 2)
    edit("line:2", "refit")
    begin, end = fit["window_start"] - 0.01, fit["window_stop"] + 0.02
    draw(page, begin, end)
    expect(page.locator("#idex-edit-what")).to_have_value("line:2")
    archive.obey(command(page))
    said = archive.overrides(1)[-1]
    assert (said["action"], said["line"]) == ("refit", 2)
    assert said["arguments"]["window"] == pytest.approx([begin, end], abs=0.004)
    archive.obey("pinakes fits reset 1 --author 'M. Analyst' --reason done")


def test_windows_without_samples_are_said(page: Page, edit: Edit) -> None:
    edit("new", "add")
    problem = page.locator("#idex-edit-problem")
    page.locator("#idex-window-start").fill("14")
    page.locator("#idex-window-stop").fill("14.004")
    expect(problem).to_contain_text("a line needs at least 5.")
    expect(page.locator("#idex-copy")).to_be_disabled()
    page.locator("#idex-window-stop").fill("900")
    page.locator("#idex-window-start").fill("899")
    expect(problem).to_have_text("The window holds 0 samples; a line needs at least 5.")
    page.locator("#idex-window-start").fill("")
    expect(problem).to_have_text("The window must begin before it ends.")


def scales_told(page: Page) -> dict[str, list[str]]:
    """The scales of the editor: stretch, shift, matched lines, rms and kappa of each."""
    rows = page.locator("table.idex-quality tbody tr").all()
    cells = [[cell.inner_text().replace("−", "-") for cell in row.locator("td").all()] for row in rows]
    return {name: numbers for name, *numbers in cells}


def test_quality_follows_stretch_and_shift_and_the_command_saves_them(page: Page, archive: Editable) -> None:
    with archive.catalog.read() as conn:
        (before,) = queries.derived(conn, 3)["event_summary"]
    open_event(page, archive.site.as_uri() + "/", 3)
    page.keyboard.press("e")
    page.locator("#idex-edit-what").select_option("scale")
    page.locator("#idex-author").fill("M. Analyst")
    page.locator("#idex-reason").fill("by eye")
    told = scales_told(page)
    assert told["In the boxes"] == told["Automatic"]
    assert told["By the anchors"] == ["–"] * 5
    stretch, shift, matched, rms, kappa = told["Automatic"]
    assert float(stretch) == pytest.approx(before["stretch"], rel=1e-5)
    assert float(kappa) == pytest.approx(before["kappa"], rel=0.01)
    assert int(matched.split(" of ")[0]) >= before["matched"]
    expect(page.locator("#idex-edit-problem")).to_contain_text("Name the ion")

    box = page.locator("#idex-shift")
    box.focus()
    for _ in range(20):
        page.keyboard.press("ArrowUp")
    assert float(box.input_value()) == pytest.approx(float(shift) + 0.02, abs=0.0011)
    moved = scales_told(page)
    assert float(moved["In the boxes"][3]) > 15 > float(rms)
    assert moved["In the boxes"][4] != kappa
    assert moved["Automatic"] == told["Automatic"]
    anchored = moved["By the anchors"]
    assert float(anchored[3]) < 3
    page.locator("#idex-stretch-slider").focus()
    page.keyboard.press("ArrowRight")
    assert scales_told(page)["In the boxes"][0] != moved["In the boxes"][0]
    page.locator("#idex-scale-automatic").click()
    assert scales_told(page)["In the boxes"] == told["Automatic"]
    assert float(box.input_value()) == pytest.approx(float(shift), abs=1e-5)

    page.locator("#idex-shift").fill(f"{float(shift) + 0.01:.4f}")
    anchored = scales_told(page)["By the anchors"]
    archive.obey(command(page))
    said = archive.overrides(3)[-1]
    assert said["action"] == "anchors"
    assert len(said["arguments"]["lines"]) == int(anchored[2].split(" of ")[0])
    with archive.catalog.read() as conn:
        (after,) = queries.derived(conn, 3)["event_summary"]
    assert "anchored" in after["scale_status"].split()
    assert after["stretch"] == pytest.approx(float(anchored[0]), rel=1e-3)
    page.locator("#idex-shift").fill("")
    assert scales_told(page)["In the boxes"] == ["–"] * 5
    expect(page.locator("#idex-edit-problem")).to_contain_text("Name the ion")
    archive.obey("pinakes fits reset 3 --author 'M. Analyst' --reason done")


def test_what_cannot_be_is_said_before_it_is_a_command(page: Page, edit: Edit) -> None:
    edit("line:1", "set")
    expect(page.locator("#idex-edit-problem")).to_have_text("Move a parameter first.")
    page.locator("#idex-value-sigma").fill("-1")
    expect(page.locator("#idex-edit-problem")).to_have_text("sigma must be positive.")
    expect(page.locator("#idex-copy")).to_be_disabled()
    page.locator("#idex-value-sigma").fill("")
    expect(page.locator("#idex-edit-problem")).to_have_text("sigma must be a number.")
    page.locator("#idex-again").click()
    page.locator("#idex-value-mu").fill("1e300")
    expect(page.locator("#idex-copy")).to_be_enabled()
    page.keyboard.press("Escape")


def values_of(sample_site: SampleSite, event: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the script of an event holds."""
    script = (sample_site.site / f"events/ev/0/{event}.js").read_text(encoding="ascii")
    data, more = json.loads(f"[{script.removeprefix('pinakesEvents.setEvent(').removesuffix(');' + chr(10))}]")
    return data, more


def dusty(sample_site: SampleSite) -> int:
    """Return an event with many lines."""
    return int(
        str(sample_site.value("select event_id from analysis.event_summary order by lines desc, event_id limit 1"))
    )


def show_instead(page: Page, folder: str, sample_site: SampleSite, data: dict[str, Any], more: object) -> None:
    """Show an event with other contents than its script has."""
    other = next(event for event in order(sample_site) if event != data["id"])
    open_event(page, folder, other)
    page.evaluate("([data, more]) => pinakesEvents.setEvent(data, more)", [data, more])
    page.evaluate("(id) => { location.hash = id; }", data["id"])
    until(page, f"document.documentElement.dataset.shown === '{data['id']}'")
    idle(page)


def test_an_event_without_analysis_says_so(page: Page, folder: str, sample_site: SampleSite) -> None:
    data, _ = values_of(sample_site, dusty(sample_site))
    show_instead(page, folder, sample_site, data, None)
    expect(page.locator("#idex-none")).to_contain_text("no analysis yet")
    expect(page.locator("#idex-spectrum")).to_be_visible()
    expect(page.locator("#idex-analysed")).to_be_hidden()
    page.keyboard.press("n")
    expect(page.locator("#idex-noise-numbers")).to_contain_text("σ")


def test_no_lines_no_channels_and_five_hundred_lines(page: Page, folder: str, sample_site: SampleSite) -> None:
    event = dusty(sample_site)
    data, more = values_of(sample_site, event)
    none = json.loads(json.dumps(more))
    none["now"]["lines"] = dict.fromkeys(more["now"]["lines"])
    show_instead(page, folder, sample_site, data, none)
    expect(page.locator("#idex-lines")).to_contain_text("No line stands out")

    many = json.loads(json.dumps(more))
    lines = many["now"]["lines"]
    for name, column in lines.items():
        lines[name] = [column[i % len(column)] for i in range(500)]
    lines["line"] = list(range(1, 501))
    lines["values"] = [[1e-4, -7 + 0.06 * i, 0.01, 60.0] for i in range(500)]
    data, _ = values_of(sample_site, event)
    show_instead(page, folder, sample_site, data, many)
    expect(page.locator("#idex-lines tbody tr")).to_have_count(500)

    data, _ = values_of(sample_site, event)
    for channel in data["channels"]:
        channel.update(text=None, missing="It was not received.")
    show_instead(page, folder, sample_site, data, none)
    expect(page.locator("#idex-no-spectrum")).to_be_visible()
    expect(page.locator("#idex-spectrum")).to_be_hidden()
    page.keyboard.press("n")
    expect(page.locator("#idex-noise-none")).to_have_text("No channel was received.")


def test_what_is_missing_is_a_dash_and_never_zero(page: Page, folder: str, sample_site: SampleSite) -> None:
    def emptied(value: Any) -> Any:
        """Every number gone, as for records that are NaN throughout."""
        if isinstance(value, dict):
            return {name: emptied(item) if name != "calibrations" else item for name, item in value.items()}
        if isinstance(value, list):
            return [emptied(item) for item in value]
        return None if isinstance(value, float) else value

    data, more = values_of(sample_site, dusty(sample_site))
    more["now"] = emptied(more["now"])
    for name in ("lines", "pulses"):
        count = len(more["now"][name]["line"])
        more["now"][name]["status"] = ["nonfinite"] * count
        more["now"][name]["reason"] = ["the window holds no finite sample"] * count
    more["now"]["spectrum"]["coefficients"] = None
    show_instead(page, folder, sample_site, data, more)
    cells = page.locator("#idex-lines tbody tr").first.locator("td")
    assert cells.nth(3).inner_text() == "–"
    assert cells.nth(7).inner_text() == "–"
    state = page.locator("#idex-lines tbody tr .state").first
    expect(state).to_have_class("state unknown")
    expect(state).to_have_attribute("title", "the window holds no finite sample")
    assert page.locator("#idex-answer dd .value").first.inner_text() == "–"
    assert "NaN" not in page.locator("main").inner_text()
    assert "null" not in page.locator("main").inner_text()


def test_curves_are_muted_and_channels_overlaid(page: Page, folder: str, sample_site: SampleSite) -> None:
    open_event(page, folder, dusty(sample_site))
    visible = "(name) => Bokeh.documents[0].get_model_by_name(name).visible"
    fit = page.get_by_role("button", name="fit", exact=True)
    assert page.evaluate(visible, "idex-fit-line")
    fit.click()
    assert not page.evaluate(visible, "idex-fit-line")
    expect(fit).to_have_attribute("aria-pressed", "false")
    fit.click()
    page.keyboard.press("o")
    expect(page.locator("#idex-charges-panel")).to_be_visible()
    expect(page.locator("#panels")).to_be_hidden()
    page.keyboard.press("o")
    expect(page.locator("#panels")).to_be_visible()
    page.keyboard.press("r")
    expect(page.locator("#idex-strip-3")).to_be_hidden()


def test_every_event_of_the_sample_shows_its_science_and_none_of_them_acts(
    page: Page, folder: str, sample_site: SampleSite
) -> None:
    """Noise, pulser and dust events, damaged and saturated ones; the page fixture fails on any error."""
    events = order(sample_site)
    open_event(page, folder, events[0])
    page.keyboard.press("n")
    page.keyboard.press("e")
    for event in events[1:]:
        page.keyboard.press("ArrowRight")
        until(page, f"document.documentElement.dataset.shown === '{event}'")
        content = page.locator("main").inner_text()
        assert "NaN" not in content
        assert "undefined" not in content
    assert page.locator("main img, main iframe").count() == 0


def test_a_click_on_a_line_shows_it(page: Page, folder: str, sample_site: SampleSite) -> None:
    event = dusty(sample_site)
    open_event(page, folder, event)
    page.locator("#idex-lines tbody tr").nth(1).click()
    with sample_site.catalog.read() as conn:
        start, stop = conn.execute(
            text("select window_start, window_stop from analysis.tof_line where event_id = :e and line = 2"),
            {"e": event},
        ).one()
    window = "(() => { const r = Bokeh.documents[0].get_model_by_name('time'); return [r.start, r.end]; })()"
    low, high = page.evaluate(window)
    assert low < start < stop < high
    strip = page.evaluate("(() => { const d = Bokeh.documents[0].get_model_by_name('idex-window').data; "
                          "return [d.x0[0], d.x1[0]]; })()")  # fmt: skip
    assert strip == pytest.approx([start, stop], rel=1e-6)


def test_the_calculator_gives_what_the_archive_would(page: Page, folder: str, sample_site: SampleSite) -> None:
    open_event(page, folder, dusty(sample_site))
    page.locator("#idex-calculator summary").click()
    page.locator("#idex-calc-source").select_option("rise")
    page.locator("#idex-calc-charge").fill("12.5")
    page.locator("#idex-calc-rise").fill("2.0")
    found = particle.particle(12.5, 0.0, 2.0, 0.0)
    result = page.locator("#idex-calc-result")
    expect(result).to_contain_text(f"{float(found.speed):.2f} km/s")
    expect(result).to_contain_text(f"{float(found.mass) * 1e15:.3f}×10⁻¹⁵ kg")
    estimate = page.evaluate(
        "(laws) => pinakesIdexCalculator.estimate("
        "{ source: 'rise', charge: 12.5, rise: 2, least: 0.1, most: 100 }, laws)",
        {"rise_time": particle.RISE_CURVE._asdict(), "charge_yield": particle.YIELD_CURVE._asdict()},
    )
    assert estimate["least"] == pytest.approx(float(found.mass_low), rel=1e-9)
    assert estimate["most"] == pytest.approx(float(found.mass_high), rel=1e-9)
    assert estimate["high"] == pytest.approx(float(found.speed_high), rel=1e-9)
    page.locator("#idex-calc-most").fill("10")
    expect(result).to_contain_text("outside the calibration or the limits")
    page.locator("#idex-calc-source").select_option("ratio")
    page.locator("#idex-calc-ratio").fill("2")
    expect(result).to_contain_text(f"{float(particle.speed_from_ratio(0.02, 1.0)):.3f} km/s")
