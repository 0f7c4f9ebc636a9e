"""Histograms, shares through time, and spreads, from arrays of numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from bokeh.models import ColumnDataSource, HoverTool, Range1d
from bokeh.models.annotations import Label, Span
from bokeh.models.renderers import DataRenderer
from bokeh.plotting import figure
from numpy.typing import NDArray

from monitors.site.figures import LEFT_BORDER, Plot, interactive, plain_json, time_axis

Floats = NDArray[np.float64]

HEIGHT: Final = 210

#: Bins of a histogram at most, and at least.
MOST_BINS: Final = 60
LEAST_BINS: Final = 24

#: Days of a figure of shares at most; of more, months are drawn.
MOST_DAYS: Final = 120

#: Points of a scatter that is drawn at the build.
POINTS: Final = 3000

DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts between edges.

    Attributes
    ----------
    edges
        Shape (n_bins + 1,).
    counts
        Shape (n_bins,).
    below, above
        Values outside the edges.
    left_out
        Values that are not finite, or not positive on a logarithmic axis.
    """

    edges: Floats
    counts: NDArray[np.int64]
    below: int
    above: int
    left_out: int


def histogram(values: Floats, *, log: bool = False) -> Histogram | None:
    """Return the histogram of the central 99.8 % of the values; None when there is none.

    The bins are those of Freedman and Diaconis (1981), at least `LEAST_BINS` and at most `MOST_BINS`.
    """
    fit = np.isfinite(values) & (values > 0 if log else True)
    there = np.log10(values[fit]) if log else values[fit]
    if not there.size:
        return None
    low, high = np.quantile(there, [0.001, 0.999])
    if low == high:
        low, high = low - 0.5, high + 0.5
    quarter = np.subtract(*np.quantile(there, [0.75, 0.25]))
    width = 2 * quarter / np.cbrt(there.size)
    bins = int(np.clip(math.ceil((high - low) / width) if width > 0 else LEAST_BINS, LEAST_BINS, MOST_BINS))
    edges = np.linspace(low, high, bins + 1)
    counts, _ = np.histogram(there, edges)
    below, above = int((there < low).sum()), int((there > high).sum())
    return Histogram(10**edges if log else edges, counts, below, above, int(values.size - there.size))


def histogram_plot(
    found: Histogram, label: str, element: str, *, log: bool = False, lines: Sequence[float] = (),
    colour: str = "channel-4", unit_of_counts: str = "Events",
) -> Plot:  # fmt: skip
    """Return a histogram with dashed requirement lines; `label` names the quantity with its unit."""
    edges = found.edges
    start, end = float(edges[0]), float(edges[-1])
    for line in lines:
        start, end = min(start, line * 0.8 if log else line), max(end, line * 1.2 if log else line)
    plot = figure(
        height=HEIGHT, sizing_mode="stretch_width", x_axis_type="log" if log else "linear", tools="",
        x_range=Range1d(start=start, end=end), y_range=Range1d(start=0, end=max(1.0, 1.08 * float(found.counts.max()))),
        x_axis_label=label, y_axis_label=unit_of_counts, min_border_left=62, min_border_right=12,
        background_fill_color=None, border_fill_color=None, toolbar_location=None,
    )  # fmt: skip
    source = ColumnDataSource(data={"left": edges[:-1].tolist(), "right": edges[1:].tolist(),
                                    "count": found.counts.tolist()})  # fmt: skip
    bars = plot.quad(left="left", right="right", top="count", bottom=0, source=source, line_width=0.5, fill_alpha=0.6)
    bars.tags = [f"colour:{colour}"]
    few_ticks(plot, 4)
    plot.add_tools(HoverTool(tooltips=[("From", "@left"), ("To", "@right"), (unit_of_counts, "@count")], mode="vline"))
    for line in lines:
        mark: dict[str, Any] = {"dimension": "height", "line_dash": "dashed", "line_width": 1.5}
        plot.add_layout(Span(location=line, tags=["colour:error"], **mark))
        place = math.log(line / start) / math.log(end / start) if log else (line - start) / (end - start)
        left = place > 0.85  # where there is room for the number
        words: dict[str, Any] = {"text": f"{line:g}", "text_font_size": "12px", "tags": ["colour:error"]}
        side: dict[str, Any] = {"x_offset": -3 if left else 3, "text_align": "right" if left else "left"}
        plot.add_layout(Label(x=line, y=HEIGHT - 92, y_units="screen", **words, **side))
    return Plot(plain_json({element: plot}), HEIGHT)


def few_ticks(plot: Any, count: int) -> None:
    """Ask for about so many ticks along the x axis, so that their labels do not run into each other."""
    plot.xaxis.ticker.desired_num_ticks = count


def wilson(hits: NDArray[np.int64], trials: NDArray[np.int64], z: float = 1.0) -> tuple[Floats, Floats]:
    """Return the limits of the score interval of shares, NaN without trials; z = 1 gives 68 %.

    E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209. At 0 hits the lower limit is 0, at all hits the upper one 1.
    """
    n = np.where(trials > 0, trials, np.nan).astype(np.float64)
    share = hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return np.where(hits == 0, 0.0 * n, middle - half), np.where(hits == trials, 1.0 + 0.0 * n, middle + half)


def periods(times: Floats) -> tuple[NDArray[np.int64], list[datetime], str]:
    """Return for each time (s since 1970, UTC) the number of its period, the begin of each period, and its name.

    Periods are the UTC days with events, or months when there are more than `MOST_DAYS` such days. A time that is not
    finite has the number -1.
    """
    fit = np.isfinite(times)
    stamps = np.where(fit, times, 0.0).astype("datetime64[s]")
    name = ""
    for unit, name in (("D", "day"), ("M", "month")):  # noqa: B007 - the name is returned
        starts, index = np.unique(stamps[fit].astype(f"datetime64[{unit}]"), return_inverse=True)
        if starts.size <= MOST_DAYS:
            break
    number = np.full(times.size, -1, dtype=np.int64)
    number[fit] = index
    seconds = starts.astype("datetime64[s]").astype(np.int64)
    return number, [datetime.fromtimestamp(int(second), UTC) for second in seconds], name


def shares_plot(
    starts: Sequence[datetime], series: Mapping[str, tuple[NDArray[np.int64], NDArray[np.int64], str]], label: str,
    element: str,
) -> Plot | None:  # fmt: skip
    """Return shares through time with their 68 % intervals.

    Parameters
    ----------
    starts
        Begin of each period.
    series
        Hits and trials of each period, and the colour, by name of the series.
    label
        What is a share of what.
    element
        Id of the element that takes the figure.
    """
    if not starts:
        return None
    height = 260
    at = np.array([start.timestamp() * 1000 for start in starts])
    spare = max(0.03 * (at[-1] - at[0]), 0.75 * DAY * 1000)
    plot = figure(
        height=height, sizing_mode="stretch_width", x_axis_type="datetime", tools="", toolbar_location=None,
        x_range=Range1d(start=at[0] - spare, end=at[-1] + spare), y_range=Range1d(start=-0.02, end=1.02),
        x_axis_label="Time (UTC)", y_axis_label=label, min_border_left=LEFT_BORDER, min_border_right=12,
        background_fill_color=None, border_fill_color=None,
    )  # fmt: skip
    width = min(np.diff(at).min(initial=DAY * 1000), DAY * 1000) * 0.6 / len(series)
    dots: list[DataRenderer] = []
    for number, (name, (hits, trials, colour)) in enumerate(series.items()):
        low, high = wilson(hits, trials)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(trials > 0, hits / trials, np.nan)
        places = at + (number - (len(series) - 1) / 2) * width  # side by side, so that no bar hides another
        source = ColumnDataSource(
            data={
                "at": places.tolist(), "share": _listed(share), "low": _listed(low), "high": _listed(high),
                "hits": hits.tolist(), "trials": trials.tolist(), "day": [f"{start:%Y-%m-%d}" for start in starts],
            }
        )  # fmt: skip
        bars = plot.segment("at", "low", "at", "high", source=source, line_width=1.5, legend_label=name)
        points = plot.scatter("at", "share", source=source, size=5, legend_label=name, name=name)
        bars.tags, points.tags = [f"colour:{colour}"], [f"colour:{colour}"]
        dots.append(points)
    tips = [("Series", "$name"), ("From (UTC)", "@day"), ("Share", "@share{0.0 %}"), ("Of", "@hits of @trials"),
            ("68 %", "@low{0.0 %} to @high{0.0 %}")]  # fmt: skip
    plot.add_tools(HoverTool(renderers=dots, tooltips=tips))
    time_axis(plot)
    interactive(plot)
    plot.legend[0].click_policy = "hide"
    plot.add_layout(plot.legend[0], "right")
    return Plot(plain_json({element: plot}), height)


def spread_plot(
    x: Floats, y: Floats, labels: tuple[str, str], element: str, *, bins: int = 12
) -> tuple[Plot | None, int, int]:
    """Return a scatter of y against log x with the median and the central 68 % of y in bins; events drawn, events.

    At most `POINTS` events are drawn, evenly picked; the bins are of all.
    """
    fit = np.isfinite(x) & np.isfinite(y) & (x > 0)
    x, y = x[fit], y[fit]
    if not x.size:
        return None, 0, 0
    height = 320
    every = -(-x.size // POINTS)
    low, high = np.log10(x.min()), np.log10(x.max())
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, bins + 1)
    index = np.clip(np.digitize(np.log10(x), edges) - 1, 0, bins - 1)
    filled = [number for number in range(bins) if (index == number).any()]
    quantiles = np.array([np.quantile(y[index == number], [0.16, 0.5, 0.84]) for number in filled])
    centre = 10 ** (0.5 * (edges[:-1] + edges[1:]))[filled]
    bottom, top = np.quantile(y, [0.002, 0.998])
    spare = 0.05 * (top - bottom) or 0.5
    plot = figure(
        height=height, sizing_mode="stretch_width", x_axis_type="log", tools="", toolbar_location=None,
        x_range=Range1d(start=10 ** (low - 0.05), end=10 ** (high + 0.05)),
        y_range=Range1d(start=float(bottom - spare), end=float(top + spare)),
        x_axis_label=labels[0], y_axis_label=labels[1], min_border_left=LEFT_BORDER, min_border_right=12,
        background_fill_color=None, border_fill_color=None,
    )  # fmt: skip
    points = plot.scatter(x[::every].tolist(), y[::every].tolist(), size=3, fill_alpha=0.5, line_color=None,
                          legend_label="events")  # fmt: skip
    points.tags = ["colour:channel-5"]
    few_ticks(plot, 5)
    source = ColumnDataSource(
        data={
            "x": centre.tolist(), "low": quantiles[:, 0].tolist(), "median": quantiles[:, 1].tolist(),
            "high": quantiles[:, 2].tolist(), "events": [int((index == number).sum()) for number in filled],
        }
    )  # fmt: skip
    bars = plot.segment("x", "low", "x", "high", source=source, line_width=2, legend_label="median, 68 % of a bin")
    middle = plot.scatter("x", "median", source=source, size=7, legend_label="median, 68 % of a bin")
    bars.tags, middle.tags = ["colour:channel-1"], ["colour:channel-1"]
    tips = [("Median", "@median"), ("68 %", "@low to @high"), ("Events", "@events")]
    plot.add_tools(HoverTool(renderers=[middle], tooltips=tips))
    interactive(plot)
    plot.add_layout(plot.legend[0], "right")
    return Plot(plain_json({element: plot}), height), len(x[::every]), int(x.size)


def _listed(values: Floats) -> list[float]:
    return [float(value) for value in values]
