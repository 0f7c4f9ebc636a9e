"""Pages of monitors, runs, storage and problems: what is wrong comes first, and everything is there to follow."""

from __future__ import annotations

import csv
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from archive.catalog import Catalog
from archive.cli import run
from monitors.site.monitor_figures import thin
from monitors.site.monitor_rows import in_words, monitor_page
from monitors.site.storage_figures import Point, with_gaps
from monitors.site.text import duration, quantity
from tests.site_sample import NOW, SampleSite


def page(sample: SampleSite, path: str) -> str:
    return (sample.site / path).read_text(encoding="utf-8")


def rows_of(sample: SampleSite, path: str) -> list[dict[str, str]]:
    with (sample.site / path).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_home_page_begins_with_what_is_wrong(sample_site: SampleSite) -> None:
    home = page(sample_site, "index.html")
    assert re.search(r'<p class="overall error">.*\d+ things need attention', home)
    first = home.index("Check number 00: failed")
    assert first < home.index("<h2>Monitors") < home.index("<h2>Archive")
    assert 'href="monitors/check-00/index.html"' in home
    assert "in quarantine: not recognised" in home
    assert len(home) < 200_000


def test_the_table_of_monitors_puts_those_that_are_down_first(sample_site: SampleSite) -> None:
    rows = rows_of(sample_site, "monitors/index.csv")
    assert rows[0]["name"] == "check-00"
    assert rows[0]["level"] == "down"
    assert len(rows) == 4


def test_the_page_of_a_monitor_has_state_runs_metrics_and_findings(sample_site: SampleSite) -> None:
    found = page(sample_site, "monitors/check-00/index.html")
    assert "every 5 minutes (*/5 * * * *, UTC)" in found
    for heading in ("Open findings", "Runs", "Availability", "Metrics through time", "Newest metrics", "Past findings"):
        assert f"<h2>{heading}" in found
    assert found.count('class="bokeh"') >= 6
    rows = rows_of(sample_site, "monitors/check-00/runs.csv")
    assert len(rows) == sample_site.value("select count(*) from ops.monitor_run r join ops.monitor m "
                                          "on m.id = r.monitor_id where m.name = 'check-00'")  # fmt: skip
    assert "analysis.monitor_runs where monitor = 'check-00'" in found.replace("&#39;", "'")


def test_a_failed_run_has_a_page_with_the_end_of_its_output(sample_site: SampleSite) -> None:
    run_id = sample_site.value(
        "select run_id from ops.monitor_run where state = 'failure' order by started desc limit 1"
    )
    found = page(sample_site, f"runs/{run_id}.html")
    assert "End of its output" in found
    assert str(run_id) in found
    assert "<script>window.hacked" not in found
    assert f'href="../../runs/{run_id}.html"' in page(sample_site, "monitors/check-00/index.html")


def test_the_page_of_storage_shows_disks_gaps_and_differences(sample_site: SampleSite) -> None:
    found = page(sample_site, "storage/index.html")
    for words in ("/data", "Files added per UTC day", "On disk, not in the catalog: 1", "The size differs: 1",
                  "By instrument", "idex by suffix", "Grew most in 30 days"):  # fmt: skip
        assert words in found
    assert len(re.findall(r'id="figure-[a-z-]+\d*"', found)) >= 8
    plots = dict(re.findall(r'id="plot-([a-z-]+)">(.*?)</script>', found))
    added = json.loads(plots["files-added"])
    assert '"2026-11-17"' not in json.dumps(added), "a day without a walk must not be drawn as a bar"
    suffixes = json.dumps(json.loads(plots["suffix-bytes"]))
    assert suffixes.count('"other"') >= 1


def test_a_gap_of_a_day_breaks_the_line() -> None:
    day = datetime(2026, 1, 1, tzinfo=UTC)
    points = [Point(day + timedelta(days=n), {}, float(n)) for n in (0, 1, 4)]
    assert [point.value for point in with_gaps(points)] == [0.0, 1.0, None, 4.0]


def test_thinning_keeps_the_extremes_and_the_order() -> None:
    rows = [SimpleNamespace(value=float((n * 37) % 101), at=n) for n in range(1000)]
    rows[500].value = None
    kept = thin(rows, 40)
    assert len(kept) <= 40
    assert [row.at for row in kept] == sorted(row.at for row in kept)
    values = [row.value for row in rows if row.value is not None]
    assert {min(values), max(values)} <= {row.value for row in kept}


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("*/5 * * * *", "every 5 minutes"),
        ("0 6 * * *", "every day at 06:00"),
        ("20 */6 * * *", "every 6 hours at minute 20"),
        ("30 7 * * 1-5", "at 7:30 from Monday to Friday"),
        ("0 0 1 * *", "on day 1 of every month at 00:00"),
        ("0 0 29 2 *", ""),
        ("15m", "every 15m"),
    ],
)
def test_schedules_are_told_in_words(schedule: str, words: str) -> None:
    assert in_words(schedule) == words


def test_lengths_of_time_and_quantities_are_told_in_words() -> None:
    assert [duration(s) for s in (0.35, 42, 245, 7500, 3 * 86400 + 5 * 3600)] == [
        "0.35 s", "42 s", "4 min 5 s", "2 h 5 min", "3 d 5 h",
    ]  # fmt: skip
    assert [quantity(12.0, ""), quantity(2.5e9, "B"), quantity(None, "B"), quantity(0.5, "1/d")] == [
        "12", "2.5 GB", "–", "0.5 1/d",
    ]  # fmt: skip


def test_the_folder_of_a_monitor_never_meets_the_index() -> None:
    assert monitor_page("index.html") == "monitors/index.html_/index.html"


@pytest.mark.slow
def test_the_build_is_a_monitor_that_keeps_the_time_of_every_question(archive_home: Path, catalog_one: Catalog) -> None:
    assert run(["--home", str(archive_home), "monitor", "run", "site"]) == 0
    assert (archive_home / "site/index.html").is_file()
    with catalog_one.read() as conn:
        assert conn.execute(text("select count(*) from ops.query_time where source = 'site'")).scalar_one() > 10
        names = set(conn.execute(text("select distinct name from ops.metric")).scalars())
        run_id = conn.execute(text("select run_id from ops.monitor_run")).scalar_one()
    assert {"site_query_seconds", "site_build_seconds", "site_home_bytes"} <= names
    assert f'"id":"{run_id}"' in (archive_home / "site/static/build.js").read_text()
    assert f'data-run="{run_id}"' in (archive_home / "site/index.html").read_text()


def test_the_same_moment_gives_the_same_pages(sample_site: SampleSite) -> None:
    sample_site.build(now=NOW)  # other tests took rows away and brought them back: that is noted, not shown
    before = {path: path.read_bytes() for path in sample_site.site.rglob("*") if path.is_file()}
    report = sample_site.build(now=NOW, full=True)
    changed = [path.relative_to(sample_site.site) for path, content in before.items() if path.read_bytes() != content]
    assert (report.written, changed) == (0, [])
