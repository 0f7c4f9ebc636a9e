"""Lists of files by month and of events by day, in pages of at most a thousand rows that never move."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from itertools import groupby
from typing import TypeVar

from sqlalchemy import Connection

from monitors.site import queries, text
from monitors.site.figures import day_after, midnight
from monitors.site.holdings import Holdings
from monitors.site.publish import Publisher
from monitors.site.queries import Row
from monitors.site.rows import EVENT_COLUMNS, FILE_COLUMNS, event_cells, file_cells
from monitors.site.shell import Link, Shell
from monitors.site.tables import Cell, Column, Table, to_csv

T = TypeVar("T")

#: Rows a page shows at most: enough to filter by hand, small enough to open at once.
ROWS_PER_PAGE = 1000

#: What the CSV beside a list holds: exact values under the catalog's own names.
CSV_COLUMNS = {
    "events": ("id", "instrument", "identity", "kind", "seq", "t", "flags", "file_id"),
    "files": (
        "id", "name", "instrument", "level", "format", "size", "sha256", "t_start", "t_end", "created_at", "state",
        "errors", "warnings",
    ),
}  # fmt: skip


def publish_event_day(publisher: Publisher, shell: Shell, day: date, rows: Sequence[Row]) -> None:
    """Write the pages and the CSV of the events of one UTC day."""
    statements = [("These events", queries.EVENTS_OF_DAY.shown(start=midnight(day), stop=day_after(day)))]
    _publish_parts(
        publisher, shell, "events", day.isoformat(), f"Events of {day}", rows, EVENT_COLUMNS, event_cells, statements
    )


def publish_file_month(publisher: Publisher, conn: Connection, shell: Shell, month: str) -> None:
    """Write the pages and the CSV of the files whose data begin in one month (of those without times: added in it)."""
    start, stop = month_limits(month)
    rows = queries.FILES_OF_MONTH.rows(conn, start=start, stop=stop)
    statements = [("These files", queries.FILES_OF_MONTH.shown(start=start, stop=stop))]
    _publish_parts(publisher, shell, "files", month, f"Files of {month}", rows, FILE_COLUMNS, file_cells, statements)


def publish_event_index(publisher: Publisher, conn: Connection, shell: Shell, days: Sequence[Row]) -> None:
    """Write ``events/index.html``: the newest events, and a link to every day."""
    rows = queries.NEWEST_EVENTS.rows(conn, rows=ROWS_PER_PAGE)
    total = sum(day["events"] for day in days)
    groups = [
        (month, [(Link(str(day["day"]), f"events/{day['day']}.html"), text.count(day["events"])) for day in members])
        for month, members in _grouped(reversed(days), lambda day: str(day["day"])[:7])
    ]
    empty = "There is no event yet. Bring raw files in with: pinakes ingest PATH"
    _publish_index(
        publisher, shell, "events", "Events", f"{text.count(total)} events", total, rows, "Events by day",
        Table(EVENT_COLUMNS, [event_cells(row) for row in rows], empty=empty, filterable=True),
        groups,
        [("Newest events", queries.NEWEST_EVENTS.shown(rows=ROWS_PER_PAGE)), ("Days", queries.EVENT_DAYS.shown())],
    )  # fmt: skip


def publish_file_index(publisher: Publisher, conn: Connection, shell: Shell, holdings: Holdings) -> None:
    """Write ``files/index.html``: the newest files, and a link to every month."""
    rows = queries.NEWEST_FILE_ROWS.rows(conn, rows=ROWS_PER_PAGE)
    total, size = holdings.all.files, holdings.all.bytes
    groups = [
        (year, [(Link(month, f"files/{month}.html"), text.count(of.files)) for month, of in members])
        for year, members in _grouped(holdings.months.items(), lambda item: item[0][:4])
    ]
    empty = "There is no file yet. Bring raw files in with: pinakes ingest PATH"
    _publish_index(
        publisher, shell, "files", "Files", f"{text.count(total)} files, {text.size(size)}", total, rows,
        "Files by month of their data",
        Table(FILE_COLUMNS, [file_cells(row) for row in rows], empty=empty, filterable=True),
        groups,
        [("Newest files", queries.NEWEST_FILE_ROWS.shown(rows=ROWS_PER_PAGE))],
    )  # fmt: skip


def month_limits(month: str) -> tuple[datetime, datetime]:
    """Return the start of a month ``2023-12`` and that of the next one, UTC."""
    start = datetime(int(month[:4]), int(month[5:7]), 1, tzinfo=UTC)
    return start, datetime(start.year + start.month // 12, start.month % 12 + 1, 1, tzinfo=UTC)


def part_path(folder: str, name: str, part: int) -> str:
    """Return the page of one part (from 0) of a day or month."""
    return f"{folder}/{name}.html" if part == 0 else f"{folder}/{name}-part{part + 1}.html"


def remove_parts(publisher: Publisher, folder: str, name: str, beyond: int) -> None:
    """Remove the pages of parts numbered `beyond` and up (0: all of them, and the CSV)."""
    paths = [f"{folder}/{found}" for found in publisher.names(folder, rf"{name}(-part\d+)?\.html")]
    keep = {part_path(folder, name, part) for part in range(beyond)}
    for path in paths:
        if path not in keep:
            publisher.remove(path)
    if beyond == 0:
        publisher.remove(f"{folder}/{name}.csv")


def _publish_parts(
    publisher: Publisher,
    shell: Shell,
    folder: str,
    name: str,
    title: str,
    rows: Sequence[Row],
    columns: Sequence[Column],
    cells: Callable[[Row], list[Cell]],
    statements: list[tuple[str, str]],
) -> None:
    publisher.file(f"{folder}/{name}.csv", to_csv(CSV_COLUMNS[folder], rows))
    starts = range(0, len(rows), ROWS_PER_PAGE)
    links = [
        Link(f"{s + 1} to {min(s + ROWS_PER_PAGE, len(rows))}", part_path(folder, name, i))
        for i, s in enumerate(starts)
    ]
    for part, start in enumerate(starts):
        path = part_path(folder, name, part)
        cut = [cells(row) for row in rows[start : start + ROWS_PER_PAGE]]
        shown = Table(columns, cut, filterable=True, csv=f"{folder}/{name}.csv")
        values = {
            "up": Link(folder.capitalize(), f"{folder}/index.html"),
            "summary": f"{text.count(len(rows))} {folder}" + (f", here {links[part].label}" if len(links) > 1 else ""),
            "rows": shown,
            "pages_of_part": links,
            "groups": [],
            "groups_title": "",
            "statements": statements,
        }
        publisher.page(path, shell.render("listing.html", path, title, **values))
    remove_parts(publisher, folder, name, len(starts))


def _publish_index(
    publisher: Publisher,
    shell: Shell,
    folder: str,
    title: str,
    summary: str,
    total: int,
    listed: Sequence[Row],
    groups_title: str,
    rows: Table,
    groups: list[tuple[str, list[tuple[Link, str]]]],
    statements: list[tuple[str, str]],
) -> None:
    path = f"{folder}/index.html"
    if total > len(rows.rows):
        summary += f"; the newest {text.count(len(rows.rows))} are shown"
    rows.csv = f"{folder}/index.csv"
    publisher.file(rows.csv, to_csv(CSV_COLUMNS[folder], listed))
    values = {
        "up": None,
        "summary": summary,
        "rows": rows,
        "pages_of_part": [],
        "groups": groups,
        "groups_title": groups_title,
        "statements": statements,
    }
    publisher.page(path, shell.render("listing.html", path, title, **values))


def _grouped(rows: Iterable[T], key: Callable[[T], str]) -> list[tuple[str, list[T]]]:
    return [(name, list(members)) for name, members in groupby(rows, key)]
