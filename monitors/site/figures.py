"""Bokeh figures as plain JSON: built once, the same bytes for the same data, dressed by the style sheet in the page."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from bokeh.document import Document
from bokeh.models import (
    BasicTicker,
    BasicTickFormatter,
    BoxZoomTool,
    ColumnDataSource,
    CrosshairTool,
    DataRange1d,
    DatetimeTicker,
    DatetimeTickFormatter,
    FixedTicker,
    HoverTool,
    PanTool,
    Range1d,
    ResetTool,
    SaveTool,
    WheelZoomTool,
)
from bokeh.models.annotations import Span
from bokeh.models.renderers import DataRenderer
from bokeh.plotting import figure

from monitors.site.text import plain

#: Colours of kinds of events on every page, by name; the style sheet has the values (Okabe-Ito).
KIND_COLOURS = {"science": "channel-4", "dust": "channel-1", "pulser": "channel-2", "noise": "unknown"}
OTHER_KINDS = ("channel-6", "channel-3", "channel-5")

#: More bars than this no screen shows one by one.
MOST_BARS = 400

#: Colours of channels in the style sheet; further channels begin again with the first.
COLOURS = 6

#: Height of a waveform panel in pixels: six and their time axis fit a laptop screen.
PANEL_HEIGHT = 96

#: Space left of the axis of every figure, pixels: axes of figures one above the other stand in line.
LEFT_BORDER = 76


@dataclass(frozen=True, slots=True)
class Plot:
    """A figure for the page: what `assets/figures.js` draws, and the height it will take, pixels."""

    json: Mapping[str, Any]
    height: int


def plain_json(models: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``{doc, roots}`` for models by the id of the element they go into.

    Bokeh numbers models by a counter of the process; they are numbered anew here, so that a page whose data did not
    change is the same page.
    """
    holder = Document(title="")
    for model in models.values():
        holder.add_root(model)
    document = json.dumps(holder.to_json(deferred=False))
    roots = json.dumps({model.id: element for element, model in models.items()})
    numbers: dict[str, str] = {}

    def renumber(match: re.Match[str]) -> str:
        return numbers.setdefault(match[0], f'"m{len(numbers) + 1}"')

    return {
        "doc": json.loads(re.sub(r'"p\d+"', renumber, document)),
        "roots": json.loads(re.sub(r'"p\d+"', renumber, roots)),
    }


def events_per_day(rows: Sequence[Mapping[str, Any]], element: str, *, newest: int | None = None) -> Plot | None:
    """Return stacked bars of events per UTC day, one colour per kind; None when there are no events.

    More than `MOST_BARS` days are drawn as months.

    Parameters
    ----------
    rows
        ``day`` (date), ``kind`` and ``events`` (count); several rows of one day and kind are summed.
    element
        Id of the element that takes the figure.
    newest
        Draw the newest so many days with events only.
    """
    counts: dict[str, dict[str, int]] = {}
    months = newest is None and len({row["day"] for row in rows}) > MOST_BARS
    for row in rows:
        by_kind = counts.setdefault(f"{row['day']:%Y-%m}" if months else row["day"].isoformat(), {})
        kind = plain(row["kind"])
        by_kind[kind] = by_kind.get(kind, 0) + row["events"]
    if not counts:
        return None
    days = sorted(counts)[-newest:] if newest else sorted(counts)
    kinds = sorted({kind for day in days for kind in counts[day]})
    # Campaigns lie years apart: days without events are left out, and the axis says which days are drawn.
    source = ColumnDataSource(
        data={
            "place": list(range(len(days))),
            "day": days,
            **{f"kind{i}": [counts[day].get(kind, 0) for day in days] for i, kind in enumerate(kinds)},
        }
    )
    plot = figure(
        height=200, sizing_mode="stretch_width", toolbar_location=None, tools="", min_border_left=LEFT_BORDER,
        background_fill_color=None, border_fill_color=None,
        x_range=Range1d(start=-0.7, end=max(len(days), 12) - 0.3), y_range=DataRange1d(start=0),
        y_axis_label="Events", x_axis_label=f"{'Month' if months else 'Day'} with events (UTC)",
    )  # fmt: skip
    bars = plot.vbar_stack(
        [f"kind{i}" for i in range(len(kinds))], x="place", width=0.8, source=source, legend_label=kinds,
        line_color=None, fill_alpha=0.9,
    )  # fmt: skip
    for kind, renderer in zip(kinds, bars, strict=True):
        renderer.tags = [f"colour:{kind_colour(kind, kinds)}"]
    plot.xgrid.visible = False
    plot.yaxis.minor_tick_line_color = None
    step = -(-len(days) // 10)
    plot.xaxis.ticker = FixedTicker(ticks=list(range(0, len(days), step)))
    plot.xaxis.major_label_overrides = {i: days[i] for i in range(0, len(days), step)}
    plot.add_layout(plot.legend[0], "right")
    plot.add_tools(
        HoverTool(
            tooltips=[("Month" if months else "Day", "@day"), *((kind, f"@kind{i}") for i, kind in enumerate(kinds))],
            mode="vline",
            renderers=list[DataRenderer](bars[:1]),
        )
    )
    return Plot(plain_json({element: plot}), 200)


def kind_colour(kind: str, kinds: Sequence[str]) -> str:
    """Return the colour of a kind of events: the same on every page for kinds that we know."""
    others = [name for name in kinds if name not in KIND_COLOURS]
    return KIND_COLOURS.get(kind) or OTHER_KINDS[others.index(kind) % len(OTHER_KINDS)]


def interactive(plot: Any) -> None:
    """Give a figure pan, zoom, reset and save; their icons show while the pointer is over it."""
    drag = BoxZoomTool()
    plot.add_tools(drag, PanTool(), WheelZoomTool(), ResetTool(), SaveTool())
    plot.toolbar.active_drag = drag
    plot.toolbar.autohide = True
    plot.toolbar.logo = None
    plot.toolbar_location = "above"


def without_axes(plot: Any) -> None:
    """Make a figure a plane of equal scales, with pan, zoom, reset and save, and nothing drawn of its axes."""
    drag = BoxZoomTool(match_aspect=True)
    plot.add_tools(drag, PanTool(), WheelZoomTool(), ResetTool(), SaveTool())
    plot.toolbar.active_drag = drag
    plot.toolbar.logo = None
    for part in (*plot.axis, *plot.grid):
        part.visible = False


def time_axis(plot: Any) -> None:
    """Write times on the x axis the same way at every zoom, in UTC."""
    plot.xaxis.formatter = DatetimeTickFormatter(
        microseconds="%H:%M:%S", milliseconds="%H:%M:%S", seconds="%H:%M:%S", minsec="%H:%M:%S", minutes="%H:%M",
        hourmin="%H:%M", hours="%d %b %H:%M", days="%Y-%m-%d", months="%Y-%m", years="%Y",
    )  # fmt: skip
    plot.xaxis.ticker = DatetimeTicker(desired_num_ticks=5)


def waveform_panels(count: int) -> dict[str, Any]:
    """Return `count` empty waveform figures on one time axis, by element id; the viewer fills them by model names.

    Each has a curve, bands where the channel is saturated, the trigger mark at time 0 and a trigger level.
    """
    time = Range1d(start=-10, end=30, name="time")
    cursor = Span(dimension="height", line_width=1, line_alpha=0.6, tags=["colour:muted"])
    panels = {}
    for index in range(count):
        plot = figure(
            height=PANEL_HEIGHT, sizing_mode="stretch_width", x_range=time, y_range=Range1d(start=0, end=1),
            toolbar_location=None, tools="", min_border_left=LEFT_BORDER, min_border_right=12, min_border_top=5,
            min_border_bottom=5, x_axis_label="Time from trigger (µs)", y_axis_label="DN", name=f"panel-{index}",
            background_fill_color=None, border_fill_color=None,
        )  # fmt: skip
        drag = BoxZoomTool(dimensions="width")
        plot.add_tools(drag, CrosshairTool(overlay=cursor))
        plot.toolbar.active_drag = drag
        bands = plot.vstrip(
            "x0", "x1", source=ColumnDataSource(data={"x0": [], "x1": []}, name=f"saturation-{index}"),
            fill_alpha=0.12, line_alpha=0.5, hatch_pattern="/", hatch_alpha=0.5, hatch_scale=8,
        )  # fmt: skip
        bands.tags = ["colour:plot-shade"]
        curve = plot.line(
            "x", "y", source=ColumnDataSource(data={"x": [], "y": []}, name=f"curve-{index}"), line_width=1,
            line_join="round",
        )  # fmt: skip
        curve.tags = [f"colour:channel-{index % COLOURS + 1}"]
        mark: dict[str, Any] = {"location": 0, "level": "underlay", "tags": ["colour:muted"]}
        plot.add_layout(Span(dimension="height", line_dash="dashed", **mark))
        plot.add_layout(Span(dimension="width", line_dash="dotted", visible=False, name=f"level-{index}", **mark))
        plot.yaxis.ticker = BasicTicker(desired_num_ticks=4, num_minor_ticks=0)
        plot.ygrid.ticker = plot.yaxis.ticker
        plot.yaxis.formatter = BasicTickFormatter(use_scientific=False)
        panels[f"waveform-{index}"] = plot
    return panels


def midnight(day: date) -> datetime:
    """Return the start of a UTC day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def day_after(day: date) -> datetime:
    """Return the end of a UTC day."""
    return midnight(day) + timedelta(days=1)
