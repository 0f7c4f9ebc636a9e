"""On which days there are data of which product: what is there, and so what is missing."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from bokeh.models import ColumnDataSource, FactorRange, HoverTool
from bokeh.models.renderers import DataRenderer
from bokeh.plotting import figure

from monitors.site import text
from monitors.site.figures import Plot, interactive, midnight, plain_json, time_axis
from monitors.site.holdings import Holdings
from monitors.site.monitor_figures import SERIES_COLOURS, milliseconds

#: Days drawn; older ones are in the calendar.
DAYS = 4000


def coverage(holdings: Holdings, instrument: str, element: str) -> tuple[Plot | None, str]:
    """Return a row of days for each product of an instrument, and in words what they show."""
    products = [row for row in holdings.products_of(instrument) if holdings.of_product(row["id"]).files]
    days = list(holdings.file_days)[-DAYS:]
    rows = [(row["title"], day, holdings.file_days[day].get(row["id"])) for row in products for day in days]
    rows = [(title, day, found) for title, day, found in rows if found is not None]
    if not rows:
        return None, ""
    height = 80 + 26 * len(products)
    plot = figure(
        height=height, sizing_mode="stretch_width", tools="", toolbar_location=None, x_axis_type="datetime",
        y_range=FactorRange(factors=[row["title"] for row in products][::-1]), min_border_right=12,
        x_axis_label="UTC day of the first data in a file", background_fill_color=None, border_fill_color=None,
    )  # fmt: skip
    marks: list[DataRenderer] = []
    for number, product in enumerate(products):
        found = [(day, row) for title, day, row in rows if title == product["title"] and row is not None]
        source = ColumnDataSource(
            data={
                "left": [milliseconds(midnight(day)) for day, _ in found],
                "right": [milliseconds(midnight(day) + timedelta(days=1)) for day, _ in found],
                "product": [product["title"]] * len(found),
                "day": [day.isoformat() for day, _ in found],
                "files": [row["files"] for _, row in found],
                "size": [text.size(row["bytes"]) for _, row in found],
            }
        )
        bars = plot.hbar(
            y="product", left="left", right="right", height=0.6, source=source, line_width=2, fill_alpha=0.8
        )
        bars.tags = [f"colour:{SERIES_COLOURS[number % len(SERIES_COLOURS)]}"]
        marks.append(bars)
    tips = [("Day", "@day"), ("Files", "@files"), ("Size", "@size")]
    plot.add_tools(HoverTool(renderers=marks, tooltips=tips))
    plot.ygrid.visible = False
    time_axis(plot)
    interactive(plot)
    used = sorted({day for _, day, _ in rows})
    gap = max(((b - a).days for a, b in pairwise(used)), default=0)
    words = f"Days with data: {len(used)} of the {(used[-1] - used[0]).days + 1} from {used[0]} to {used[-1]}"
    words += f"; the longest gap is {gap - 1} days." if gap > 1 else "."
    return Plot(plain_json({element: plot}), height), words
