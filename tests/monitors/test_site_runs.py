"""A page per kept run, written once after its end, bounded by the retention of its monitor."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from archive.catalog import Catalog
from archive.config import Settings, load
from monitors.site.build import build
from monitors.site.publish import Report
from scripts.benchmarks.generated import fill_monitors
from tests.site_sample import NOW, make_archive

MONITORS = 3


class Archive:
    """An archive with runs of a year and its site."""

    def __init__(self, catalog: Catalog, settings: Settings, site: Path) -> None:
        self.catalog, self.settings, self.site = catalog, settings, site

    def build(self, minutes: float = 0, **options: object) -> Report:
        now = NOW + timedelta(minutes=minutes)
        return build(self.catalog, self.settings, self.site, now=now, **options)  # type: ignore[arg-type]

    def set_retention(self, text_of_settings: str) -> None:
        path = self.settings.home / "pinakes.toml"
        path.write_text(f'[database]\nurl = "{self.catalog.url}"\n{text_of_settings}', encoding="utf-8")
        self.settings = load(self.settings.home)

    def ids(self, query: str) -> set[str]:
        with self.catalog.read() as conn:
            return set(map(str, conn.execute(text(query)).scalars()))

    def say(self, statement: str) -> None:
        with self.catalog.begin() as conn:
            conn.execute(text(statement))

    @property
    def paged(self) -> set[str]:
        return {path.stem for path in (self.site / "runs").glob("*.html")}

    def page(self, path: str) -> str:
        return (self.site / path).read_text(encoding="utf-8")


@pytest.fixture
def archive(catalog_one: Catalog, tmp_path: Path) -> Archive:
    with catalog_one.begin() as conn:
        fill_monitors(conn, runs=300, count=MONITORS)
    return Archive(catalog_one, make_archive(tmp_path / "home", catalog_one), tmp_path / "site")


def kept(archive: Archive, days: int = 90) -> set[str]:
    """Return what the default retention keeps: the runs of 90 days, and the newest failure of each monitor."""
    return archive.ids(
        f"select run_id from ops.monitor_run where started >= timestamptz '{NOW}' - interval '{days} days' union "
        "(select distinct on (monitor_id) run_id from ops.monitor_run where state = 'failure' "
        "order by monitor_id, started desc)"
    )


def test_every_kept_run_has_a_page_and_every_run_in_the_table_leads_to_one(archive: Archive) -> None:
    archive.build()
    assert archive.paged == kept(archive)
    assert 60 < len(archive.paged) < 120
    for number in range(MONITORS):
        found = archive.page(f"monitors/check-{number:02d}/index.html")
        rows = found.split("<h2>Runs, newest first</h2>")[1].split("</table>")[0].count("<tr>") - 1
        links = {line.split(".html")[0] for line in found.split('href="../../runs/')[1:]}
        assert links <= archive.paged
        assert len(links) == rows > 20


def test_the_page_of_a_run_says_everything_about_it(archive: Archive) -> None:
    (run,) = archive.ids("select run_id from ops.finding order by id desc limit 1")
    archive.say(
        f"update ops.monitor_run set data_start = '2026-10-01 01:02:03+00', data_end = '2026-10-02+00', "
        f"window_start = '2026-11-01+00', window_end = '2026-11-02+00', n_in = 12345, output_tail = 'last words', "
        f"log_path = 'logs/monitors/x.log' where run_id = '{run}'"
    )
    archive.say(f"insert into ops.monitor_run_table values ('{run}', 'core.some_table', 4321)")
    archive.build()
    page = archive.page(f"runs/{run}.html")
    for words in (
        run, "told 2026-11-01 00:00:00 to 2026-11-02 00:00:00", "data of 2026-10-01 01:02:03 to 2026-10-02 00:00:00",
        "12\u2009345", "core.some_table", "4\u2009321", "last words", "logs/monitors/x.log", "value 0 seconds",
        "pinakes 0.1.0", "This in SQL", 'id="written"', f'href="../runs/{run}.csv"',
    ):  # fmt: skip
        assert words in page, words
    (message,) = archive.ids(f"select message from ops.finding where run_id = '{run}'")
    assert message in page
    with (archive.site / f"runs/{run}.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    values = {(row["kind"], row["name"]): row["value"] for row in rows}
    assert values["run", "run_id"] == run
    assert values["table", "core.some_table"] == "4321"
    assert values["run", "data_start"] == "2026-10-01T01:02:03Z"
    assert sum(row["kind"] == "metric" for row in rows) == 5
    assert sum(row["kind"] == "finding" for row in rows) == 1


def test_the_sql_of_a_run_page_runs_as_it_stands(archive: Archive) -> None:
    from monitors.site.run_pages import statements

    (run,) = archive.ids("select run_id from ops.finding order by id desc limit 1")
    with archive.catalog.read() as conn:
        found = {title: len(conn.exec_driver_sql(sql).all()) for title, sql in statements(run)}
    assert found == {"The run": 1, "Tables written": 0, "Findings": 1, "Metrics": 5}


def test_a_page_is_written_once_and_later_builds_look_at_new_runs_only(archive: Archive) -> None:
    archive.build()
    before = {path: path.stat().st_mtime_ns for path in (archive.site / "runs").iterdir()}
    archive.say("update ops.monitor_run set message = 'changed after the end'")  # nobody does; nothing may follow
    archive.say(
        "insert into ops.monitor_run (run_id, monitor_id, state, cause, started, heartbeat, ended, wall_s, host, "
        "boot_id, pid_namespace, pid, user_name, version) select gen_random_uuid(), min(id), 'success', 'hand', "
        f"'{NOW}', '{NOW}', '{NOW}', 1, 'h', 'b', '1', 1, 'u', '0.1.0' from ops.monitor"
    )
    report = archive.build(minutes=1)
    new = {path for path in (archive.site / "runs").iterdir() if path not in before}
    assert len(new) == 2  # page and CSV
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert report.written < 30
    (name,) = (path.name for path in new if path.suffix == ".html")
    assert name in archive.page("monitors/check-00/index.html")


def test_a_run_gets_its_page_when_it_has_ended_and_is_measured(archive: Archive) -> None:
    (run,) = archive.ids("select run_id from ops.monitor_run order by started desc, run_id limit 1")
    archive.say(f"update ops.monitor_run set state = 'running', ended = null, wall_s = null where run_id = '{run}'")
    archive.build()
    assert run not in archive.paged
    archive.say(f"update ops.monitor_run set state = 'success', ended = '{NOW}' where run_id = '{run}'")
    archive.build(minutes=1)
    assert run not in archive.paged, "its supervisor has not said what it used"
    archive.say(f"update ops.monitor_run set wall_s = 3 where run_id = '{run}'")
    archive.build(minutes=2)
    assert run in archive.paged


def test_a_run_whose_supervisor_died_gets_its_page_a_quarter_of_an_hour_later(archive: Archive) -> None:
    (run,) = archive.ids("select run_id from ops.monitor_run order by started desc, run_id limit 1")
    archive.say(f"update ops.monitor_run set state = 'killed', ended = '{NOW}', wall_s = null where run_id = '{run}'")
    archive.build(minutes=14)
    assert run not in archive.paged
    archive.build(minutes=16)
    assert run in archive.paged


def test_pages_go_with_the_retention_of_their_monitor_but_the_newest_failure_stays(archive: Archive) -> None:
    archive.build()
    everything = archive.paged
    archive.set_retention("[monitor.check-00]\nkeep_runs = 3\n[monitor.check-01]\nkeep_days = 2\n")
    report = archive.build(minutes=1)
    assert report.removed == 2 * len(everything - archive.paged) > 0
    of = "select run_id from ops.monitor_run where monitor_id = (select id from ops.monitor where name = '{}')"
    first, second = (archive.paged & archive.ids(of.format(f"check-0{n}")) for n in (0, 1))
    newest = archive.ids(of.format("check-00") + " order by started desc limit 3")
    failure = archive.ids(of.format("check-00") + " and state = 'failure' order by started desc limit 1")
    assert first == newest | failure
    assert len(second) <= 3
    assert archive.ids(of.format("check-01") + " and state = 'failure' order by started desc limit 1") <= second
    for number in range(MONITORS):
        found = archive.page(f"monitors/check-{number:02d}/index.html")
        assert {line.split(".html")[0] for line in found.split('href="../../runs/')[1:]} <= archive.paged


def test_a_skipped_start_has_a_page_that_says_why(archive: Archive) -> None:
    archive.say(
        "insert into ops.monitor_run (run_id, monitor_id, state, cause, started, heartbeat, ended, host, boot_id, "
        "pid_namespace, pid, user_name, version, error_message) select "
        f"'00000000-0000-7000-8000-000000000001', min(id), 'skipped', 'hand', '{NOW}', '{NOW}', '{NOW}', 'h', 'b', "
        "'1', 1, 'u', '0.1.0', 'skipped: already running.' from ops.monitor"
    )
    archive.build(minutes=1)
    page = archive.page("runs/00000000-0000-7000-8000-000000000001.html")
    assert "skipped: already running." in page
    assert "none, it did not take place" in page


def test_a_page_somebody_removed_comes_back_and_one_of_no_run_goes(archive: Archive) -> None:
    archive.build()
    lost = sorted(archive.paged)[0]
    (archive.site / f"runs/{lost}.html").unlink()
    stray = "00000000-0000-7000-8000-0000000000ff"
    (archive.site / f"runs/{stray}.html").write_text("a page of a run that is no more")
    archive.build(minutes=1)
    assert lost in archive.paged
    assert stray not in archive.paged


def test_a_new_form_makes_every_page_again(archive: Archive) -> None:
    archive.build()
    archive.set_retention('[site]\ntitle = "Another title"\n')
    archive.build(minutes=1)
    assert all("Another title" in page.read_text(encoding="utf-8") for page in (archive.site / "runs").glob("*.html"))
