"""Figures of the event page beside the raw waveforms: the merged spectrum, residuals, overlays, noise.

All are empty; `assets/idex-*.js` fill them by the names of their models. Figures of one event share the time axis.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bokeh.models import (
    BasicTicker,
    BasicTickFormatter,
    BoxSelectTool,
    BoxZoomTool,
    ColumnDataSource,
    CrosshairTool,
    FixedTicker,
    LinearAxis,
    LogTicker,
    Range1d,
)
from bokeh.models.annotations import Span
from bokeh.plotting import figure

from monitors.site.figures import LEFT_BORDER

#: Places of the low-rate channels among the waveform panels: they have a fitted pulse, and a strip of residuals.
PULSE_PANELS: Final = (3, 4, 5)
GAIN_PANELS: Final = (0, 1, 2)

HEIGHTS: Final = {"spectrum": 290, "residual": 112, "strip": 46, "charges": 240, "noise": 210}

_TRANSPARENT: Final[dict[str, Any]] = {
    "background_fill_color": None, "border_fill_color": None, "toolbar_location": None, "tools": "",
}  # fmt: skip
_BORDERS: Final[dict[str, Any]] = {
    "min_border_left": LEFT_BORDER, "min_border_right": 12, "min_border_top": 4, "min_border_bottom": 4,
}  # fmt: skip
_TIME: Final = "Time from trigger (µs)"


def _empty(name: str, *columns: str) -> ColumnDataSource:
    return ColumnDataSource(data={column: [] for column in columns}, name=name)


def _line(plot: Any, name: str, colour: str, **style: Any) -> Any:
    """Add a line that is filled later: source ``NAME``, renderer ``NAME-line``."""
    added = plot.line(
        "x", "y", source=_empty(name, "x", "y"), name=f"{name}-line", line_join="round", visible=False, **style
    )
    added.tags = [f"colour:{colour}"]
    return added


def _level(plot: Any, name: str, dash: str, *, dimension: Any = "width", colour: str = "muted") -> None:
    """Add a line across the figure that shows once it has a place."""
    plot.add_layout(
        Span(dimension=dimension, location=0, visible=False, name=name, line_dash=dash, tags=[f"colour:{colour}"])
    )


def _in_time(name: str, height: int, like: Any, y_label: str, *, linked: bool = True) -> Any:
    """Return an empty figure on the time axis of `like`, with its cursor and its zoom."""
    plot = figure(
        height=height, sizing_mode="stretch_width", x_range=like.x_range, y_range=Range1d(start=0, end=1),
        x_axis_label=_TIME, y_axis_label=y_label, name=name, **_TRANSPARENT, **_BORDERS,
    )  # fmt: skip
    drag = BoxZoomTool(dimensions="width")
    cursor = next(tool.overlay for tool in like.tools if isinstance(tool, CrosshairTool))
    plot.add_tools(drag, *([CrosshairTool(overlay=cursor)] if linked else []))
    plot.toolbar.active_drag = drag
    plot.yaxis.ticker = BasicTicker(desired_num_ticks=5, num_minor_ticks=0)
    plot.ygrid.ticker = plot.yaxis.ticker
    plot.yaxis.formatter = BasicTickFormatter(power_limit_high=5, power_limit_low=-4)
    return plot


def spectrum(like: Any) -> Any:
    """Return the merged time-of-flight record with its fits, the mass axis above and the ions at their lines."""
    plot = _in_time("idex-spectrum", HEIGHTS["spectrum"], like, "Signal (mA)")
    plot.xaxis.visible = False
    plot.add_tools(BoxSelectTool(dimensions="width", renderers=[], persistent=False))  # draws the window of a new line
    window = plot.vstrip("x0", "x1", source=_empty("idex-window", "x0", "x1"), fill_alpha=0.12, line_alpha=0.4)
    window.tags = ["colour:info"]
    gains = plot.quad(
        left="x0", right="x1", bottom="y0", top="y1", source=_empty("idex-gains", "x0", "x1", "y0", "y1", "colour"),
        fill_color="colour", line_color=None,
    )  # fmt: skip
    gains.name = "idex-gains-band"
    for index, name in enumerate(("idex-high", "idex-mid", "idex-low")):
        _line(plot, name, f"channel-{index + 1}", line_width=1)
    _line(plot, "idex-merged", "plot-axis", line_width=1.2)
    points = plot.scatter("x", "y", source=_empty("idex-points", "x", "y"), size=4.5, line_color=None, fill_alpha=0.9)
    points.name, points.tags = "idex-points-line", ["colour:plot-axis"]
    _line(plot, "idex-single", "channel-6", line_width=0.8, line_alpha=0.8)
    _line(plot, "idex-automatic", "channel-3", line_width=1.5, line_dash=[5, 3])
    _line(plot, "idex-fit", "channel-4", line_width=1.6)
    _line(plot, "idex-edited", "channel-1", line_width=2, line_dash=[8, 2, 2, 2])
    labels = plot.text(
        "x", "y", "text", source=_empty("idex-labels", "x", "y", "text"), y_offset=-4, text_font_size="12px",
        text_align="center", text_baseline="bottom",
    )  # fmt: skip
    labels.name, labels.tags = "idex-labels-text", ["colour:text"]
    axis = LinearAxis(axis_label="Mass (u)", name="idex-mass", visible=False)
    axis.update(ticker=FixedTicker(ticks=[]))
    plot.add_layout(axis, "above")
    _level(plot, "idex-impact", "dotted", dimension="height", colour="info")
    return plot


def residual(like: Any, name: str, height: int) -> Any:
    """Return a strip of residuals in units of the noise, with lines at +-3."""
    plot = _in_time(name, height, like, "σ")
    plot.y_range.update(start=-6, end=6)
    plot.yaxis.ticker = FixedTicker(ticks=[-3, 0, 3])
    plot.ygrid.ticker = plot.yaxis.ticker
    if name == "idex-residual":
        outside = _line(plot, f"{name}-outside", "plot-axis", line_width=0.6, line_alpha=0.35)
        outside.level = "underlay"
    _line(plot, f"{name}-inside", "channel-4", line_width=0.9)
    _line(plot, f"{name}-edited", "channel-1", line_width=0.9)
    for place in (-3, 3):
        plot.add_layout(Span(dimension="width", location=place, line_dash="dotted", tags=["colour:muted"]))
    return plot


def dress_panels(panels: Mapping[str, Any]) -> None:
    """Add to the waveform panels what is fitted to them: curves, baseline, marks of the rise and the maximum."""
    for index in (*GAIN_PANELS, *PULSE_PANELS):
        plot = panels[f"waveform-{index}"]
        _line(plot, f"idex-automatic-{index}", "channel-3", line_width=1.4, line_dash=[5, 3])
        # Beneath the many samples of a gain, above the few of a pulse.
        below = {"level": "underlay", "line_width": 2.4, "line_alpha": 0.45}
        above = {"line_width": 1, "line_alpha": 0.6}
        _line(plot, f"idex-fit-{index}", "text", **(below if index in GAIN_PANELS else above))
        _line(plot, f"idex-edited-{index}", "channel-1", line_width=1.8, line_dash=[8, 2, 2, 2])
        if index in PULSE_PANELS:
            _level(plot, f"idex-baseline-{index}", "dashed", colour="info")
            marks = plot.scatter(
                "x", "y", source=_empty(f"idex-marks-{index}", "x", "y", "marker"), marker="marker", size=8,
                fill_color=None, line_width=1.5,
            )  # fmt: skip
            marks.tags = ["colour:text"]


def charges(like: Any) -> Any:
    """Return the overlay of both target channels, with the ion grid on an axis of its own."""
    plot = _in_time("idex-charges", HEIGHTS["charges"], like, "Target (pC)")
    plot.extra_y_ranges = {"grid": Range1d(start=0, end=1, name="idex-charges-grid")}
    plot.add_layout(LinearAxis(y_range_name="grid", axis_label="Ion grid (pC)"), "right")
    for index, name in zip(PULSE_PANELS, ("target-high", "target-low", "grid"), strict=True):
        style = {"y_range_name": "grid"} if name == "grid" else {}
        _line(plot, f"idex-charge-{index}", f"channel-{index + 1}", line_width=1.2, **style)
        _line(plot, f"idex-charge-fit-{index}", "text", line_width=1, line_dash=[2, 2], **style)
    return plot


def noise() -> dict[str, Any]:
    """Return histogram, spectrum, Welch density and autocorrelation of one record."""
    logarithmic: dict[str, Any] = {"x_axis_type": "log", "y_axis_type": "log"}
    shapes: dict[str, tuple[str, str, dict[str, Any]]] = {
        "histogram": ("Value", "Samples", {}),
        "spectrum": ("Frequency (MHz)", "Amplitude", logarithmic),
        "welch": ("Frequency (MHz)", "Power density", logarithmic),
        "autocorrelation": ("Lag (µs)", "Autocorrelation", {}),
    }
    found = {}
    for name, (x_label, y_label, axes) in shapes.items():
        plot = figure(
            height=HEIGHTS["noise"], sizing_mode="stretch_width", x_range=Range1d(start=0.1, end=1),
            y_range=Range1d(start=0.1, end=1), x_axis_label=x_label, y_axis_label=y_label, name=f"idex-noise-{name}",
            **axes, **_TRANSPARENT, **{**_BORDERS, "min_border_left": 64},
        )  # fmt: skip
        if axes:
            plot.yaxis.ticker = LogTicker(desired_num_ticks=5, num_minor_ticks=0)
        if name == "histogram":
            bars = plot.quad(
                left="x0", right="x1", bottom=0, top="y", source=_empty("idex-noise-bars", "x0", "x1", "y"),
                fill_alpha=0.45, line_alpha=0.6,
            )  # fmt: skip
            bars.tags = ["colour:channel-5"]
        if name == "autocorrelation":
            for side in ("low", "high"):
                _level(plot, f"idex-noise-band-{side}", "dashed")
        _line(plot, f"idex-noise-{name}-curve", "channel-1" if name == "histogram" else "channel-4", line_width=1.3)
        found[f"idex-noise-{name}"] = plot
    return found


def figures(panels: Mapping[str, Any]) -> dict[str, Any]:
    """Add to the waveform panels, and return all further figures by element id."""
    dress_panels(panels)
    like = panels["waveform-0"]
    strips = {f"idex-strip-{index}": residual(like, f"idex-strip-{index}", HEIGHTS["strip"]) for index in PULSE_PANELS}
    for strip in strips.values():
        strip.xaxis.visible = False
    return {
        "idex-spectrum": spectrum(like),
        "idex-residual": residual(like, "idex-residual", HEIGHTS["residual"]),
        **strips,
        "idex-charges": charges(like),
        **noise(),
    }
