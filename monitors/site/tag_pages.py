"""Tags on pages: all that stand, those of one file or event, and how many there are of each kind."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from monitors.site import queries, tables, text
from monitors.site.event_data import EVENT_FOLDER
from monitors.site.publish import Publisher
from monitors.site.queries import Row
from monitors.site.rows import event_page, file_page
from monitors.site.shell import Shell
from monitors.site.tables import Cell, Column, Table, to_csv

PATH = "tags.html"
CSV = "tags.csv"

#: The tags of all events, which the viewer reads.
SCRIPT = f"{EVENT_FOLDER}/tags.js"

#: Tags listed; more of them are said, and in the catalog.
ROWS = 1000

#: Tags of events that the viewer knows.
EVENT_ROWS = 20_000

CSV_COLUMNS = (
    "tag", "instrument", "subject_kind", "subject", "file_id", "event_id", "author", "reason", "said_at",
)  # fmt: skip

#: Columns every list of tags has.
SAID = (Column("Said", "UTC", "time"), Column("By"), Column("Why", kind="prose"))


def publish(publisher: Publisher, conn: Connection, shell: Shell) -> None:
    """Write the page of tags, its CSV, and the tags of events for the viewer."""
    publisher.file(SCRIPT, event_script(queries.TAGS_OF_EVENTS.rows(conn, rows=EVENT_ROWS)))
    found = queries.TAGS.rows(conn, rows=ROWS)
    counts = queries.TAG_COUNTS.rows(conn)
    publisher.file(CSV, to_csv(CSV_COLUMNS, found))
    standing = sum(row["files"] + row["events"] for row in counts)
    values = {
        "summary": f"{text.count(standing)} tags stand" if standing else "",
        "shown": f"The newest {text.count(ROWS)} of them." if standing > len(found) else "",
        "counts": count_table(counts),
        "tags": tag_table(found, CSV),
        "taken_back": tag_table(queries.TAGS_TAKEN_BACK.rows(conn, rows=200)),
        "statements": [
            ("Tags that stand", queries.TAGS.shown(rows=ROWS)),
            ("How many", queries.TAG_COUNTS.shown()),
            ("Taken back", queries.TAGS_TAKEN_BACK.shown(rows=200)),
        ],
    }
    publisher.page(PATH, shell.render("tags.html", PATH, "Tags", **values))


def event_script(rows: Sequence[Row]) -> bytes:
    """Return a script with the tags of events: by event, name, meaning, and who said so when and why."""
    tags: dict[str, list[list[str]]] = {}
    for row in rows:
        said = f"{row['author']}, {text.iso(row['said_at'])[:16].replace('T', ' ')} UTC: {row['reason']}"
        words = (row["tag"].replace("_", " "), row["title"], said)
        tags.setdefault(str(row["event_id"]), []).append([text.plain(word) for word in words])
    return f"pinakesEvents.setTags({text.script_json(tags)});\n".encode("ascii")


def count_table(rows: Sequence[Row]) -> Table:
    """Return how many files and events carry each tag."""
    numbers = [Column(label, kind="number") for label in ("Files", "Events")]
    table = Table(
        (
            Column("Tag"),
            Column("Instrument"),
            *numbers,
            Column("Newest", "UTC", "time"),
            Column("Meaning", kind="prose"),
        )
    )
    for row in rows:
        counted = [tables.number(row["files"]), tables.number(row["events"]), tables.time(row["newest"], digits=-1)]
        table.rows.append([_tag(row), tables.words(row["instrument"]), *counted, tables.words(row["title"])])
    return table


def tag_table(rows: Sequence[Row], csv: str | None = None) -> Table:
    """Return tags with a link to what they are about."""
    empty = "No tag stands. Add one with: pinakes tags add KIND --event EVENT" if csv else "None was taken back."
    table = Table((Column("Tag"), Column("Of", kind="name"), Column("Instrument"), *SAID), empty=empty, csv=csv)
    table.filterable = len(rows) > 20
    for row in rows:
        table.rows.append([_tag(row), _subject(row), tables.words(row["instrument"]), *_said(row)])
    return table


def history_table(rows: Sequence[Row]) -> Table:
    """Return what was said of one file, newest first, taking back included."""
    table = Table((Column("Tag"), Column("Said or taken back"), *SAID))
    for row in rows:
        back = row["action"] == "remove"
        action = tables.words("taken back" if back else "said", state="unknown" if back else "info")
        table.rows.append([_tag(row), action, *_said(row)])
    return table


def _tag(row: Row) -> Cell:
    return tables.words(row["tag"].replace("_", " "), title=row["title"])


def _said(row: Row) -> list[Cell]:
    return [tables.time(row["said_at"], digits=-1), tables.words(row["author"]), tables.words(row["reason"])]


def _subject(row: Row) -> Cell:
    if row["event_id"] is not None:
        return tables.words(row["subject"], href=event_page(row["event_id"]))
    if row["file_id"] is not None:
        return tables.words(row.get("name") or row["subject"], href=file_page(row["file_id"]))
    return tables.words(row["subject"], state="unknown", title="The catalog has no such file or event now.")
