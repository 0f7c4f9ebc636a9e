"""File systems, areas, folders and differences as rows of tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from archive.catalog import storage
from archive.numerics.trend import Forecast
from monitors.site import tables, text
from monitors.site.queries import Query, timed
from monitors.site.rows import file_page
from monitors.site.tables import Cell, Column, Table

#: Shares of a disk from which it needs a look, and help.
FILLING = 0.85
FULL = 0.95

#: A disk that is full in less than this needs a look, days.
SOON = 60

PATH = "storage/index.html"

KINDS = {
    "without_row": ("On disk, not in the catalog", "Nothing lies in the file tree without a row in the catalog."),
    "without_file": ("In the catalog, not on disk", "Every row of the catalog has its file."),
    "size_differs": ("The size differs", "Every file has the size that the catalog says."),
}


def shown(statement: str, **parameters: Any) -> str:
    """Return a statement of `archive.catalog.storage` with its parameters written out."""
    return Query("", statement).shown(**parameters)


def disks(conn: Connection, now: datetime) -> tuple[Sequence[Any], Mapping[str, Forecast]]:
    """Return the file systems of the newest walk, and when each will be full."""
    with timed(conn, "storage_devices"):
        found = storage.devices(conn)
    with timed(conn, "storage_forecasts"):
        return found, storage.forecasts(conn, now) if found else {}


def full_in(forecast: Forecast | None) -> Cell:
    """Return in how many days a disk is full, with the band."""
    if forecast is None or forecast.state == "unknown":
        return tables.words("not known yet", title=forecast.reason if forecast else None)
    if forecast.state == "steady" or forecast.days is None:
        return tables.words("does not grow", title=forecast.reason)
    early, late = (
        f"{d:,.0f}".replace(",", "\u2009") if d is not None else "∞" for d in (forecast.earliest, forecast.latest)
    )
    state: tables.State | None = "warning" if forecast.days < SOON else None
    words = f"{text.count(round(forecast.days))} days ({early} to {late})"
    return Cell(words, forecast.days, None, state, forecast.reason)


def disk_table(found: tuple[Sequence[Any], Mapping[str, Forecast]], root: bool = False) -> Table:
    """Return how full each file system is; with `root` also its size and what it holds."""
    rows, forecasts = found
    more = (Column("Size", kind="number"), Column("Free inodes", kind="number"), Column("Areas")) if root else ()
    columns = (Column("Disk"), Column("Used", kind="number"), Column("Free", kind="number"))
    table = Table(
        (*columns, Column("Full in", kind="number"), *more),
        empty="No walk over the file system yet: pinakes monitor run filesystem",
    )
    for row in rows:
        share = (
            row.used_bytes / (row.used_bytes + row.available_bytes) if row.used_bytes + row.available_bytes else None
        )
        state: tables.State = "ok" if share is None or share < FILLING else "warning" if share < FULL else "error"
        extra = [
            tables.size(row.total_bytes),
            tables.number(row.available_inodes) if row.total_inodes else Cell("no limit"),
            tables.words(row.areas),
        ]
        table.rows.append(
            [
                tables.words(row.mount, href=None if root else PATH),
                tables.share(share, ".0%", state=state),
                tables.size(row.available_bytes),
                full_in(forecasts.get(row.mount)),
                *(extra if root else []),
            ]
        )
    return table


def area_table(rows: Sequence[Any]) -> Table:
    """Return what lies in each area, largest first."""
    counts = [
        Column(label, kind="number") for label in ("Files", "Size", "On disk", "Folders", "Links", "Unrecognised")
    ]
    table = Table((Column("Area"), *counts, Column("Complete"), Column("Folder", kind="name")))
    for row in rows:
        lost = row.n_denied + row.n_vanished + row.n_other
        complete = (
            tables.words("yes", state="ok") if row.complete else tables.words(f"no, {lost} lost", state="warning")
        )
        table.rows.append(
            [
                tables.words(row.area),
                tables.number(row.n_files),
                tables.size(row.n_bytes),
                tables.size(row.n_alloc_bytes),
                tables.number(row.n_folders),
                tables.number(row.n_symlinks),
                tables.number(row.n_unrecognised, state="info" if row.n_unrecognised else None),
                complete,
                tables.words(row.root),
            ]
        )
    return table


def bar_table(label: str, rows: Sequence[tuple[str, int, int]]) -> Table:
    """Return sorted bars: (name, files, bytes), largest first; each bar is a share of the sum."""
    table = Table(
        (Column(label), Column("Share of size", kind="number"), Column("Size", kind="number"),
         Column("Files", kind="number"))
    )  # fmt: skip
    whole = sum(size for _, _, size in rows) or 1
    for name, files, size in sorted(rows, key=lambda row: (-row[2], row[0])):
        share = tables.share(size / whole)
        table.rows.append([tables.words(name or "not told"), share, tables.size(size), tables.number(files)])
    return table


def folder_table(rows: Sequence[Any], *, growing: bool) -> Table:
    """Return folders, the largest or the fastest growing first."""
    added = (Column("Grew by", kind="number"), Column("New files", kind="number")) if growing else ()
    table = Table(
        (Column("Folder", kind="name"), *added, Column("Size", kind="number"), Column("Files", kind="number")),
        empty="No folder has grown." if growing else "No folder is known yet.",
    )
    for row in [row for row in rows if row.n_bytes]:
        more = [tables.size(row.bytes_added), tables.number(row.files_added)] if growing else []
        name = f"{row.area}: {row.path or '.'}"
        table.rows.append([tables.words(name), *more, tables.size(row.n_bytes), tables.number(row.n_files)])
    return table


def difference_table(kind: str, rows: Sequence[Any]) -> Table:
    """Return where disk and catalog disagree, oldest first."""
    table = Table(
        (Column("Path", kind="name"), Column("Since", "UTC", "time"), Column("On disk", kind="number"),
         Column("In the catalog", kind="number"), Column("State of the row")),
        empty=KINDS[kind][1],
        filterable=True,
    )  # fmt: skip
    for row in rows:
        href = None if row.file_id is None else file_page(row.file_id)
        table.rows.append(
            [
                tables.words(row.relpath, href=href),
                tables.time(row.first_seen, digits=-1, age=True),
                tables.size(row.disk_bytes),
                tables.size(row.catalog_bytes),
                tables.words(row.file_state),
            ]
        )
    return table


def element_table(rows: Sequence[Any]) -> Table:
    """Return how many observations used which optical elements, the most used first."""
    columns = (Column("Instrument"), Column("Elements", kind="name"), Column("Observations", kind="number"))
    table = Table((*columns, Column("Share", kind="number")), filterable=len(rows) > 20)
    for row in rows:
        names = [tables.words(row.instrument), tables.words(row.element)]
        table.rows.append([*names, tables.number(row.n_obs), tables.share(float(row.share))])
    return table


def unrecognised_table(rows: Sequence[Any]) -> Table:
    """Return names that the grammar of their area does not know."""
    table = Table(
        (Column("Folder", kind="name"), Column("Names", kind="number"), Column("The first of them", kind="prose")),
        empty="Every name is recognised.",
    )
    for row in rows:
        first = ", ".join(map(text.plain, row.names))
        table.rows.append([tables.words(f"{row.area}: {row.path or '.'}"), tables.number(row.n), tables.words(first)])
    return table
