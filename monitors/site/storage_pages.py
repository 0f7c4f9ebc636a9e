"""The page of the file system: what fills up, since when, with what, and where it disagrees with the catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from archive.catalog import storage
from monitors.site import storage_figures, storage_rows, tables, text
from monitors.site.figures import Plot
from monitors.site.monitor_figures import Measured, measured
from monitors.site.monitor_rows import monitor_page
from monitors.site.publish import Publisher
from monitors.site.queries import timed
from monitors.site.shell import Shell
from monitors.site.storage_rows import KINDS, PATH, shown
from monitors.site.tables import Table, to_csv

#: Days that the figures show.
DAYS = 400

#: Days in which folders are asked for their growth.
GROWTH_DAYS = 30

ROWS = 25
DIFFERENCES = 500

Drawn = list[tuple[str, str, Plot]]


def publish(publisher: Publisher, conn: Connection, shell: Shell, now: datetime, watched: bool) -> None:
    """Write ``storage/index.html``; `watched`: there is a monitor of the file system to lead to."""
    since = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS)
    growth = since + timedelta(days=DAYS - GROWTH_DAYS)
    with timed(conn, "storage_page"):
        scan = storage.newest_scan(conn)
        found = storage_rows.disks(conn, now)
        plots = disk_plots(conn, found, since, now) + plots_through_time(conn, since)
        differences = {kind: storage.differences(conn, kind=kind, limit=DIFFERENCES) for kind in KINDS}
        kinds = {row.kind: row for row in storage.difference_kinds(conn)}
        counts = storage.counts(conn)
        values = {
            "scan": None if scan is None else facts(scan),
            "monitor": monitor_page("filesystem") if watched else None,
            "disks": storage_rows.disk_table(found, root=True),
            "areas": storage_rows.area_table(storage.areas(conn)),
            "plots": plots,
            "bars": bars(conn, counts),
            "elements": storage_rows.element_table(storage.elements(conn)),
            "largest": storage_rows.folder_table(storage.largest_folders(conn, limit=ROWS), growing=False),
            "growing": storage_rows.folder_table(storage.growing_folders(conn, growth, limit=ROWS), growing=True),
            "growth_days": GROWTH_DAYS,
            "differences": [
                (kind, heading(kind, kinds, len(differences[kind])), difference_table(kind, differences[kind]))
                for kind in KINDS
            ],
            "unrecognised": storage_rows.unrecognised_table(storage.unrecognised(conn, limit=ROWS)),
            "statements": statements(since, growth),
        }
    if scan is not None:
        publish_csv(publisher, differences, counts)
    publisher.page(PATH, shell.render("storage.html", PATH, "Storage", **values))


def difference_table(kind: str, rows: Sequence[Any]) -> Table:
    """Return a list of differences with its CSV."""
    table = storage_rows.difference_table(kind, rows)
    table.csv = f"storage/{kind}.csv"
    return table


def publish_csv(publisher: Publisher, differences: Mapping[str, Sequence[Any]], counts: Sequence[Any]) -> None:
    """Write the lists of the page as CSV."""
    names = ("kind", "relpath", "file_id", "disk_bytes", "catalog_bytes", "file_state", "first_seen", "last_seen")
    for kind, rows in differences.items():
        publisher.file(f"storage/{kind}.csv", to_csv(names, [row._asdict() for row in rows]))
    parts = (
        "area", "instrument", "level", "suffix", "extension", "n_files", "n_bytes", "n_alloc_bytes", "oldest_mtime",
        "newest_mtime",
    )  # fmt: skip
    publisher.file("storage/counts.csv", to_csv(parts, [row._asdict() for row in counts]))


def facts(scan: Any) -> list[tuple[str, Any, bool]]:
    """Return the facts about the newest walk."""
    rate = scan.n_entries / scan.walk_s if scan.walk_s else None
    lost = scan.n_vanished + scan.n_denied + scan.n_other
    whole = tables.words("yes", state="ok") if scan.complete else tables.words(f"no: {lost} not read", state="warning")
    return [
        ("Walked (UTC)", tables.time(scan.at, age=True), False),
        ("Complete", whole, False),
        ("Entries", tables.number(scan.n_entries), False),
        ("Folders, of them listed", tables.words(f"{text.count(scan.n_folders)}, {text.count(scan.n_listed)}"), False),
        ("Took", tables.duration(scan.walk_s), False),
        ("Entries per second", tables.number(None if rate is None else round(rate)), False),
    ]


def heading(kind: str, kinds: Mapping[str, Any], listed: int) -> str:
    """Return the heading of a list of differences, with how many there are."""
    number = kinds[kind].n if kind in kinds else 0
    first = f", the oldest {text.count(listed)} are listed" if number > listed else ""
    return f"{KINDS[kind][0]}: {text.count(number)}{first}"


def disk_plots(conn: Connection, found: Any, since: datetime, now: datetime) -> Drawn:
    """Return a figure for each file system."""
    rows, forecasts = found
    plots = []
    for number, device in enumerate(rows[:8]):
        days = storage.device_days(conn, since, mount=device.mount)
        plot = storage_figures.disk(days, forecasts.get(device.mount), now, f"figure-disk-{number}")
        if plot is not None:
            plots.append((f"disk-{number}", f"Disk {text.plain(device.mount)}", plot))
    return plots


def plots_through_time(conn: Connection, since: datetime) -> Drawn:
    """Return the figures of counts and sizes: total, added per day, by area, by suffix."""
    days = storage.files_per_day(conn, since)
    areas = storage.area_days(conn, since)
    suffixes = storage.suffix_days(conn, since)
    points, gaps = storage_figures.points, storage_figures.with_gaps
    made = [
        ("files", "Files, total", measured(Measured("files", "", points(days, "n_files")), "figure-files")),
        ("files-added", "Files added per UTC day",
         storage_figures.added_per_day(days, "files_added", "Files", "figure-files-added")),
        ("bytes", "Size, total", measured(Measured("size", "B", points(days, "n_bytes")), "figure-bytes")),
        ("bytes-added", "Size added per UTC day",
         storage_figures.added_per_day(days, "bytes_added", "GB", "figure-bytes-added")),
        ("areas", "Size by area",
         measured(Measured("size", "B", gaps(points(areas, "n_bytes", "area"))), "figure-areas")),
        ("suffix-files", "Files by suffix, the twelve largest",
         measured(Measured("files", "", gaps(points(suffixes, "n_files", "suffix"))), "figure-suffix-files")),
        ("suffix-bytes", "Size by suffix, the twelve largest",
         measured(Measured("size", "B", gaps(points(suffixes, "n_bytes", "suffix"))), "figure-suffix-bytes")),
    ]  # fmt: skip
    return [(element, title, plot) for element, title, plot in made if plot is not None]


def bars(conn: Connection, counts: Sequence[Any]) -> list[tuple[str, Table]]:
    """Return sorted bars in place of pies: per instrument, and per suffix of each instrument."""
    found = []
    instruments = storage.by_instrument(conn)
    if instruments:
        rows = [(row.instrument, row.n_files, row.n_bytes) for row in instruments]
        found.append(("By instrument", storage_rows.bar_table("Instrument", rows)))
    for instrument in [row.instrument for row in instruments[:6]]:
        by_suffix: dict[str, list[int]] = {}
        for row in counts:
            if row.instrument == instrument:
                total = by_suffix.setdefault(row.suffix or row.extension or "none", [0, 0])
                total[0] += row.n_files
                total[1] += row.n_bytes
        rows = [(suffix, files, size) for suffix, (files, size) in by_suffix.items()]
        found.append((f"{text.plain(instrument)} by suffix", storage_rows.bar_table("Suffix", rows)))
    by_extension: dict[str, list[int]] = {}
    for row in counts:
        total = by_extension.setdefault(row.extension or "none", [0, 0])
        total[0] += row.n_files
        total[1] += row.n_bytes
    if by_extension:
        rows = [(name, files, size) for name, (files, size) in by_extension.items()]
        found.append(("By extension", storage_rows.bar_table("Extension", rows)))
    return found


def statements(since: datetime, growth: datetime) -> list[tuple[str, str]]:
    """Return the SQL behind the page."""
    return [
        ("Disks", shown(storage.DEVICES, rows=100)),
        ("Disks through time", shown(storage.DEVICE_DAYS, since=since, mount=None, rows=10_000)),
        ("Areas", shown(storage.AREAS, rows=200)),
        ("Files and bytes per day", shown(storage.FILES_PER_DAY, since=since, area=None, rows=4_000)),
        ("Suffixes through time",
         shown(storage.SUFFIX_DAYS, since=since, instrument=None, top=storage.TOP, rows=50_000)),
        ("Counts", shown(storage.COUNTS, area=None, instrument=None, rows=1_000)),
        ("Optical elements", shown(storage.ELEMENTS, rows=1_000)),
        ("Largest folders", shown(storage.LARGEST_FOLDERS, rows=ROWS)),
        ("Growing folders", shown(storage.GROWING_FOLDERS, since=growth.date(), rows=ROWS)),
        ("Differences", shown(storage.DIFFERENCES, kind=None, rows=DIFFERENCES)),
        ("Names not recognised", shown(storage.UNRECOGNISED, rows=ROWS)),
    ]  # fmt: skip
