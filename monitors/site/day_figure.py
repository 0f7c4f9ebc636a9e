"""Events of one day, hour by hour."""

from __future__ import annotations

from collections.abc import Sequence

from bokeh.models import ColumnDataSource, DataRange1d, FixedTicker, HoverTool, Range1d
from bokeh.plotting import figure

from monitors.site.figures import LEFT_BORDER, Plot, kind_colour, plain_json
from monitors.site.queries import Row
from monitors.site.text import plain


def events_per_hour(rows: Sequence[Row], element: str) -> Plot | None:
    """Return stacked bars of the 24 hours of a UTC day; `rows` have ``hour``, ``kind`` and ``events``."""
    if not rows:
        return None
    kinds = sorted({plain(row["kind"]) for row in rows})
    counts = {(row["hour"], plain(row["kind"])): row["events"] for row in rows}
    columns = {f"kind{i}": [counts.get((hour, kind), 0) for hour in range(24)] for i, kind in enumerate(kinds)}
    source = ColumnDataSource(data={"hour": [hour + 0.5 for hour in range(24)], **columns})
    plot = figure(
        height=170, sizing_mode="stretch_width", toolbar_location=None, tools="", min_border_left=LEFT_BORDER,
        background_fill_color=None, border_fill_color=None, x_range=Range1d(start=0, end=24),
        y_range=DataRange1d(start=0), y_axis_label="Events", x_axis_label="Hour (UTC)",
    )  # fmt: skip
    bars = plot.vbar_stack(
        list(columns), x="hour", width=0.85, source=source, legend_label=kinds, line_color=None, fill_alpha=0.9
    )
    for kind, renderer in zip(kinds, bars, strict=True):
        renderer.tags = [f"colour:{kind_colour(kind, kinds)}"]
    plot.xaxis.ticker = FixedTicker(ticks=list(range(0, 25, 3)))
    plot.xgrid.visible = False
    plot.add_layout(plot.legend[0], "right")
    tips = [(kind, f"@kind{i}") for i, kind in enumerate(kinds)]
    plot.add_tools(HoverTool(tooltips=tips, mode="vline", renderers=list(bars[:1])))
    return Plot(plain_json({element: plot}), 170)
