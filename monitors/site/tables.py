"""Tables of a page: cells with a text, a value to sort by, perhaps a link or a state; the same rows as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from monitors.site import text

State = Literal["ok", "info", "warning", "error", "unknown"]

#: A state is never colour alone: the icon and the word say the same.
ICONS: dict[State, str] = {"ok": "✓", "info": "●", "warning": "▲", "error": "✕", "unknown": "○"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: what is read (`text`), what is sorted and exported (`value`).

    With `age` a time says how long ago it was; `bar` is a share from 0 to 1 drawn behind the text.
    """

    text: str
    value: str | int | float | datetime | None = None
    href: str | None = None
    state: State | None = None
    title: str | None = None
    age: bool = False
    bar: float | None = None

    @property
    def icon(self) -> str | None:
        """Sign that says the state without colour."""
        return None if self.state is None else ICONS[self.state]

    @property
    def order(self) -> str:
        """Key to sort by, as text: seconds for times, the plain number for numbers."""
        if isinstance(self.value, datetime):
            return f"{self.value.timestamp():.6f}"
        return "" if self.value is None else str(self.value)


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its header with the unit, and what it holds.

    Numbers are right-aligned; texts stay on one line, names and prose may be broken. The last column takes the slack.
    """

    label: str
    unit: str = ""
    kind: Literal["text", "name", "prose", "number", "time"] = "text"


@dataclass(slots=True)
class Table:
    """A table in the order it is first shown."""

    columns: Sequence[Column]
    rows: list[list[Cell]] = field(default_factory=list)
    empty: str = "Nothing here yet."
    filterable: bool = False
    csv: str | None = None
    caption: str | None = None


def to_csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    """Return rows as CSV with exact values: RFC 4180 quoting, line feeds, UTF-8, a header line."""
    lines = [",".join(columns), *(",".join(text.csv_cell(row[name]) for name in columns) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


def words(value: object, *, href: str | None = None, state: State | None = None, title: str | None = None) -> Cell:
    """Return a cell of text from anywhere, made printable."""
    if value is None:
        return Cell(text.NOTHING)
    shown = text.plain(value)
    return Cell(shown, shown, href, state, title)


def number(value: int | float | None, form: str = "", *, href: str | None = None, state: State | None = None) -> Cell:
    """Return a cell with a number; whole numbers get spaces between thousands."""
    if value is None:
        return Cell(text.NOTHING)
    shown = format(value, form) if form else text.count(value) if isinstance(value, int) else f"{value:g}"
    return Cell(shown, value, href, state)


def size(value: int | None) -> Cell:
    """Return a cell with a number of bytes."""
    return Cell(text.size(value), value, title=None if value is None else f"{text.count(value)} bytes")


def time(value: datetime | None, *, digits: int = 0, href: str | None = None, age: bool = False) -> Cell:
    """Return a cell with a UTC time; its age appears on hover, or beside it when `age` is asked for."""
    at = None if value is None else value.astimezone(UTC)
    return Cell(text.utc(value, digits=digits), at, href, age=age and at is not None)


def duration(seconds: float | None) -> Cell:
    """Return a cell with a length of time in words; it is sorted by seconds."""
    return Cell(text.duration(seconds), seconds)


def share(value: float | None, form: str = ".1%", *, state: State | None = None, title: str | None = None) -> Cell:
    """Return a cell with a share from 0 to 1 as a percentage with a bar."""
    if value is None:
        return Cell(text.NOTHING, title=title)
    return Cell(format(value, form), value, None, state, title, bar=min(max(value, 0.0), 1.0))
