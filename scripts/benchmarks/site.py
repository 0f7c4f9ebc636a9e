"""Pages: event scripts per second beside one standalone Bokeh page per event, and what a reader waits for."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from scripts.benchmarks.row import Row

PINAKES = str(Path(sys.executable).with_name("pinakes"))

EVENTS = 1000

#: Files, events and runs of the archive whose home page is built.
SMALL = (100_000, 10_000, 10_000)
LARGE = (1_000_000, 100_000, 100_000)

HOME_BUDGET = (5.0, 1e6)  # seconds, bytes

BASELINE_EVENTS = 12
STEPS = 30


def measure(large: bool) -> list[Row]:
    """Build the site of a simulated capture, and look at it in Chromium when there is one."""
    events = EVENTS * (10 if large else 1)
    with tempfile.TemporaryDirectory(prefix="pinakes-bench-") as folder:
        Path(folder).chmod(0o711)  # started by root the server runs under another account, which must pass
        home = Path(folder) / "archive"
        pinakes(home, "init")
        try:
            capture = Path(folder) / "capture.pkts"
            pinakes(home, "simulate", "idex", "--no-arrays", f"--events={events}", "--interval=3", str(capture))
            pinakes(home, "ingest", str(capture))
            rows = [*measure_event_pages(home, Path(folder) / "site"), *measure_reading(Path(folder) / "site")]
            rows += measure_home(home, Path(folder) / "large", *(LARGE if large else SMALL))
        finally:
            pinakes(home, "db", "stop")
    return rows


def measure_event_pages(home: Path, site: Path) -> list[Row]:
    """Event scripts and whole site in events/s: catalog and product read, files encoded, synced and renamed."""
    from archive.catalog import Catalog
    from archive.config import open_home
    from monitors.site.build import build

    settings = open_home(home)
    with Catalog.connect(settings) as catalog:
        build(catalog, settings, site)  # warms caches and imports
        shutil.rmtree(site)
        start = time.perf_counter()
        build(catalog, settings, site)
        whole = time.perf_counter() - start
        with catalog.read() as conn:
            seconds, events, size = time_scripts(conn, home, site.with_name("scripts"))
        again = time.perf_counter()
        build(catalog, settings, site)
        again = time.perf_counter() - again
    product = next(home.rglob("files/idex/l1a/**/*.h5"))
    standalone = standalone_pages(product, site.with_name("standalone"))
    name = "a Bokeh page per event"
    return [
        Row(
            "event pages",
            events / seconds,
            "events/s",
            ">= 500",
            standalone,
            name,
            f"({size / events / 1000:.0f} kB each)",
        ),
        Row("whole site, first build", events / whole, "events/s", "-", standalone, name),
        Row("whole site, nothing changed", again, "s", "-", whole, "first build"),
    ]


def measure_home(home: Path, out: Path, files: int, events: int, runs: int) -> list[Row]:
    """Seconds from nothing to the written home page of a large archive, its size, and its slowest question."""
    from archive.catalog import Catalog, migrate
    from archive.config import open_home
    from monitors.site import attention, queries, run_pages
    from monitors.site import home as home_page
    from monitors.site.build import Builder
    from monitors.site.publish import Publisher
    from monitors.survey import survey
    from scripts.benchmarks.generated import NOW, fill

    settings = open_home(home)
    with Catalog.connect(settings) as own:
        url = own.engine.url.set(database="pinakes_large")
        with own.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.exec_driver_sql("create database pinakes_large")
    with Catalog.from_url(url.render_as_string(hide_password=False)) as catalog:
        migrate.upgrade(catalog)
        fill(catalog, files, events, runs)
        with catalog.read() as conn:
            queries.times(conn)
            start = time.perf_counter()
            publisher = Publisher(out, NOW)
            builder = Builder(conn, settings, publisher, NOW, lambda _: None)
            standings = survey(conn, NOW)
            found = attention.Attention(conn, standings, NOW)
            home_page.publish(publisher, conn, builder.shell, builder.holdings, standings, found, NOW)
            seconds = time.perf_counter() - start
            name, slowest = max(queries.times(conn).items(), key=lambda item: item[1].total_s)
            taken = []
            for broken in (None, frozenset[str]()):
                start = time.perf_counter()
                kept = run_pages.publish(publisher, conn, builder.shell, settings, NOW, broken)
                taken.append(time.perf_counter() - start)
            pages = sum(map(len, kept.values()))
    size = (out / "index.html").stat().st_size
    of = f"of {files:,} files, {events:,} events, {runs:,} runs".replace(",", " ")
    return [
        Row("home page", seconds, "s", f"<= {HOME_BUDGET[0]:g} s", note=f"({of})"),
        Row("home page, size", size / 1000, "kB", f"<= {HOME_BUDGET[1] / 1000:g} kB"),
        Row("home page, slowest question", slowest.total_s, "s", "-", note=f"({name})"),
        Row("pages of runs, first build", pages / taken[0], "pages/s", "-", note=f"({pages} kept of {runs})"),
        Row("pages of runs, nothing changed", taken[1], "s", "-", taken[0], "first build"),
    ]


def time_scripts(conn: object, home: Path, out: Path) -> tuple[float, int, int]:
    """Return seconds, events and bytes of writing the data scripts of every event."""
    from datetime import UTC, datetime

    from sqlalchemy import Connection

    from monitors.site import queries
    from monitors.site.event_data import EventScripts
    from monitors.site.publish import Publisher

    assert isinstance(conn, Connection)
    start = time.perf_counter()
    publisher = Publisher(out, datetime.now(UTC))
    scripts = EventScripts(publisher, conn, home, {"idex": "IDEX"}, {})
    rows = queries.EVENTS_OF_DAY.rows(
        conn, start=datetime(2000, 1, 1, tzinfo=UTC), stop=datetime(2100, 1, 1, tzinfo=UTC)
    )
    scripts.write(rows)
    publisher.close()
    seconds = time.perf_counter() - start
    return seconds, publisher.report.written, sum(path.stat().st_size for path in out.rglob("*.js"))


def standalone_pages(product: Path, out: Path) -> float:
    """Return pages per second of the established way: six figures and one HTML file per event, scripts shared."""
    import numpy as np
    from bokeh.embed import file_html
    from bokeh.layouts import column
    from bokeh.plotting import figure
    from bokeh.resources import CDN

    from archive.instruments.base import instrument

    waveforms = instrument("idex").waveforms(product, 0, BASELINE_EVENTS)
    out.mkdir()
    start = time.perf_counter()
    for event in range(BASELINE_EVENTS):
        figures = []
        for channel in waveforms.channels:
            plot = figure(height=100, sizing_mode="stretch_width", x_axis_label="Time (µs)", y_axis_label="DN")
            samples = channel.data[event]
            plot.line(channel.t0[event] + np.arange(len(samples)) * channel.dt, samples.astype(np.float32))
            figures.append(plot)
        (out / f"{event}.html").write_text(file_html(column(figures), CDN, f"Event {event}"))
    return BASELINE_EVENTS / (time.perf_counter() - start)


def measure_reading(site: Path) -> list[Row]:
    """Seconds to the first event and milliseconds to the next, in Chromium, from disk."""
    from scripts import chromium

    program = chromium.find()
    if program is None:
        print("no Chromium: the reader's waiting times are not measured", file=sys.stderr)
        return []
    with chromium.chromium(program) as browser:
        firsts = []
        for _ in range(3):
            context = browser.new_context(viewport={"width": 1400, "height": 900})
            page = context.new_page()
            start = time.perf_counter()
            page.goto(f"{site.as_uri()}/events/viewer.html")
            shown = ""
            while not shown or not page.evaluate("Bokeh.documents.length && Bokeh.documents[0].is_idle"):
                shown = page.evaluate("document.documentElement.dataset.drawn || ''")
            firsts.append(time.perf_counter() - start)
        nexts = []
        for _ in range(STEPS):
            page.keyboard.press("ArrowLeft")
            before, shown = shown, ""
            while shown in ("", before):
                shown = page.evaluate("document.documentElement.dataset.drawn || ''")
            nexts.append(float(page.evaluate("document.documentElement.dataset.took")))
    return [
        Row("viewer, first event drawn", median(firsts), "s", "<= 2 s"),
        Row("viewer, next event", median(nexts), "ms", "<= 100 ms", note=f"(slowest of {STEPS}: {max(nexts):.0f} ms)"),
    ]


def pinakes(home: Path, *arguments: str) -> None:
    command = [PINAKES, "--home", str(home), "--quiet", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
