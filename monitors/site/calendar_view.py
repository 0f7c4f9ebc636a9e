"""The calendar: a year is a field of days, darker where there is more, with a sign where a run failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from monitors.site import text

#: Shades of a day, from nothing to much.
SHADES = 4


class Counted(Protocol):
    """A day as the calendar needs it."""

    @property
    def day(self) -> date: ...  # noqa: D102
    @property
    def events(self) -> int: ...  # noqa: D102
    @property
    def files(self) -> int: ...  # noqa: D102
    @property
    def arrived(self) -> int: ...  # noqa: D102
    @property
    def runs(self) -> int: ...  # noqa: D102
    @property
    def bad(self) -> int: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Square:
    """One day of the field; without `href` nothing is known of it."""

    number: str
    href: str | None = None
    shade: int = 0
    bad: bool = False
    title: str = ""


@dataclass(frozen=True, slots=True)
class Year:
    """A year: the squares of each month, every week from Monday; none for a month of which nothing is known."""

    year: int
    months: Sequence[tuple[str, str, Sequence[Sequence[Square | None]]]]


def year_views(days: Sequence[Counted]) -> list[Year]:
    """Return every year that has days, newest first."""
    known = {day.day: day for day in days}
    limits = thresholds([day.events + day.files for day in days])
    years = []
    for year in sorted({day.day.year for day in days}, reverse=True):
        months = []
        for month in range(1, 13):
            first = date(year, month, 1)
            has = any(d.year == year and d.month == month for d in known)
            href = f"days/{first:%Y/%m}/index.html" if has else ""
            months.append((f"{first:%b}", href, weeks(first, known, limits) if has else []))
        years.append(Year(year, months))
    return years


def thresholds(amounts: Sequence[int]) -> list[int]:
    """Return the least amount of each shade beyond the first: quartiles of the days with data."""
    there = sorted(amount for amount in amounts if amount)
    return [there[len(there) * part // SHADES] for part in range(1, SHADES)] if there else []


def weeks(first: date, known: dict[date, Counted], limits: Sequence[int]) -> list[list[Square | None]]:
    """Return the weeks of the month that begins at `first`."""
    rows: list[list[Square | None]] = [[None] * first.weekday()]
    day = first
    while day.month == first.month:
        if len(rows[-1]) == 7:
            rows.append([])
        found = known.get(day)
        rows[-1].append(Square(str(day.day)) if found is None else square(found, limits))
        day += timedelta(days=1)
    return rows


def square(day: Counted, limits: Sequence[int]) -> Square:
    """Return the square of a day of which something is known."""
    amount = day.events + day.files
    shade = (1 + sum(amount >= limit for limit in limits)) if amount else 0
    words = [f"{text.count(day.events)} events", f"{text.count(day.files)} files", f"{text.count(day.runs)} runs"]
    words += [f"{text.count(day.bad)} failed"] if day.bad else []
    title = f"{day.day.isoformat()}: {', '.join(words)}"
    return Square(str(day.day.day), f"days/{day.day:%Y/%m/%d}.html", shade, day.bad > 0, title)
