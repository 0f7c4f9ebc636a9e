"""Rows that several pages show the same way: files, events, and their states in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from monitors.site import tables
from monitors.site.tables import Cell, Column, State
from monitors.site.views import view

FILE_STATES: Mapping[str, State] = {
    "available": "ok",
    "pending": "info",
    "missing": "error",
    "corrupt": "error",
    "quarantined": "warning",
    "retired": "unknown",
}

FILE_COLUMNS = (
    Column("Number", kind="number"),
    Column("Name", kind="name"),
    Column("State"),
    Column("Problems"),
    Column("Level"),
    Column("Format"),
    Column("Size", kind="number"),
    Column("Data from", "UTC", "time"),
    Column("Added", "UTC", "time"),
    Column("Instrument"),
)

EVENT_COLUMNS = (
    Column("Event", kind="number"),
    Column("Time", "UTC", "time"),
    Column("Instrument"),
    Column("Kind"),
    Column("Number", kind="number"),
    Column("Identity"),
    Column("State"),
)


def file_page(file: int) -> str:
    """Return the page of a file, relative to the site."""
    return f"files/{file}.html"


def event_page(event: int) -> str:
    """Return the address of an event in the viewer, relative to the site."""
    return f"events/viewer.html#{event}"


def file_state(state: str) -> Cell:
    """Return a file's state as icon, word and colour."""
    return tables.words(state, state=FILE_STATES.get(state, "unknown"))


def file_cells(row: Mapping[str, Any]) -> list[Cell]:
    """Return a row for `FILE_COLUMNS`."""
    href = file_page(row["id"])
    return [
        tables.number(row["id"], "d", href=href),
        tables.words(row["name"], href=href),
        file_state(row["state"]),
        problem_counts(row["errors"], row["warnings"]),
        tables.words(row["level"]),
        tables.words(row["format"]),
        tables.size(row["size"]),
        tables.time(row["t_start"], digits=-1),
        tables.time(row["created_at"], digits=-1),
        tables.words(row["instrument"]),
    ]


def problem_counts(errors: int, warnings: int) -> Cell:
    """Return how many errors and warnings a file has."""
    found = [f"{n} {word}{'s' * (n != 1)}" for n, word in ((errors, "error"), (warnings, "warning")) if n]
    return tables.words(", ".join(found), state="error" if errors else "warning") if found else Cell("none")


def event_state(instrument: str, flags: int) -> Cell:
    """Return an event's worst flag as the state, with the words of all."""
    found = view(instrument).words(flags)
    order: list[State] = ["error", "warning", "info", "unknown", "ok"]
    worst = min(found, key=lambda word: order.index(word[0]))
    return tables.words(", ".join(word for _, word, _ in found), state=worst[0])


def event_cells(row: Mapping[str, Any]) -> list[Cell]:
    """Return a row for `EVENT_COLUMNS`."""
    href = event_page(row["id"])
    return [
        tables.number(row["id"], "d", href=href),
        tables.time(row["t"], digits=3, href=href),
        tables.words(row["instrument"]),
        tables.words(row["kind"]),
        tables.number(row["seq"], "d"),
        tables.words(row["identity"]),
        event_state(row["instrument"], row["flags"]),
    ]


def month(value: datetime) -> str:
    """Return ``2023-12``."""
    return value.strftime("%Y-%m")
