"""Figures of storage through time: counts and sizes with gaps as gaps, disks with what is to come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from bokeh.models import ColumnDataSource, HoverTool
from bokeh.plotting import figure

from archive.numerics.trend import Forecast
from monitors.site.figures import LEFT_BORDER, Plot, interactive, plain_json, time_axis
from monitors.site.monitor_figures import milliseconds, time_range
from monitors.site.text import size

#: How far ahead a forecast is drawn.
AHEAD = timedelta(days=120)


class Point(NamedTuple):
    """One value of one series, as `monitor_figures.measured` draws it."""

    at: datetime
    labels: Mapping[str, str]
    value: float | None


def points(rows: Iterable[Any], value: str, series: str | None = None) -> list[Point]:
    """Return rows with a ``day`` as points: a column of values, and one that names the series."""
    found = []
    for row in rows:
        labels = {} if series is None else {"": str(getattr(row, series)) or "none"}
        found.append(Point(noon(row.day), labels, getattr(row, value)))
    return found


def with_gaps(found: Sequence[Point]) -> list[Point]:
    """Return points with an empty one on each day that a series misses between two of its own, so that lines break."""
    series: dict[str, list[Point]] = {}
    for point in found:
        series.setdefault(str(point.labels), []).append(point)
    filled: list[Point] = []
    for members in series.values():
        for point, following in zip(members, [*members[1:], None], strict=True):
            filled.append(point)
            if following is not None and following.at - point.at > timedelta(days=1, hours=12):
                filled.append(Point(point.at + timedelta(days=1), point.labels, None))
    return filled


def noon(day: date) -> datetime:
    """Return the middle of a UTC day, where its value is drawn."""
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def added_per_day(rows: Sequence[Any], value: str, label: str, element: str) -> Plot | None:
    """Return bars of what was added on each UTC day; a day that is not known has no bar and a grey ground."""
    if not any(getattr(row, value) is not None for row in rows):
        return None
    known = [row for row in rows if getattr(row, value) is not None]
    gaps = [row.day for row in rows if getattr(row, value) is None][1:]
    factor = 1e9 if value == "bytes_added" else 1
    plot = figure(
        height=220, sizing_mode="stretch_width", tools="", toolbar_location=None, x_axis_type="datetime",
        y_axis_label=label, x_axis_label="UTC day", background_fill_color=None, border_fill_color=None,
        min_border_left=LEFT_BORDER, min_border_right=12,
    )  # fmt: skip
    half = timedelta(hours=12)
    plot.x_range = time_range([noon(row.day) + side for row in known for side in (-half, half)])
    empty = plot.vstrip(
        [milliseconds(noon(day) - half) for day in gaps], [milliseconds(noon(day) + half) for day in gaps],
        fill_alpha=0.12, line_color=None, hatch_pattern="/", hatch_alpha=0.3, hatch_scale=8,
    )  # fmt: skip
    empty.tags = ["colour:unknown"]
    source = ColumnDataSource(
        data={
            "at": [milliseconds(noon(row.day)) for row in known],
            "value": [getattr(row, value) / factor for row in known],
            "day": [row.day.isoformat() for row in known],
            "files": [row.files_added for row in known],
            "size": [("" if row.bytes_added >= 0 else "−") + size(abs(row.bytes_added)) for row in known],
        }
    )
    bars = plot.vbar("at", width=0.8 * 86_400_000, top="value", source=source, line_color=None, fill_alpha=0.9)
    bars.tags = ["colour:channel-4"]
    plot.add_tools(HoverTool(renderers=[bars], tooltips=[("Day", "@day"), ("Files", "@files"), ("Size", "@size")]))
    time_axis(plot)
    interactive(plot)
    return Plot(plain_json({element: plot}), 220)


def disk(rows: Sequence[Any], forecast: Forecast | None, now: datetime, element: str) -> Plot | None:
    """Return used and size of a file system through time, with the band of the forecast."""
    if not rows:
        return None
    factor, unit = (1e12, "TB") if rows[-1].total_bytes >= 2e12 else (1e9, "GB")
    plot = figure(
        height=260, sizing_mode="stretch_width", tools="", toolbar_location=None, x_axis_type="datetime",
        y_axis_label=unit, x_axis_label="Time (UTC)", background_fill_color=None, border_fill_color=None,
        min_border_left=LEFT_BORDER, min_border_right=12,
    )  # fmt: skip
    plot.y_range.start = 0  # type: ignore[attr-defined]
    at = [milliseconds(row.at) for row in rows]
    ahead = [now + AHEAD] if forecast is not None and forecast.slope_low is not None else []
    plot.x_range = time_range([*(row.at for row in rows), *ahead])
    used = [row.used_bytes / factor for row in rows]
    free = [row.available_bytes / factor for row in rows]
    data = {"at": at, "used": used, "free": free, "limit": [a + b for a, b in zip(used, free, strict=True)]}
    source = ColumnDataSource(data={**data, "day": [f"{row.at:%Y-%m-%d}" for row in rows]})
    for column, colour, dash, label in (
        ("limit", "unknown", "dashed", "used and free"), ("used", "channel-1", "solid", "used"),
        ("free", "channel-4", "dotted", "free"),
    ):  # fmt: skip
        line = plot.line("at", column, source=source, line_width=1.8, line_dash=dash, legend_label=label)
        dots = plot.scatter("at", column, source=source, size=4, legend_label=label)
        line.tags, dots.tags = [f"colour:{colour}"], [f"colour:{colour}"]
        plot.add_tools(HoverTool(renderers=[dots], tooltips=[("Day", "@day"), (label, f"@{column}{{0.0}} {unit}")]))
    if forecast is not None and forecast.slope_low is not None and forecast.slope_high is not None:
        days = AHEAD / timedelta(days=1)
        ends = [(used[-1] + slope * days / factor) for slope in (forecast.slope_low, forecast.slope_high)]
        area = plot.varea(
            x=[at[-1], milliseconds(now + AHEAD)], y1=[used[-1], ends[0]], y2=[used[-1], ends[1]], fill_alpha=0.2,
            legend_label="forecast, 90 % band",
        )  # fmt: skip
        area.tags = ["colour:channel-1"]
    plot.add_layout(plot.legend[0], "right")
    time_axis(plot)
    interactive(plot)
    return Plot(plain_json({element: plot}), 260)
