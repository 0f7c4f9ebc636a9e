"""Trends on the page of a monitor: small figures by the time of the data, with spread and limits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bokeh.models import BasicTicker, ColumnDataSource, DatetimeTicker, HoverTool, Range1d
from bokeh.models.annotations import Span
from bokeh.plotting import figure
from sqlalchemy import Connection

from archive.catalog import trends
from monitors.site.figures import LEFT_BORDER, Plot, plain_json, time_axis
from monitors.site.monitor_figures import milliseconds
from monitors.site.queries import Query, timed
from monitors.site.text import plain, quantity

#: Figures on one page at most, and points in one figure.
FIGURES, POINTS = 96, 400

HEIGHT = 140

#: Over less than this the time of day is written too, which takes more room.
FEW_DAYS = timedelta(days=5)

TRENDS = Query(
    "trends", "select * from analysis.trends where monitor = :name order by name, series, at desc limit 10000"
)

#: Limits with their colour and dash: told apart without colour vision.
LIMITS = (
    ("red_low", "error", "solid"),
    ("yellow_low", "warning", "dashed"),
    ("yellow_high", "warning", "dashed"),
    ("red_high", "error", "solid"),
)


@dataclass(frozen=True, slots=True)
class Group:
    """Trends of one name, or all those that are alone with theirs: a title, and (element, title, figure) of each."""

    title: str
    plots: Sequence[tuple[str, str, Plot]]


def groups(conn: Connection, monitor_id: int) -> tuple[list[Group], frozenset[str]]:
    """Return the figures of the trends of a monitor, and the names of all of its trends."""
    with timed(conn, "trends"):
        rows = trends.series(conn, monitor_id, points=POINTS)
    by_series: dict[str, dict[str, list[Any]]] = {}
    for row in rows:
        by_series.setdefault(row.name, {}).setdefault(row.series, []).append(row)
    if not rows:
        return [], frozenset()
    span = _range(rows)
    alone = {name: held for name, held in by_series.items() if len(held) == 1}
    found = [Group("", [_one(name, of, held[of], span) for name, held in alone.items() for of in held])]
    for name in by_series.keys() - alone.keys():
        several = by_series[name]
        plots = [_one(name, of, several[of], span, within=True) for of in sorted(several, key=_natural)]
        found.append(Group(name.replace("_", " "), plots))
    found.sort(key=lambda group: group.title)
    return _first(found), frozenset(by_series)


def _first(found: Sequence[Group]) -> list[Group]:
    """Return as many figures as a page takes."""
    left, kept = FIGURES, []
    for group in found:
        if group.plots and left > 0:
            kept.append(Group(group.title, group.plots[:left]))
            left -= len(group.plots)
    return kept


def _natural(name: str) -> list[Any]:
    """Return a key to sort by in which numbers count as numbers."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name) if part]


def _range(rows: Sequence[Any]) -> tuple[datetime, datetime]:
    """Return the times that every figure of the page shows, so that they can be compared."""
    first, last = min(row.at for row in rows), max(row.until for row in rows)
    spare = max((last - first) * 0.03, timedelta(hours=6))
    return first - spare, last + spare


def _one(
    name: str, series: str, rows: Sequence[Any], span: tuple[datetime, datetime], *, within: bool = False
) -> tuple[str, str, Plot]:
    element = re.sub(r"[^a-z0-9]+", "-", f"trend {name} {series}".lower())
    words = name.replace("_", " ")
    title = plain(series) if within else plain(f"{words} {series}".strip())
    return element, title, trend_plot(words, series, rows, span, f"figure-{element}")


def trend_plot(words: str, series: str, rows: Sequence[Any], span: tuple[datetime, datetime], element: str) -> Plot:
    """Return one trend: points with their spread, by the begin of their time; and the newest limits."""
    unit = rows[-1].unit
    middle = [row.at + (row.until - row.at) / 2 for row in rows]
    data = {
        "at": [milliseconds(t) for t in middle],
        "value": [row.value for row in rows],
        "low": [row.value if row.low is None else row.low for row in rows],
        "high": [row.value if row.high is None else row.high for row in rows],
        "when": [f"{row.at:%Y-%m-%d}" for row in rows],
        "shown": [quantity(row.value, unit) for row in rows],
        "spread": [_spread(row, unit) for row in rows],
        "n": [row.n for row in rows],
        "note": [plain(row.message) for row in rows],
    }
    shown = _values(rows, data)
    plot = figure(
        height=HEIGHT, sizing_mode="stretch_width", tools="", toolbar_location=None, x_axis_type="datetime",
        x_range=Range1d(start=milliseconds(span[0]), end=milliseconds(span[1])), y_range=shown,
        y_axis_label=unit or ("share" if words.startswith("share ") else ""), background_fill_color=None,
        border_fill_color=None, min_border_left=LEFT_BORDER, min_border_right=12,
        name=plain(f"{words} {series}".strip()),
    )  # fmt: skip
    for limit, colour, dash in LIMITS:
        where = getattr(rows[-1], limit)
        if where is not None and shown.start <= where <= shown.end:
            plot.add_layout(
                Span(location=where, dimension="width", line_dash=dash, line_width=1.2, tags=[f"colour:{colour}"])
            )
    source = ColumnDataSource(data=data)
    line = plot.line("at", "value", source=source, line_width=1, line_alpha=0.4)
    bars = plot.segment("at", "low", "at", "high", source=source, line_width=1.4, line_alpha=0.6)
    dots = plot.scatter("at", "value", source=source, size=4 if len(rows) > 60 else 6)
    for renderer in (line, bars, dots):
        renderer.tags = ["colour:channel-4"]
    tips = [("From (UTC)", "@when"), ("Value", "@shown"), ("Spread", "@spread"), ("From so many", "@n")]
    noted = [("", "@note")] if any(row.message for row in rows) else []
    plot.add_tools(HoverTool(renderers=[dots], tooltips=[*tips, *noted]))
    time_axis(plot)
    plot.xaxis.ticker = DatetimeTicker(desired_num_ticks=2 if span[1] - span[0] < FEW_DAYS else 3)
    plot.yaxis.ticker = BasicTicker(desired_num_ticks=4, num_minor_ticks=0)
    plot.ygrid.ticker = plot.yaxis.ticker
    return Plot(plain_json({element: plot}), HEIGHT)


def _spread(row: Any, unit: str) -> str:
    if row.low is None or row.high is None:
        return "not known"
    return f"{quantity(row.low, unit)} to {quantity(row.high, unit)}"


def _values(rows: Sequence[Any], data: dict[str, list[Any]]) -> Range1d:
    """Return the range of all points with their spread and the yellow limits; red ones show when they are near."""
    held = [*data["low"], *data["high"], *data["value"]]
    held += [limit for limit in (rows[-1].yellow_low, rows[-1].yellow_high) if limit is not None]
    low, high = min(held), max(held)
    spare = (high - low) * 0.12 or abs(high) * 0.05 or 1.0
    return Range1d(start=low - spare, end=high + spare)
