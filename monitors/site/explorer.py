"""Pages over all events of an instrument made in the browser: scatter explorer, time series, correlations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bokeh.models import ColumnDataSource, CrosshairTool, PanTool, Range1d, ResetTool, SaveTool, WheelZoomTool
from bokeh.models.tools import BoxSelectTool, BoxZoomTool
from bokeh.plotting import figure

from monitors.site.columns import BLOCK, BLOCKS, FOLDER, Source
from monitors.site.dashboards import Making
from monitors.site.figures import LEFT_BORDER, plain_json, time_axis
from monitors.site.text import count

#: Kinds of axes, x then y; a figure keeps its kind, so that there is one for each.
KINDS: Final = ("linear-linear", "linear-log", "log-linear", "log-log")
TIME_KINDS: Final = ("time-linear", "time-log", "linear-linear", "linear-log")

HEIGHT: Final = 460

#: What the elements of each panel of the explorer end with, and its names in the address.
PANELS: Final = ("", "2", "3", "4")

#: Events that a pair of quantities needs to be compared, at first.
LEAST: Final = 10

ID, TIME = "event.id", "event.t"


def publish_explorer(
    making: Making, sources: Sequence[Source], path: str, defaults: Mapping[str, Any], events: int
) -> None:
    """Write the scatter explorer.

    Parameters
    ----------
    making
        What to make it with.
    sources
        Quantities that can be chosen; ``event.id`` and ``event.t`` must be among them.
    path
        Address of the page.
    defaults
        First choice: names of quantities as ``x``, ``y``, ``c`` (colour), ``xd``, ``yd`` (divisors), ``lx``, ``ly``
        ("1" for a logarithmic axis), and ``cuts``, each as ``quantity~operation~value`` (see assets/dashboard.js).
        Those of further panels end with the number of the panel, as ``x2``; without them it begins with ``x``, ``y``.
    events
        Events that the columns hold.
    """
    making.page(
        "explorer.html", path, "Scatter explorer",
        summary=summary(sources, events),
        index=index(making.name), kinds=KINDS, suffixes=PANELS,
        plots={kind: plain_json({kind: scatter(kind, brush=True)}) for kind in KINDS},
        defaults={"cuts": [], **defaults, "id": ID, "t": TIME},
        statements=statements(making, sources),
    )  # fmt: skip


def publish_trends(
    making: Making, sources: Sequence[Source], path: str, defaults: Mapping[str, Any], events: int,
    limits: Mapping[str, Sequence[float | None]],
) -> None:  # fmt: skip
    """Write the page of time series.

    `limits` are by name of quantity: red low, yellow low, yellow high, red high; None where there is no such limit.
    """
    panels = {f"figure-{kind}": scatter(kind, trend=True) for kind in TIME_KINDS}
    making.page(
        "trends.html", path, "Time series",
        summary=summary(sources, events),
        index=index(making.name), kinds=TIME_KINDS, plot=plain_json(panels),
        defaults={"cuts": [], **defaults, "id": ID, "t": TIME},
        limits={name: list(both) for name, both in limits.items()},
        statements=statements(making, sources),
    )  # fmt: skip


def publish_correlations(
    making: Making, sources: Sequence[Source], path: str, defaults: Mapping[str, Any], events: int
) -> None:
    """Write the page of rank correlations, whose links lead to ``explorer.html`` beside it.

    `defaults` are the ``groups`` of quantities that it compares first, and ``cuts`` as of the explorer.
    """
    making.page(
        "correlations.html", path, "Correlations",
        summary=summary(sources, events),
        index=index(making.name),
        defaults={"groups": [], "cuts": [], "least": LEAST, **defaults},
        statements=statements(making, sources),
    )  # fmt: skip


def index(name: str) -> str:
    """Return the script that lists the quantities of an instrument."""
    return f"{FOLDER.format(name)}/index.js"


def summary(sources: Sequence[Source], events: int) -> str:
    """Return how many quantities of how many events there are."""
    quantities = sum(len(source.quantities) for source in sources)
    return f"{count(quantities)} quantities of {count(events)} events"


def statements(making: Making, sources: Sequence[Source]) -> list[tuple[str, str]]:
    """Return the SQL behind the columns: the blocks, then one statement a source."""
    found = [("Blocks of events", BLOCKS.shown(size=BLOCK, instrument_id=making.instrument))]
    for source in sources:
        sql = source.select(source.quantities)
        for name, value in (("low", "0"), ("high", str(BLOCK - 1)), ("instrument_id", str(making.instrument))):
            sql = sql.replace(f":{name}", value)
        found.append((f"{source.name.replace('_', ' ').capitalize()}, first block", sql + ";"))
    return found


def scatter(kind: str, *, trend: bool = False, brush: bool = False) -> Any:
    """Return an empty figure with a scatter of ``x``, ``y``, ``colour``.

    With `trend` it has a line and limits, with `brush` a tool that selects a rectangle, and cells of counts.
    """
    x_kind, y_kind = kind.split("-")
    kinds: dict[str, Any] = {"linear": "linear", "log": "log", "time": "datetime"}
    plot = figure(
        height=HEIGHT, sizing_mode="stretch_width", x_axis_type=kinds[x_kind], y_axis_type=kinds[y_kind],
        x_range=Range1d(start=1, end=10), y_range=Range1d(start=1, end=10), tools="", toolbar_location="above",
        min_border_left=LEFT_BORDER, min_border_right=12, background_fill_color=None, border_fill_color=None, name=kind,
        x_axis_label="Time (UTC)" if x_kind == "time" else "x", y_axis_label="y",
    )  # fmt: skip
    drag = BoxZoomTool()
    plot.add_tools(drag, PanTool(), WheelZoomTool(), ResetTool(), SaveTool(), CrosshairTool(line_alpha=0.35))
    if brush:
        plot.add_tools(BoxSelectTool(renderers=[], description="Brush events", persistent=False))
        names = ("left", "right", "bottom", "top")
        cells = ColumnDataSource(data={name: [] for name in (*names, "colour", "count")}, name=f"cells-{kind}")
        plot.quad(*names, source=cells, fill_color="colour", line_color=None)
    plot.toolbar.active_drag = drag
    plot.toolbar.logo = None
    if x_kind == "time":
        time_axis(plot)
    points = ColumnDataSource(data={"x": [], "y": [], "colour": []}, name=f"points-{kind}")
    plot.scatter("x", "y", source=points, size=5, fill_color="colour", line_color=None, fill_alpha=0.75)
    if trend:
        median = ColumnDataSource(data={"x": [], "y": []}, name=f"median-{kind}")
        plot.line("x", "y", source=median, line_width=2).tags = ["colour:text"]
        for name, colour in (("red", "error"), ("yellow", "warning")):
            limits = ColumnDataSource(data={"y": []}, name=f"{name}-{kind}")
            dash = "dashed" if name == "red" else "dotted"
            plot.hspan("y", source=limits, line_width=1.3, line_dash=dash).tags = [f"colour:{colour}"]
    return plot
