"""Dashboards of many analysed events: what a build takes, what one more event takes, and what a reader waits for."""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scripts.benchmarks.row import Row
from scripts.benchmarks.site import pinakes

SIMULATED = 500

#: Events of the archive whose dashboards are built, small and large.
EVENTS = (10_000, 100_000)

#: Schemas whose tables of events and analyses are copied.
SCHEMAS = ("core", "idex")

PATIENCE = 120.0  # s


def measure(large: bool) -> list[Row]:
    """Build the dashboards of an archive whose analysed events are copied many times over."""
    events = EVENTS[large]
    with tempfile.TemporaryDirectory(prefix="pinakes-bench-") as folder:
        Path(folder).chmod(0o711)  # started by root the server runs under another account, which must pass
        home, site = Path(folder) / "archive", Path(folder) / "site"
        pinakes(home, "init")
        try:
            capture = Path(folder) / "capture.pkts"
            pinakes(home, "simulate", "idex", "--no-arrays", "--mix", f"--events={SIMULATED}", str(capture))
            pinakes(home, "ingest", str(capture))
            return [*measure_build(home, site, events), *measure_reading(site, events)]
        finally:
            pinakes(home, "db", "stop")


def measure_build(home: Path, site: Path, events: int) -> list[Row]:
    """Seconds of the dashboards: from nothing, with one block changed, and with nothing changed; memory and size."""
    import resource

    from sqlalchemy import text

    from archive.catalog import Catalog
    from archive.config import open_home

    settings = open_home(home)
    of = f"({events:,} events)".replace(",", " ")
    with Catalog.connect(settings) as catalog:
        with catalog.begin() as conn:
            multiply(conn, events // SIMULATED - 1)
        with catalog.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.exec_driver_sql("vacuum (analyze)")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        seen: dict[str, str] = {}
        first = build(catalog, settings, site, seen)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        again = build(catalog, settings, site, seen)
        with catalog.begin() as conn:
            conn.execute(text("update core.event set seq = seq + 1 where id = (select max(id) from core.event)"))
        one = build(catalog, settings, site, seen)
    files = [path for path in (site / "instruments").rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files) / 1e6
    return [
        Row("dashboards, first build", first, "s", "-", note=of),
        Row("dashboards, one event changed", one, "s", "-", first, "first build", of),
        Row("dashboards, nothing changed", again, "s", "-", first, "first build", of),
        Row("dashboards, memory on top", grown / 1000, "MB", "-", note=of),
        Row("dashboards, on disk", size, "MB", "-", note=f"({len(files)} files)"),
    ]


def build(catalog: Any, settings: Any, site: Path, seen: dict[str, str]) -> float:
    """Build the dashboards alone; return the seconds."""
    from importlib.metadata import version

    from sqlalchemy import text

    from monitors.site.assets import bokeh_folder, publish_assets
    from monitors.site.dashboards import Making, dashboards
    from monitors.site.publish import Publisher
    from monitors.site.shell import Shell

    now = datetime.now(UTC)
    offered = dashboards("idex")
    with catalog.read() as conn:
        row = conn.execute(text("select id, title from core.instrument where name = 'idex'")).one()
        publisher = Publisher(site, now)
        publish_assets(publisher)
        publisher.file("static/build.js", b"window.pinakes = {};\n")
        links = {"idex": [page.link for page in offered.pages()]}
        shell = Shell("Bench", version("pinakes"), bokeh_folder(), [("idex", row.title)], links)
        start = time.perf_counter()
        offered.publish(Making(publisher, conn, shell, settings, now, row.id, "idex", row.title, seen))
        publisher.close()
        return time.perf_counter() - start


def multiply(conn: Any, times: int) -> None:
    """Copy every event with its typed rows, its analysis and its fits, so many times, a day apart."""
    from sqlalchemy import text

    from archive.instruments.base import instrument

    tables = [table for table in instrument("idex").table_metadata().tables.values() if table.schema in SCHEMAS]
    names = [column.name for column in _table(tables, "core.event").columns if column.name != "id"]
    new = {"identity": "e.identity || '#' || k", "t": "e.t + k * interval '1 day'"}
    conn.execute(
        text(f"insert into core.event ({_listed(names)}) select {', '.join(new.get(n, f'e.{n}') for n in names)} "
             "from core.event e, generate_series(1, :times) k"), {"times": times},
    )  # fmt: skip
    conn.execute(
        text("create temp table copied on commit drop as select o.id as old, n.id as new "
             "from core.event o join core.event n on split_part(n.identity, '#', 1) = o.identity and n.id <> o.id")
    )  # fmt: skip
    for table in tables:
        if table.schema == "idex" and "event_id" in table.primary_key.columns:
            _copy(conn, table, "event_id", "copied")
    analysis = _table(tables, "core.event_analysis")
    kept = [column.name for column in analysis.columns if column.name not in ("id", "event_id")]
    conn.execute(
        text(f"insert into core.event_analysis (event_id, {_listed(kept)}) select c.new, {_listed(kept)} "
             "from core.event_analysis a join copied c on c.old = a.event_id")
    )  # fmt: skip
    conn.execute(
        text("create temp table copied_analyses on commit drop as select a.id as old, b.id as new "
             "from core.event_analysis a join copied c on c.old = a.event_id "
             "join core.event_analysis b on b.event_id = c.new and b.settings_hash = a.settings_hash")
    )  # fmt: skip
    for table in tables:
        if "event_analysis_id" in table.primary_key.columns:
            _copy(conn, table, "event_analysis_id", "copied_analyses")


def _copy(conn: Any, table: Any, key: str, pairs: str) -> None:
    from sqlalchemy import text

    names = [column.name for column in table.columns if column.name != key]
    others = ", ".join(f'x."{name}"' for name in names)
    conn.execute(
        text(f"insert into {table.fullname} ({key}, {_listed(names)}) select c.new, {others} "
             f"from {table.fullname} x join {pairs} c on c.old = x.{key}")
    )  # fmt: skip


def _table(tables: list[Any], name: str) -> Any:
    return next(table for table in tables if table.fullname == name)


def _listed(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def measure_reading(site: Path, events: int) -> list[Row]:
    """Seconds to the first scatter, and to one with another quantity, in Chromium, from disk."""
    from scripts import chromium

    program = chromium.find()
    if program is None:
        print("no Chromium: the reader's waiting times are not measured", file=sys.stderr)
        return []
    of = f"({events:,} events)".replace(",", " ")
    with chromium.chromium(program) as browser:
        page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
        start = time.perf_counter()
        page.goto(f"{site.as_uri()}/instruments/idex/explorer.html#x=event.t&y=tof_high.snr")
        wait(page, "document.documentElement.dataset.shown && Bokeh.documents[0].is_idle")
        first = time.perf_counter() - start
        page.evaluate("delete document.documentElement.dataset.shown")
        start = time.perf_counter()
        page.locator("#y").select_option("tof_mid.snr")
        wait(page, "document.documentElement.dataset.shown && Bokeh.documents[0].is_idle")
        other = time.perf_counter() - start
    return [
        Row("explorer, first figure", first, "s", "<= 5 s", note=of),
        Row("explorer, another quantity", other, "s", "-"),
    ]


def wait(page: Any, expression: str) -> None:
    end = time.perf_counter() + PATIENCE
    while not page.evaluate(expression):
        assert time.perf_counter() < end, f"still not true: {expression}"
