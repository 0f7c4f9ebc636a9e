"""Which events there are: a script per UTC day and one list of the days, for the viewer to walk along."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date

from monitors.site import text
from monitors.site.event_data import EVENT_FOLDER
from monitors.site.publish import Publisher
from monitors.site.queries import Row

DAYS_SCRIPT = f"{EVENT_FOLDER}/days.js"
DAY_FOLDER = f"{EVENT_FOLDER}/days"

_PREFIX = "pinakesEvents.setDay("
_SUFFIX = ");\n"


def day_path(day: date) -> str:
    """Return the script that lists the events of a day."""
    return f"{DAY_FOLDER}/{day.isoformat()}.js"


def published(publisher: Publisher, day: date) -> dict[int, str]:
    """Return the fingerprint of each event in the day's published list, by event number; empty when there is none."""
    try:
        script = (publisher.root / day_path(day)).read_text(encoding="ascii")
        _, rows = json.loads("[" + script.removeprefix(_PREFIX).removesuffix(_SUFFIX) + "]")
        return {row[0]: row[6] for row in rows}
    except (OSError, ValueError, IndexError, TypeError):
        return {}  # nothing there, or written by another version: all of the day is made again


def publish_day(publisher: Publisher, day: date, rows: Sequence[Row]) -> None:
    """Write the list of a day's events in time order.

    A row is: number, time, kind, number on board, flags, identity, fingerprint.
    """
    listed = [
        [
            row["id"],
            text.iso(row["t"]),
            text.plain(row["kind"]),
            row["seq"],
            row["flags"],
            text.plain(row["identity"]),
            str(row["fingerprint"]),
        ]
        for row in rows
    ]
    script = f"{_PREFIX}{text.script_json(day.isoformat())},{text.script_json(listed)}{_SUFFIX}"
    publisher.file(day_path(day), script.encode("ascii"))


def publish_days(publisher: Publisher, days: Sequence[Row]) -> None:
    """Write the list of days: day, number of events, least and greatest event number."""
    listed = [[day["day"].isoformat(), day["events"], day["low"], day["high"]] for day in days]
    publisher.file(DAYS_SCRIPT, f"pinakesEvents.setDays({text.script_json(listed)});\n".encode("ascii"))
