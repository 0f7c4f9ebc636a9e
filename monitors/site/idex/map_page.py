"""The page of pointing maps: counts, exposure and rate of the sky the boresight pointed at, in Mollweide projection."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
from bokeh.models import ColumnDataSource, Range1d
from bokeh.plotting import figure

from archive.instruments.idex.level2_windows import MAPS
from archive.numerics import rates
from monitors.site.dashboards import Making
from monitors.site.figures import plain_json, without_axes
from monitors.site.idex.windows import ALL, STATEMENTS, file_table, name_of
from monitors.site.queries import Row
from monitors.site.text import count

PATH = "instruments/idex/maps.html"

HEIGHT: Final = 520

#: Steps along each side of a pixel, and along a line of the grid.
STEPS: Final = 4
GRID_STEPS: Final = 60

#: Lines of the grid, degrees (IDEX science definition, section 18.3).
LONGITUDES: Final = tuple(range(-180, 181, 30))
LATITUDES: Final = tuple(range(-75, 76, 15))
NAMED: Final = (-60, -30, 30, 60)

#: Where interstellar dust flows in from, as used in simulations (section 18.3): longitude, latitude, width, degrees.
INTERSTELLAR: Final = (255.8, 5.2, 9.0)

#: Counts whose Poisson interval the page carries.
TABULATED: Final = 200

#: Nearest to 180 degrees from the west: 180 itself is drawn in the east.
WEST: Final = 1e-9


def publish(making: Making, windows: Sequence[Row]) -> None:
    """Write the page; `windows` are the rows of `windows.WINDOWS`."""
    unplaced = sum(window["unplaced"] for window in windows)
    dust = sum(window["dust"] for window in windows)
    low, high = rates.poisson_interval(np.arange(TABULATED + 1))
    making.page(
        "idex/maps.html", PATH, "Pointing maps",
        summary=f"{count(dust)} dust events, "
        + (f"{count(unplaced)} of them unplaced: their pointing is not known" if unplaced else "none of them unplaced"),
        names=[name_of(window) for window in windows][::-1], all=ALL,
        bins={"charge": bin_labels(rates.CHARGE_EDGES, "pC"), "mass": bin_labels(rates.MASS_EDGES, "kg")},
        plot=plain_json({"figure-map": sky()}),
        intervals=[[round(float(a), 4), round(float(b), 4)] for a, b in zip(low, high, strict=True)],
        files=file_table(making, MAPS), statements=STATEMENTS,
    )  # fmt: skip


def bin_labels(edges: Sequence[float], unit: str) -> list[str]:
    """Return the bins in words."""
    return [f"{low:g} to {high:g} {unit}" for low, high in pairwise(edges)]


def outlines() -> tuple[list[list[float]], list[list[float]]]:
    """Return the projected outlines of all pixels, x and y, in order of longitude, then latitude."""
    columns, rows = rates.MAP_SHAPE
    wide, high = 360 / columns, 180 / rows
    xs, ys = [], []
    along = np.linspace(0, 1, STEPS + 1)
    for column in range(columns):
        west, east = column * wide, (column + 1) * wide - WEST
        for row in range(rows):
            south, north = row * high - 90, (row + 1) * high - 90
            lon = np.concatenate([np.full(STEPS + 1, west), np.full(STEPS + 1, east)])
            lat = np.concatenate([south + along * high, north - along * high])
            x, y = rates.mollweide(lon, lat)
            xs.append(np.round(x, 4).tolist())
            ys.append(np.round(y, 4).tolist())
    return xs, ys


def grid() -> tuple[list[list[float]], list[list[float]]]:
    """Return the projected lines of the grid, x and y."""
    xs, ys = [], []
    lat = np.linspace(-90, 90, GRID_STEPS + 1)
    for longitude in LONGITUDES:
        x, y = rates.mollweide(np.full(lat.size, longitude - WEST if longitude == 180 else longitude), lat)
        xs.append(np.round(x, 4).tolist())
        ys.append(np.round(y, 4).tolist())
    lon = np.linspace(-180, 180 - WEST, GRID_STEPS + 1)
    for latitude in LATITUDES:
        x, y = rates.mollweide(lon, np.full(lon.size, latitude))
        xs.append(np.round(x, 4).tolist())
        ys.append(np.round(y, 4).tolist())
    return xs, ys


def sky() -> Any:
    """Return the map without data: the source ``pixels`` has the outlines and takes the colours."""
    plot = figure(
        height=HEIGHT, sizing_mode="stretch_width", tools="", toolbar_location="above", name="sky", match_aspect=True,
        x_range=Range1d(start=-3.1, end=3.1), y_range=Range1d(start=-1.6, end=1.6),
        background_fill_color=None, border_fill_color=None,
    )  # fmt: skip
    without_axes(plot)
    xs, ys = outlines()
    pixels = ColumnDataSource(data={"xs": xs, "ys": ys, "colour": ["transparent"] * len(xs)}, name="pixels")
    plot.patches("xs", "ys", source=pixels, fill_color="colour", line_color=None)
    lines = plot.multi_line(*grid(), line_width=0.7)
    lines.tags = ["colour:plot-axis"]
    x, y = rates.mollweide(INTERSTELLAR[0], INTERSTELLAR[1])
    flow = plot.scatter([float(x)], [float(y)], marker="cross", size=14, line_width=2)
    flow.tags = ["colour:error"]
    where = ColumnDataSource(
        data={
            "x": [float(rates.mollweide(lon, 0)[0]) for lon in LONGITUDES[1:-1]]
            + [float(rates.mollweide(-180, lat)[0]) for lat in NAMED],
            "y": [0.0] * (len(LONGITUDES) - 2) + [float(rates.mollweide(-180, lat)[1]) for lat in NAMED],
            "text": [f"{lon % 360}°" for lon in LONGITUDES[1:-1]] + [f"{lat:+d}°" for lat in NAMED],
            "align": ["center"] * (len(LONGITUDES) - 2) + ["right"] * len(NAMED),
            "dx": [0] * (len(LONGITUDES) - 2) + [-5] * len(NAMED),
        }
    )  # fmt: skip
    words = plot.text("x", "y", "text", source=where, text_align={"field": "align"}, text_baseline="bottom",
                      text_font_size="11px", x_offset="dx")  # fmt: skip
    words.tags = ["colour:text"]
    return plot
