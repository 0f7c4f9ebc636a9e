"""A page per file: identity, packets, problems with byte offsets, lineage up and down, the events in it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from monitors.site import queries, tables, text
from monitors.site.broken import guarded
from monitors.site.publish import Publisher
from monitors.site.queries import Row
from monitors.site.rows import event_page, event_state, file_page, file_state
from monitors.site.shell import Shell
from monitors.site.tables import Cell, Column, Table
from monitors.site.tag_pages import history_table
from monitors.site.variables import attribute_table, contents

#: Files whose rows are read together.
BUCKET = 500

Rows = Mapping[int, Sequence[Row]]


def publish_bucket(publisher: Publisher, conn: Connection, shell: Shell, bucket: int, archive: Path) -> list[Row]:
    """Write the pages of the files numbered ``bucket * BUCKET`` and up, and return the rows of those files.

    `archive` is the archive home: the variables of a product are read from the file itself.
    """
    limits = {"low": bucket * BUCKET, "high": (bucket + 1) * BUCKET - 1}
    about = (
        queries.APIDS,
        queries.GAPS,
        queries.PROBLEMS,
        queries.ANCESTORS,
        queries.DESCENDANTS,
        queries.EVENTS_OF_FILE,
        queries.TAGS_OF_FILES,
    )
    apids, gaps, problems, ancestors, descendants, events, tags = (
        _by_file(query.rows(conn, **limits)) for query in about
    )
    files = queries.FILES_OF_BUCKET.rows(conn, **limits)
    for row in files:
        file = row["id"]
        name = row["original_name"] or row["relpath"].rpartition("/")[2]
        with guarded(publisher, shell, {file_page(file): name}):
            tables_of = {
                "tags": history_table(tags[file]),
                "apids": apid_table(apids[file]),
                "gaps": gap_table(gaps[file]),
                "problems": problem_table(problems[file]),
                "ancestors": lineage_table(ancestors[file], "Nothing: the file came from outside."),
                "descendants": lineage_table(descendants[file], "Nothing was made from it."),
            }
            publish_file(publisher, shell, row, name, events[file], tables_of, archive)
    return list(files)


def publish_file(
    publisher: Publisher,
    shell: Shell,
    row: Row,
    name: str,
    events: Sequence[Row],
    tables_of: Mapping[str, Table],
    archive: Path,
) -> None:
    """Write the page of one file; `tables_of` are its tables by their place in the template."""
    inside = contents(archive / row["relpath"], row["format"]) if row["state"] == "available" else None
    values = {
        **tables_of,
        "summary": f"{row['instrument_title']}, {row['product_title']}",
        "identity": identity(row),
        "events": event_table(events),
        "events_total": events[0]["total"] if events else 0,
        "header": header_table(row["header"]),
        "contents": inside,
        "attributes": inside and attribute_table(inside),
        "statements": statements(row["id"]),
    }
    publisher.page(file_page(row["id"]), shell.render("file.html", file_page(row["id"]), name, **values))


def statements(file: int) -> list[tuple[str, str]]:
    """Return the SQL behind the page of one file."""
    about = (
        ("The file", queries.FILES_OF_BUCKET),
        ("Problems", queries.PROBLEMS),
        ("Packets per APID", queries.APIDS),
        ("Jumps of the sequence counters", queries.GAPS),
        ("Made from", queries.ANCESTORS),
        ("Made into", queries.DESCENDANTS),
        ("Events", queries.EVENTS_OF_FILE),
        ("Tags", queries.TAGS_OF_FILES),
    )
    return [(title, query.shown(low=file, high=file)) for title, query in about]


def identity(row: Row) -> list[tuple[str, Cell, bool]]:
    """Return the facts at the top of the page: label, value, whether it needs twice the width."""
    code = "unknown code" if row["code_name"] is None else f"{row['code_name']} {row['code_version']}"
    received = "received from outside" if row["received"] else "made by Pinakes"
    return [
        ("State", file_state(row["state"]), False),
        ("Number", tables.number(row["id"], "d"), False),
        ("Size", Cell(f"{text.size(row['size'])} ({text.count(row['size'])} bytes)"), False),
        ("Level and format", tables.words(f"{row['level']}, {row['format']}", title=row["product_description"]), False),
        ("Origin", tables.words(received), False),
        ("Data from (UTC)", tables.time(row["t_start"]), False),
        ("Data to (UTC)", tables.time(row["t_end"]), False),
        ("Added (UTC)", tables.time(row["created_at"]), False),
        ("Bytes verified (UTC)", tables.time(row["verified_at"]) if row["verified_at"] else Cell("not since"), False),
        ("Version, written by", tables.words(f"{row['version']}, {code}"), False),
        ("Path below the archive home", tables.words(row["relpath"]), True),
        ("SHA-256", tables.words(row["sha256"]), True),
    ]


def apid_table(rows: Sequence[Row]) -> Table:
    """Return packets per APID; what is not in order stands out."""
    table = Table(
        (
            Column("APID", kind="number"),
            Column("Packet"),
            Column("Packets", kind="number"),
            Column("Size", kind="number"),
            Column("CRC failed", kind="number"),
            Column("Jumps", kind="number"),
            Column("Packets missing", kind="number"),
            Column("Sequence counts"),
            Column("First", "UTC", "time"),
            Column("Last", "UTC", "time"),
        )
    )
    for row in rows:
        table.rows.append(
            [
                tables.number(row["apid"], "d"),
                tables.words(row["name"]),
                tables.number(row["n_packets"]),
                tables.size(row["n_bytes"]),
                _bad(row["n_crc_failed"], "error"),
                _bad(row["n_gaps"], "warning"),
                _bad(row["n_missing"], "warning"),
                Cell(f"{row['first_seq']} to {row['last_seq']}" if row["first_seq"] is not None else text.NOTHING),
                tables.time(row["t_first"]),
                tables.time(row["t_last"]),
            ]
        )
    return table


def gap_table(rows: Sequence[Row]) -> Table:
    """Return where sequence counters jump."""
    columns = (Column("Byte offset", kind="number"), Column("APID", kind="number"))
    counts = [Column(label, kind="number") for label in ("Count before", "Count after", "Packets missing")]
    table = Table((*columns, *counts, Column("Kind")))
    for row in rows:
        table.rows.append(
            [
                tables.number(row["byte_offset"]),
                tables.number(row["apid"], "d"),
                tables.number(row["seq_before"], "d"),
                tables.number(row["seq_after"], "d"),
                tables.number(row["n_missing"]),
                tables.words(row["kind"], state="warning" if row["kind"] == "gap" else "info"),
            ]
        )
    return table


def problem_table(rows: Sequence[Row]) -> Table:
    """Return what is wrong with the file, errors first, with byte offsets."""
    table = Table(
        (
            Column("Severity"),
            Column("Problem"),
            Column("Byte offset", kind="number"),
            Column("Length", "B", "number"),
            Column("Packet", kind="number"),
            Column("Times", kind="number"),
            Column("What happened", kind="prose"),
        ),
        filterable=len(rows) > 20,
    )
    for row in rows:
        table.rows.append(
            [
                tables.words(row["severity"], state=row["severity"]),
                tables.words(row["code"].replace("_", " ")),
                tables.number(row["byte_offset"]),
                tables.number(row["byte_length"]),
                tables.number(row["packet"]),
                tables.number(row["count"]),
                tables.words(row["message"]),
            ]
        )
    return table


def lineage_table(rows: Sequence[Row], empty: str) -> Table:
    """Return the files one was made from, or into; the nearest first."""
    columns = (
        Column("File", kind="name"),
        Column("Level"),
        Column("Format"),
        Column("Role"),
        Column("Steps", kind="number"),
    )
    table = Table((*columns, Column("State")), empty=empty)
    for row in rows:
        table.rows.append(
            [
                tables.words(row["name"], href=file_page(row["id"])),
                tables.words(row["level"]),
                tables.words(row["format"]),
                tables.words(row["role"]),
                tables.number(row["depth"]),
                file_state(row["state"]),
            ]
        )
    return table


def event_table(rows: Sequence[Row]) -> Table:
    """Return the events a file carries, whole or in part."""
    numbers = (
        Column("Event", kind="number"),
        Column("Time", "UTC", "time"),
        Column("Kind"),
        Column("Number", kind="number"),
    )
    rest = (Column("Record", kind="number"), Column("In this file"), Column("State"))
    table = Table((*numbers, *rest), empty="There are no events in this file.", filterable=len(rows) > 20)
    for row in rows:
        part = Cell(text.NOTHING)
        if row["complete"] is not None:
            missing = f"{len(row['missing'])} parts missing" if row["missing"] else "whole"
            part = tables.words(missing, state="ok" if row["complete"] else "warning")
        if row["event_id"] is None:
            orphan = tables.words("its header is in another file", state="warning")
            table.rows.append([Cell("?"), *[Cell(text.NOTHING)] * 4, part, orphan])
            continue
        href = event_page(row["event_id"])
        table.rows.append(
            [
                tables.number(row["event_id"], "d", href=href),
                tables.time(row["t"], digits=6, href=href),
                tables.words(row["kind"]),
                tables.number(row["seq"], "d"),
                tables.number(row["record"], "d"),
                part,
                event_state(row["instrument"], row["flags"]),
            ]
        )
    return table


def header_table(header: Mapping[str, Any]) -> Table:
    """Return the facts a decoder read from the file, as they are."""
    table = Table((Column("Name"), Column("Value", kind="prose")))
    for name, value in sorted(header.items()):
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        table.rows.append([tables.words(name), tables.words(shown)])
    return table


def _bad(value: int, state: tables.State) -> Cell:
    return tables.number(value, state=state if value else None)


def _by_file(rows: Sequence[Row]) -> defaultdict[int, list[Row]]:
    grouped: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row["file_id"]].append(row)
    return grouped
