"""One archive with everything a page can meet, and its site: simulated captures, damage, hostile names, quarantine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import BigInteger, Connection, Table, text

from archive.catalog import Catalog, tags
from archive.catalog.engine import make_engine
from archive.catalog.schema import filesystem
from archive.cli import run
from archive.config import Settings, load
from archive.ingest import ingest
from archive.store import init_home
from monitors.site.build import build
from monitors.site.publish import Report
from tests.servers import TestServer

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

#: Markup, an entity, quotes, a line break, a right-to-left mark, and what a spreadsheet would run.
HOSTILE_NAME = "=1+1 <img src=x onerror=window.hacked=1> &amp; \"'\n\u202e.pkts"
#: Not a possible file name here, but one from elsewhere, and what ends a script element or a JavaScript string.
HOSTILE_TEXT = "</script><script>window.hacked=1</script> ${window.hacked=1} \u2028 \u2029 ]]> <!--"


@dataclass
class SampleSite:
    """The archive, and the pages built from it."""

    catalog: Catalog
    settings: Settings
    site: Path
    report: Report

    def build(self, **options: object) -> Report:
        """Build again."""
        return build(self.catalog, self.settings, self.site, **options)  # type: ignore[arg-type]

    def value(self, query: str) -> object:
        """Return one value from the catalog."""
        with self.catalog.read() as conn:
            return conn.execute(text(query)).scalar()


@pytest.fixture(scope="session")
def sample_site(embedded_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SampleSite]:
    """An archive of 46 events over several days with its site; tests may build again, but not change what is there."""
    folder = tmp_path_factory.mktemp("site")
    url = embedded_server.create()
    try:
        with Catalog(make_engine(url)) as catalog:
            settings = make_archive(folder / "home", catalog)
            ingest(catalog, settings, captures(folder / "drop"))
            make_monitored(catalog)
            make_walks(catalog)
            make_windows(catalog)
            make_tagged(catalog)
            make_hostile(catalog)
            site = folder / "site"
            yield SampleSite(catalog, settings, site, build(catalog, settings, site, now=NOW))
    finally:
        embedded_server.drop(url)


def make_archive(home: Path, catalog: Catalog) -> Settings:
    """Make an empty archive whose catalog is `catalog`."""
    init_home(home)
    (home / "pinakes.toml").write_text(f'[database]\nurl = "{catalog.url}"\n', encoding="utf-8")
    return load(home)


def captures(drop: Path) -> list[Path]:
    """Write simulated captures and other files that come in."""
    drop.mkdir()
    simulate(
        drop / HOSTILE_NAME,
        "--events=30",
        "--seed=1",
        "--mix",
        "--gaps=2",
        "--flips=3",
        "--truncate",
        "--interval=4000",
    )
    simulate(drop / "plain.pkts", "--events=12", "--seed=2", "--compressed", "--start=2026-06-10")
    simulate(drop / "unset.pkts", "--events=4", "--seed=3", "--unset-clock")
    (drop / "<b>not packets").write_bytes(b"this is no packet file\n" * 40)
    return sorted(path for path in drop.iterdir() if not path.name.endswith(".truth.jsonl"))


def simulate(path: Path, *options: str) -> None:
    """Write one simulated capture, without its truth files."""
    assert run(["--quiet", "simulate", "idex", "--no-arrays", *options, str(path)]) == 0


def make_monitored(catalog: Catalog) -> None:
    """Enter four monitors with a year of runs, the last of them failed, and the monitor of the file system."""
    from scripts.benchmarks.generated import fill_monitors

    with catalog.begin() as conn:
        fill_monitors(conn, runs=240, count=4)
        conn.execute(text("update ops.monitor set name = 'filesystem', title = 'File system' where name = 'check-03'"))
        conn.execute(
            text("insert into ops.state_change (monitor_id, from_state, to_state, from_level, to_level, at, reason, "
                 "message) select id, 'up', 'failed', 'up', 'down', :at, 'failure', 'It failed.' from ops.monitor "
                 "where name = 'check-00'"),
            {"at": NOW - timedelta(hours=5)},
        )  # fmt: skip


def make_walks(catalog: Catalog) -> None:
    """Enter walks of eight days, without the fourth: two areas on one disk that fills up, and differences."""
    from scripts.benchmarks.generated import run_id

    with catalog.begin() as conn:
        owner = conn.execute(text("select id from ops.monitor where name = 'filesystem'")).scalar_one()
        for day in (0, 1, 2, 4, 5, 6, 7):
            at = NOW - timedelta(days=7 - day, hours=6)
            walk = run_id(at, 10_000 + day)
            conn.execute(
                text("insert into ops.monitor_run (run_id, monitor_id, state, cause, started, heartbeat, ended, host, "
                     "boot_id, pid_namespace, pid, user_name, version) values (:run, :owner, 'success', 'hand', :at, "
                     ":at, :at, 'host', 'boot', '1', 1, 'pinakes', '0.1.0')"),
                {"run": walk, "owner": owner, "at": at},
            )  # fmt: skip
            add(conn, filesystem.scan_run, run_id=walk, at=at, mode="full", walk_s=2.0, complete=True)
            space = {"total_bytes": 10**12, "used_bytes": (day + 1) * 10**10, "available_bytes": 10**12 - day * 10**10}
            add(conn, filesystem.scan_device, run_id=walk, mount="/data", **space)
            for area in ("raw", "previews"):
                files = {"n_files": 100 + 10 * day, "n_bytes": (day + 1) * 10**9, "complete": True}
                add(conn, filesystem.scan_area, run_id=walk, area=area, root=f"/data/{area}", mount="/data", **files)
                for number in range(15):
                    parts = {"instrument": "idex", "level": "raw", "suffix": f"s{number:02d}", "extension": "pkts"}
                    sizes = {"n_files": number + day, "n_bytes": (number + 1) * 10**6, "oldest_mtime": at}
                    add(conn, filesystem.scan_count, run_id=walk, area=area, **parts, **sizes, newest_mtime=at)
        for kind in filesystem.DIFFERENCES:
            seen = {"first_seen": NOW - timedelta(days=3), "last_seen": NOW}
            add(conn, filesystem.scan_difference, kind=kind, relpath=f"files/{HOSTILE_TEXT}", disk_bytes=5, **seen)


def make_windows(catalog: Catalog) -> None:
    """Enter three windows of rates, the second without exposure: 40 dust events each, 5 of them unplaced."""
    from archive.catalog.bulk import copy_rows
    from archive.instruments.idex.analysis import rate_tables, rates

    dice = np.random.default_rng(7)
    with catalog.begin() as conn:
        code = conn.execute(text("select min(id) from core.code_version")).scalar_one()
        for number in range(3):
            start, stop = rates.window_of(datetime(2026, 6, 3, tzinfo=UTC) + timedelta(days=10 * number))
            seconds = (stop - start).total_seconds()
            longitude = np.where(np.arange(40) < 5, np.nan, dice.uniform(90, 120, 40))
            charge = np.where(np.arange(40) < 3, np.nan, 10 ** dice.normal(1, 0.5, 40))
            dust = rates.Dust(
                charge, 10 ** dice.normal(-15, 0.3, 40), longitude, dice.uniform(-6, 6, 40), dice.uniform(0, 360, 40),
                np.ones(40, dtype=bool),
            )  # fmt: skip
            none = rates.Messages(np.empty(0), np.empty(0, dtype=np.int64))
            messages = none if number == 1 else rates.Messages(np.array([0.0, seconds - 10]), np.array([1, 0]))
            t = np.arange(0.0, seconds, 10.0)
            pointing = rates.Pointing(t, 105 + 15 * np.sin(t / 5000), 6 * np.sin(t / 700))
            window = rates.Window(start, stop, stop)
            found = rates.accumulate(window, dust, messages, pointing, rates.Settings(), events=60, dead_time=3.0)
            told = {"source": "Target_Low", "subtract_dead_time": False}
            values = {**found.window, "version": 1, "settings_hash": "-", "settings": told, "input_hash": str(number)}
            made = rate_tables.rate_window.insert().values(**values, code_version_id=code)
            key = conn.execute(made.returning(rate_tables.rate_window.c.id)).scalar_one()
            for table, columns in (
                (rate_tables.rate_count, found.counts), (rate_tables.rate, found.rates),
                (rate_tables.map_pixel, found.pixels), (rate_tables.map_count, found.map_counts),
            ):  # fmt: skip
                rows = len(next(iter(columns.values())))
                if rows:
                    copy_rows(conn, table, {"rate_window_id": [key] * rows, **columns})


def add(conn: Connection, table: Table, **values: object) -> None:
    """Insert one row; numbers that are not given are zero, and other columns empty."""
    needed = [c for c in table.c if not c.nullable and c.server_default is None and c.name != "id"]
    empty = {c.name: 0 if isinstance(c.type, BigInteger) else "" for c in needed}
    conn.execute(table.insert().values({**empty, **values}))


def make_tagged(catalog: Catalog) -> None:
    """Tag the first event."""
    with catalog.begin() as conn:
        tags.ensure_general(conn)
        identity = conn.execute(text("select identity from core.event order by t, id limit 1")).scalar_one()
        tags.say(conn, "needs_discussion", tags.Subject("idex", "event", identity), "A. Analyst", HOSTILE_TEXT)


def make_hostile(catalog: Catalog) -> None:
    """Put text from a hostile world into every column that pages show and a file can influence."""
    with catalog.begin() as conn:
        values = {"text": HOSTILE_TEXT}
        conn.execute(text("update core.file set original_name = :text where original_name = 'unset.pkts'"), values)
        conn.execute(text("update core.file set header = header || jsonb_build_object(:text, :text)"), values)
        conn.execute(
            text(
                "insert into core.file_problem (file_id, code, severity, byte_offset, message, source) "
                "select min(id), :text, 'error', 17, :text, :text from core.file"
            ),
            values,
        )
        conn.execute(text("update core.event set kind = :text where id = (select max(id) from core.event)"), values)
        conn.execute(
            text("insert into ops.job (kind, key, state, error, args) "
                 "values ('ingest', 'hostile', 'failed', :text, jsonb_build_object('path', :text))"),
            values,
        )  # fmt: skip
        conn.execute(text("update ops.monitor set title = :text where name = 'check-01'"), values)
        conn.execute(text("update ops.finding set message = :text, subject = :text, code = :text"), values)
        conn.execute(text("update ops.monitor_run set error_message = :text, output_tail = :text, version = :text "
                          "where state = 'failure'"), values)  # fmt: skip
        conn.execute(text("update ops.metric set labels = jsonb_build_object(:text, :text)"), values)
