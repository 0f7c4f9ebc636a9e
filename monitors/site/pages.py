"""All pages of a site but those of single files, events and runs: what the search looks through first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from monitors.site import days
from monitors.site.holdings import Holdings
from monitors.site.monitor_rows import monitor_page
from monitors.site.shell import Link, Shell
from monitors.survey import Standing


def all_pages(
    shell: Shell, holdings: Holdings, standings: Sequence[Standing], known: Iterable[str]
) -> list[tuple[str, Link]]:
    """Return (kind, link) of every page; `known` are the days that have one, as ``2026-11-20``."""
    places = [link for _, links in shell.navigation for link in links]
    found = [("page", page) for link in places for page in (link, *link.below)]
    found += [("monitor", Link(f"{s.row.title or s.name} ({s.name})", monitor_page(s.name))) for s in standings]
    dates = sorted(map(date.fromisoformat, known), reverse=True)
    months = {days.month_page(day): f"{day:%B %Y} ({day:%Y-%m})" for day in dates}
    found += [("month", Link(label, path)) for path, label in months.items()]
    found += [("files of a month", Link(f"Files of {month}", f"files/{month}.html")) for month in holdings.months]
    found += [("day", Link(day.isoformat(), days.day_page(day))) for day in dates]
    return found
