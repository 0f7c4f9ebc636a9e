"""Dashboards of IDEX: numbers of the pages are those of the catalog, and follow it; nothing from a file acts."""

from __future__ import annotations

import base64
import csv
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from archive.catalog import Catalog
from archive.ingest import ingest
from archive.numerics import rates
from monitors.site.build import build
from monitors.site.idex import ternary
from monitors.site.idex.definitions import formula, polynomial, segments
from monitors.site.idex.pages import IdexDashboards, limits
from monitors.site.publish import Publisher
from tests.site_sample import HOSTILE_TEXT, NOW, SampleSite, make_archive, simulate

TYPES = {"i1": "<i1", "u1": "<u1", "i2": "<i2", "u2": "<u2", "i4": "<i4", "f4": "<f4", "f8": "<f8"}


def argument(path: Path, call: str) -> list[Any]:
    """The arguments of the one call that a data script makes."""
    script = path.read_text(encoding="ascii")
    assert re.fullmatch(rf"{re.escape(call)}\(.*\);\n", script)
    found = json.loads(f"[{script.removeprefix(f'{call}(').removesuffix(');' + chr(10))}]")
    assert isinstance(found, list)
    return found


def column(site: Path, name: str) -> list[Any]:
    """A quantity of every event, as assets/columns.js reads it."""
    folder = site / "instruments/idex/columns"
    found: list[Any] = []
    for block, events in argument(folder / "index.js", "pinakesColumns.setIndex")[0]["blocks"]:
        _, size, inline = argument(folder / f"{block}/block.js", "pinakesColumns.setBlock")
        assert size == events
        one = inline.get(name) or argument(folder / f"{block}/{name}.js", "pinakesColumns.setColumn")[2]
        if "all" in one:
            found += [one["all"]] * events
            continue
        values = np.frombuffer(base64.b64decode(one["data"]), TYPES[one["type"]]).tolist()
        if "words" in one:
            values = [one["words"][code - 1] if code else None for code in values]
        found += values
    return found


def test_every_dashboard_is_there_and_in_the_navigation_of_its_instrument(sample_site: SampleSite) -> None:
    pages = IdexDashboards().pages()
    assert len(pages) >= 8
    instrument = (sample_site.site / "instruments/idex.html").read_text(encoding="utf-8")
    home = (sample_site.site / "index.html").read_text(encoding="utf-8")
    for page in pages:
        assert (sample_site.site / page.link.path).exists()
        assert instrument.count(f'href="../{page.link.path}"') == 2
        assert page.link.path not in home
        own = (sample_site.site / page.link.path).read_text(encoding="utf-8")
        assert f'href="../../{page.link.path}" aria-current="page"' in own
        assert "This in SQL" in own


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("event.id", "select e.id from core.event e order by e.id"),
        ("event.t", "select extract(epoch from t)::float8 from core.event order by id"),
        ("event.dust_hit", "select dust_hit::int from core.event join idex.event on event_id = id order by id"),
        ("hk.target_voltage", "select target_voltage from core.event join idex.event_housekeeping on event_id = id "
                              "order by id"),
        ("tof_high.snr", "select (select snr from analysis.channel_level l where l.event_id = e.id "
                         "and channel = 'TOF_High') from core.event e order by id"),
        ("target_high.pulse.charge", "select (select charge from analysis.pulse p where p.event_id = e.id "
                                     "and channel = 'Target_High') from core.event e order by id"),
        ("scale.stretch", "select (select stretch from analysis.event_summary s where s.event_id = e.id) "
                          "from core.event e order by id"),
        ("composition.mg_fraction", "select (select mg_fraction from analysis.composition c where c.event_id = e.id) "
                                    "from core.event e order by id"),
        ("nominal.m24", "select (select sum(area) from analysis.tof_line l where l.event_id = e.id and mass >= 23.5 "
                        "and mass < 24.5) from core.event e order by id"),
    ],
)  # fmt: skip
def test_columns_hold_what_the_catalog_holds(sample_site: SampleSite, name: str, query: str) -> None:
    with sample_site.catalog.read() as conn:
        wanted = [row[0] for row in conn.execute(text(query))]
    found = [math.nan if value is None else value for value in column(sample_site.site, name)]
    assert len(found) > 40
    exact = name in ("event.t", "event.id")
    assert np.allclose(found, [math.nan if value is None else float(value) for value in wanted],
                       rtol=0 if exact else 1e-7, atol=0, equal_nan=True)  # fmt: skip


def test_columns_of_words_hold_the_words_of_the_catalog(sample_site: SampleSite) -> None:
    with sample_site.catalog.read() as conn:
        kinds = conn.execute(text("select kind from core.event order by id")).scalars().all()
        status = conn.execute(
            text("select (select status from analysis.pulse p where p.event_id = e.id and channel = 'Ion_Grid') "
                 "from core.event e order by id")
        ).scalars().all()  # fmt: skip
    assert HOSTILE_TEXT in kinds
    shown = [kind.encode("unicode_escape").decode() if not kind.isprintable() else kind for kind in kinds]
    assert column(sample_site.site, "event.kind") == shown
    assert column(sample_site.site, "ion_grid.pulse.status") == status


def test_data_scripts_hold_nothing_that_could_leave_them(sample_site: SampleSite) -> None:
    scripts = list((sample_site.site / "instruments/idex").rglob("*.js"))
    assert len(scripts) >= 6
    for path in scripts:
        assert not re.search(r"[<>\u2028\u2029]", path.read_text(encoding="ascii")), path


def test_windows_hold_the_counts_exposure_and_rates_of_the_catalog(sample_site: SampleSite) -> None:
    folder = sample_site.site / "instruments/idex/windows"
    names = sorted(path.stem for path in folder.iterdir())
    assert names == ["2026-05-30", "2026-06-09", "2026-06-19", "all"]
    first = argument(folder / "2026-05-30.js", "pinakesWindows.set")[0]
    assert (first["dust"], first["unplaced"], first["no_charge"]) == (40, 5, 3)
    with sample_site.catalog.read() as conn:
        stored = conn.execute(
            text("select bin, counts, counts_low, rate, rate_low, rate_high from analysis.idex_rates "
                 "where t_start = '2026-05-30' and binning = 'charge' and spin_quadrant is null order by bin")
        ).all()  # fmt: skip
    for row, found in zip(stored, sorted(first["rates"]["charge"]["all"], key=lambda one: one[0]), strict=True):
        assert (found[0], found[3]) == (row.bin, row.counts)
        assert found[4] == pytest.approx(row.counts_low)
        assert found[6:9] == pytest.approx([row.rate, row.rate_low, row.rate_high])
    assert sum(pixel[2] for pixel in first["pixels"]) == 35
    without = argument(folder / "2026-06-09.js", "pinakesWindows.set")[0]
    assert without["exposure"] is None
    assert {one[6] for one in without["rates"]["total"]["all"]} == {None}


def test_all_windows_together_count_everything_and_rate_what_was_exposed(sample_site: SampleSite) -> None:
    whole = argument(sample_site.site / "instruments/idex/windows/all.js", "pinakesWindows.set")[0]
    total = whole["rates"]["total"]["all"][0]
    assert (total[3], whole["unplaced"], whole["without_exposure"]) == (120, 15, 1)
    assert total[6] == pytest.approx(80 / whole["exposure"])
    low, high = rates.poisson_interval([80])
    assert total[7:9] == pytest.approx([low[0] / whole["exposure"], high[0] / whole["exposure"]])


def test_the_map_page_says_what_it_shows_and_counts_the_unplaced(sample_site: SampleSite) -> None:
    page = (sample_site.site / "instruments/idex/maps.html").read_text(encoding="utf-8")
    assert "pointing of the boresight, not the arrival direction" in page
    assert "120 dust events, 15 of them unplaced" in page


def test_status_words_are_counted_and_lead_to_their_events(sample_site: SampleSite) -> None:
    page = (sample_site.site / "instruments/idex/quality.html").read_text(encoding="utf-8")
    found = re.search(r'cut=target_low\.pulse\.status~4~weak"[^>]*>(\d+)<', page)
    assert found is not None
    assert int(found[1]) == sample_site.value(
        "select count(*) from analysis.pulse where channel = 'Target_Low' and status ~ '\\mweak\\M'"
    )


def test_a_campaign_report_agrees_with_the_catalog_in_json_and_csv(sample_site: SampleSite) -> None:
    folder = sample_site.site / "instruments/idex/campaigns"
    names = sorted(path.stem for path in folder.glob("*.html"))
    assert len(names) >= 1
    total = 0
    for name in names:
        report = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        total += report["dust_events"]
        assert len([key for key in report["statistics"] if key.startswith(("snr_", "rise_", "disch", "trigger", "chi2",
                                                                            "reduced"))]) == 21  # fmt: skip
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
            rows = {row["name"]: row for row in csv.DictReader(lines)}
        for key, row in report["statistics"].items():
            assert int(rows[key]["count"]) == row["count"]
            assert rows[key]["median"] == ("" if row["median"] is None else repr(row["median"]))
            if row["count"]:
                assert row["min"] <= row["median"] <= row["max"]
        page = (folder / f"{name}.html").read_text(encoding="utf-8")
        assert page.count('data-plot="plot-snr-') == 6
        assert "not a measurement" in page
    assert total == sample_site.value("select count(*) from idex.event where dust_hit and clock_set")
    first = json.loads((folder / f"{names[0]}.json").read_text(encoding="utf-8"))
    snr = sample_site.value(
        "select max(snr) from analysis.channel_level l join idex.event x using (event_id) "
        f"where channel = 'TOF_High' and dust_hit and clock_set and l.t between '{first['first']}+00' and "
        f"timestamptz '{first['last']}+00' + interval '1 second'"
    )
    assert first["statistics"]["snr_tof_high"]["max"] == pytest.approx(snr)


def test_definitions_list_every_field_and_reading(sample_site: SampleSite) -> None:
    page = (sample_site.site / "instruments/idex/definitions.html").read_text(encoding="utf-8")
    assert "140 fields of the event header, 32 housekeeping readings" in page
    readings = json.loads(re.findall(r'id="readings">(.*?)</script>', page)[0])
    with sample_site.catalog.read() as conn:
        header = conn.execute(text("select txhdrhvpshkch23 as word, target_voltage from idex.event_header "
                                   "join idex.event_housekeeping using (event_id) limit 1")).one()  # fmt: skip
    reading = next(one for one in readings if one["name"] == "target_voltage")
    count = header.word >> reading["shift"] & 0xFFF
    assert polynomial(reading["segments"][0]["coefficients"], count) == pytest.approx(header.target_voltage)


def test_a_reading_may_have_a_polynomial_for_each_range() -> None:
    entry = {
        "segments": [{"from": 0, "to": 9, "coefficients": [1.0]}, {"from": 10, "to": 20, "coefficients": [0.0, 2.0]}]
    }
    assert [segment["to"] for segment in segments(entry)] == [9, 20]
    assert segments({"coefficients": [3.0]})[0]["to"] == 4095
    assert formula([1.0, -0.5, 0.0, 2e-9]) == "1 − 0.5 DN + 2e-09 DN^3"
    assert formula([0.0]) == "0"


@pytest.mark.parametrize(
    ("amounts", "where"),
    [((1, 0, 0), (0, 0)), ((0, 1, 0), (1, 0)), ((0, 0, 1), (0.5, 3**0.5 / 2)), ((2, 1, 0), (1 / 3, 0)),
     ((1, 1, 1), (0.5, 3**0.5 / 6))],
)  # fmt: skip
def test_amounts_lie_where_the_definition_puts_them_and_come_back(
    amounts: tuple[float, float, float], where: tuple[float, float]
) -> None:
    assert ternary.place(amounts) == pytest.approx(where)
    total = sum(amounts)
    assert ternary.amounts(*ternary.place(amounts)) == pytest.approx([one / total for one in amounts])


def test_new_events_change_their_block_and_analyses_do_too(catalog_one: Catalog, tmp_path: Path) -> None:
    settings = make_archive(tmp_path / "home", catalog_one)
    simulate(tmp_path / "one.pkts", "--events=3", "--seed=5")
    ingest(catalog_one, settings, [tmp_path / "one.pkts"])
    site = tmp_path / "site"
    build(catalog_one, settings, site, now=NOW)
    assert len(column(site, "event.id")) == 3
    simulate(tmp_path / "two.pkts", "--events=2", "--seed=6", "--start=2026-08-01")
    ingest(catalog_one, settings, [tmp_path / "two.pkts"])
    build(catalog_one, settings, site, now=NOW)
    assert len(column(site, "event.id")) == 5
    assert len([value for value in column(site, "tof_high.snr") if value is not None]) == 5
    assert len(list((site / "instruments/idex/campaigns").glob("*.html"))) == 2


def test_dashboards_without_events_say_what_to_do_next(catalog: Catalog, tmp_path: Path) -> None:
    settings = make_archive(tmp_path / "home", catalog)
    simulate(tmp_path / "one.pkts", "--events=1", "--seed=5")
    ingest(catalog, settings, [tmp_path / "one.pkts"])
    with catalog.begin() as conn:
        conn.execute(text("update core.event_source set event_id = null"))
        conn.execute(text("delete from core.event"))
    build(catalog, settings, tmp_path / "site", now=NOW)
    folder = tmp_path / "site/instruments/idex"
    assert "No event is analysed yet" in (folder / "quality.html").read_text()
    assert "pinakes monitor run idex-rates" in (folder / "maps.html").read_text()
    assert "There is no dust event yet" in (folder / "campaigns.html").read_text()
    assert "There is no event yet" in (folder / "explorer.html").read_text()


def test_wrong_limits_in_the_settings_leave_the_pages_and_are_named(sample_site: SampleSite, tmp_path: Path) -> None:
    from archive.config import load
    from monitors.site.dashboards import Making

    home = tmp_path / "home"
    home.mkdir()
    (home / "pinakes.toml").write_text("[monitor.idex-housekeeping.options.limits]\nno_such = [1, 2, 3, 4]\n")
    publisher = Publisher(tmp_path / "site", NOW)
    with sample_site.catalog.read() as conn:
        making = Making(publisher, conn, None, load(home), NOW, 1, "idex", "IDEX")  # type: ignore[arg-type]
        found = limits(making)
    assert found["hk.voltage_1v_bus"] == (0.9, 0.95, 1.05, 1.1)
    assert "no_such" in publisher.report.notes[0]
