"""Figures of monitors: when runs took place and how they ended, and what was measured through time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bokeh.models import ColumnDataSource, FactorRange, HoverTool, Range1d
from bokeh.models.renderers import DataRenderer
from bokeh.plotting import figure

from monitors.site.figures import LEFT_BORDER, Plot, interactive, plain_json, time_axis
from monitors.site.monitor_rows import labels_text
from monitors.site.text import duration, plain, quantity, utc

#: Sign and colour of each way a run may end; the sign alone tells them apart.
RUN_SIGNS = {
    "success": ("circle", "ok"),
    "no_work": ("circle_dot", "unknown"),
    "running": ("triangle", "info"),
    "failure": ("x", "error"),
    "killed": ("square_x", "error"),
    "skipped": ("dash", "unknown"),
}
SERIES_COLOURS = ("channel-4", "channel-1", "channel-6", "channel-3", "channel-2", "channel-5")
DASHES = ("solid", "dashed", "dotted")

#: Series drawn in one figure at most: with three dashes the six colours tell them apart.
SERIES = 13

#: Points of one series at most; of more, the least and the greatest of equal parts are drawn.
POINTS = 400


@dataclass(frozen=True, slots=True)
class Measured:
    """The values of one metric of one unit, oldest first: rows of ``at, labels, value``."""

    name: str
    unit: str
    rows: Sequence[Any]


def all_runs(names: Sequence[str], rows: Sequence[Any], start: datetime, end: datetime, element: str) -> Plot | None:
    """Return one line of signs a monitor; `rows` have ``name``, ``state``, ``started``, ``wall_s``."""
    if not rows or not names:
        return None
    height = 60 + 22 * len(names)
    plot = figure(
        height=height, sizing_mode="stretch_width", tools="", toolbar_location=None, x_axis_type="datetime",
        x_range=Range1d(start=milliseconds(start), end=milliseconds(end + (end - start) / 60)),
        y_range=FactorRange(factors=[*names][::-1]),
        x_axis_label="Start (UTC)", background_fill_color=None, border_fill_color=None, min_border_right=12,
    )  # fmt: skip
    _signs(plot, [row for row in rows if row.name in names], lambda row: row.name)
    plot.xgrid.visible = True
    time_axis(plot)
    interactive(plot)
    return Plot(plain_json({element: plot}), height)


def run_times(rows: Sequence[Any], element: str) -> Plot | None:
    """Return how long each run took by its start; the sign tells how it ended."""
    rows = [row for row in rows if row.wall_s is not None]
    if not rows:
        return None
    plot = figure(
        height=230, sizing_mode="stretch_width", tools="", toolbar_location=None, x_axis_type="datetime",
        y_axis_label="Took (s)", x_axis_label="Start (UTC)", background_fill_color=None, border_fill_color=None,
        min_border_left=LEFT_BORDER, min_border_right=12,
    )  # fmt: skip
    plot.y_range.start = 0  # type: ignore[attr-defined]
    plot.x_range = time_range([row.started for row in rows])
    _signs(plot, rows, lambda row: row.wall_s)
    time_axis(plot)
    interactive(plot)
    return Plot(plain_json({element: plot}), 230)


def _signs(plot: Any, rows: Sequence[Any], value: Any) -> None:
    for state, (sign, colour) in RUN_SIGNS.items():
        found = [row for row in rows if row.state == state]
        if not found:
            continue
        source = ColumnDataSource(
            data={
                "start": [milliseconds(row.started) for row in found],
                "value": [value(row) for row in found],
                "when": [utc(row.started) for row in found],
                "long": [duration(row.wall_s) for row in found],
            }
        )
        marks = plot.scatter(
            "start", "value", marker=sign, source=source, size=8, line_width=1.5, fill_alpha=0.35,
            legend_label=state.replace("_", " "),
        )  # fmt: skip
        marks.tags = [f"colour:{colour}"]
        tips = [("Start", "@when UTC"), ("State", state.replace("_", " ")), ("Took", "@long")]
        plot.add_tools(HoverTool(renderers=[marks], tooltips=tips))
    if plot.legend:
        plot.add_layout(plot.legend[0], "right")


def measured(metric: Measured, element: str) -> Plot | None:
    """Return the values of a metric through time, a line for each set of labels, the largest newest values first."""
    series: dict[str, list[Any]] = {}
    for row in metric.rows:
        series.setdefault(labels_text(row.labels), []).append(row)
    newest = {name: last_value(rows) for name, rows in series.items()}
    names = sorted((n for n in series if newest[n] is not None), key=lambda n: (-abs(newest[n] or 0), n))[:SERIES]
    if not names:
        return None
    factor, unit = _scale(metric, [row.value for name in names for row in series[name] if row.value is not None])
    height = 220 if len(names) < 8 else 300
    label = f"{metric.name.replace('_', ' ')}{f' ({unit})' if unit else ''}"
    plot = figure(
        height=height, sizing_mode="stretch_width", tools="", toolbar_location=None, x_axis_type="datetime",
        y_axis_label=unit or metric.name.replace("_", " ")[:28], x_axis_label="Time (UTC)",
        background_fill_color=None, border_fill_color=None,
        min_border_left=LEFT_BORDER, min_border_right=12, name=label,
    )  # fmt: skip
    plot.x_range = time_range([row.at for name in names for row in series[name]])
    dots: list[DataRenderer] = []
    for number, name in enumerate(names):
        rows = thin(series[name], POINTS)
        source = ColumnDataSource(
            data={
                "at": [milliseconds(row.at) for row in rows],
                "value": [float("nan") if row.value is None else row.value / factor for row in rows],
                "when": [utc(row.at) for row in rows],
                "shown": [quantity(row.value, metric.unit) for row in rows],
            }
        )
        dash = DASHES[number // len(SERIES_COLOURS)]
        named: dict[str, Any] = {"legend_label": name or metric.name} if len(names) > 1 else {}
        tag = [f"colour:{SERIES_COLOURS[number % len(SERIES_COLOURS)]}"]
        line = plot.line("at", "value", source=source, line_width=1.6, line_dash=dash, **named)
        points = plot.scatter("at", "value", source=source, size=4 if len(rows) > 60 else 5, **named)
        line.tags, points.tags = tag, tag
        points.name = plain(name)
        dots.append(points)
    series_tip = [("Series", "$name")] if names != [""] else []
    plot.add_tools(HoverTool(renderers=dots, tooltips=[*series_tip, ("Time", "@when UTC"), ("Value", "@shown")]))
    if len(names) > 1:
        plot.legend[0].click_policy = "hide"
        plot.add_layout(plot.legend[0], "right")
    time_axis(plot)
    interactive(plot)
    return Plot(plain_json({element: plot}), height)


def last_value(rows: Sequence[Any]) -> float | None:
    """Return the newest value that was measured."""
    return next((row.value for row in reversed(rows) if row.value is not None), None)


def thin(rows: Sequence[Any], points: int) -> list[Any]:
    """Return at most about `points` rows: of each of equal parts the least and the greatest value, in their order."""
    if len(rows) <= points:
        return list(rows)
    parts = points // 2
    kept = []
    for part in range(parts):
        some = range(part * len(rows) // parts, (part + 1) * len(rows) // parts)
        there = [i for i in some if rows[i].value is not None]
        there.sort(key=lambda i: rows[i].value)
        kept += [rows[i] for i in sorted({there[0], there[-1]} if there else {some[0]})]
    return kept


def time_range(times: Sequence[datetime]) -> Range1d:
    """Return a range that shows all times; a single one has an hour around it."""
    first, last = min(times), max(times)
    spare = max((last - first) * 0.03, (timedelta(hours=1) - (last - first)) / 2)
    return Range1d(start=milliseconds(first - spare), end=milliseconds(last + spare))


def _scale(metric: Measured, values: Sequence[float]) -> tuple[float, str]:
    """Return what the values are divided by for the axis, and the unit that gives."""
    largest = max((abs(value) for value in values), default=0.0)
    if metric.unit == "B":
        for factor, unit in ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
            if largest >= factor:
                return factor, unit
    if metric.unit == "s":
        for factor, unit in ((86400.0, "days"), (3600.0, "h")):
            if largest >= 3 * factor:
                return factor, unit
    return 1.0, metric.unit


def milliseconds(value: datetime) -> float:
    """Return a time as Bokeh counts it: milliseconds since 1970."""
    return round(value.timestamp() * 1000, 0)
