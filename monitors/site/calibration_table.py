"""The table of calibrations: what counts, for which data, shipped with the package or written by whom and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from monitors.site import tables
from monitors.site.tables import Column, State, Table

#: How a state is shown.
STATES: Final[Mapping[str, State]] = {
    "counts": "ok", "needs review": "warning", "withdrawn": "unknown", "superseded": "unknown",
}  # fmt: skip

COLUMNS: Final = (
    Column("Calibration"), Column("Version"), Column("State"), Column("Written by"),
    Column("Valid from", "UTC", "time"), Column("Valid to", "UTC", "time"), Column("Origin and reason", kind="prose"),
)  # fmt: skip


def calibration_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Return the rows of `monitors.site.queries.CALIBRATIONS` as a table; local ones stand first in each name."""
    table = Table(COLUMNS, empty="No calibrations.")
    for row in rows:
        table.rows.append(
            [
                tables.words(row["name"].replace("_", " ")),
                tables.words(row["label"]),
                tables.words(row["state"], state=STATES[row["state"]], title=_title(row)),
                tables.words("the package" if row["author"] is None else row["author"]),
                tables.time(row["valid_from"], digits=-1),
                tables.time(row["valid_to"], digits=-1),
                tables.words(_told(row)),
            ]
        )
    return table


def _title(row: Mapping[str, Any]) -> str | None:
    """Return what a state means where it does not speak for itself."""
    if row["state"] == "needs review":
        return "the package has shipped a newer version since; this one holds until it is taken back"
    return None


def _told(row: Mapping[str, Any]) -> str:
    if row["reason"] is None:
        return str(row["origin"])
    rests = "" if row["n_events"] is None else f" ({row['n_events']} events)"
    told = f"{row['reason']} — {row['origin']}{rests}"
    if row["state"] == "withdrawn":
        return f"{told}. Taken back by {row['withdrawn_by']}: {row['withdrawn_because']}"
    return told
