"""The ternary page: any three non-negative quantities of each event, with the guides of minerals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from bokeh.models import ColumnDataSource, Range1d
from bokeh.plotting import figure

from archive.instruments.idex.calibration import newest
from monitors.site import tables
from monitors.site.dashboards import Making
from monitors.site.explorer import ID, TIME, index, statements, summary
from monitors.site.figures import plain_json, without_axes
from monitors.site.idex.quantities import sources
from monitors.site.tables import Column, Table

PATH = "instruments/idex/ternary.html"

HEIGHT: Final = 620

#: Height of the triangle whose sides are 1.
TOP: Final = math.sqrt(3) / 2


class Preset(NamedTuple):
    """Three quantities that belong together: title, their names, words at the corners, name of the guides."""

    title: str
    names: tuple[str, str, str]
    corners: tuple[str, str, str]
    guides: str


#: What can be chosen with one click (IDEX science definition, section 17.4).
PRESETS: Final = {
    "atoms": Preset(
        "Mg, Si, Fe: atoms, areas divided by the sensitivity factors",
        ("composition.mg_fraction", "composition.si_fraction", "composition.fe_fraction"), ("Mg", "Si", "Fe"),
        "silicates",
    ),
    "areas": Preset(
        "Mg, Si, Fe: areas as measured, without sensitivity factors",
        ("composition.mg_area", "composition.si_area", "composition.fe_area"), ("Mg", "Si", "Fe"), "",
    ),
    "calcium": Preset(
        "Mg, Fe, Ca: atoms, areas divided by the sensitivity factors",
        ("atoms.mg", "atoms.fe", "atoms.ca"), ("Mg", "Fe", "Ca"), "minerals",
    ),
}  # fmt: skip

#: Ends of the guides in Mg, Si, Fe: olivine from forsterite to fayalite, orthopyroxene from enstatite to ferrosilite,
#: and the tie line of forsterite and enstatite (section 17.4).
LINES: Final[Mapping[str, tuple[tuple[int, int, int], tuple[int, int, int]]]] = {
    "olivine": ((2, 1, 0), (0, 1, 2)),
    "orthopyroxene": ((1, 1, 0), (0, 1, 1)),
    "forsterite and enstatite": ((2, 1, 0), (1, 1, 0)),
}
ENDS: Final[Mapping[str, tuple[int, int, int]]] = {
    "Fo": (2, 1, 0), "Fa": (0, 1, 2), "En": (1, 1, 0), "Fs": (0, 1, 1),
}  # fmt: skip

#: Where minerals are named in Mg, Fe, Ca (section 17.4).
MINERALS: Final[Mapping[str, tuple[float, float, float]]] = {
    "forsterite": (0.92, 0.04, 0.04),
    "fayalite": (0.04, 0.92, 0.04),
    "monticellite": (0.40, 0.08, 0.52),
    "kirschsteinite": (0.08, 0.40, 0.52),
    "enstatite": (0.70, 0.15, 0.15),
    "diopside": (0.32, 0.08, 0.60),
    "hedenbergite": (0.08, 0.32, 0.60),
    "anorthite": (0.11, 0.11, 0.78),
}


def place(amounts: Sequence[float]) -> tuple[float, float]:
    """Return where three amounts lie: the first at (0, 0), the second at (1, 0), the third at (1/2, sqrt(3)/2)."""
    total = sum(amounts)
    _, second, third = (amount / total for amount in amounts)
    return second + third / 2, TOP * third


def amounts(x: float, y: float) -> tuple[float, float, float]:
    """Return the three amounts, of sum 1, at a place: the inverse of `place`."""
    third = y / TOP
    second = x - third / 2
    return 1 - second - third, second, third


def publish(making: Making, events: int) -> None:
    """Write the page; `events` is how many the columns hold."""
    record = newest("sensitivity")
    making.page(
        "idex/ternary.html", PATH, "Ternary diagrams",
        summary=summary(sources(), events), index=index(making.name), presets=PRESETS,
        plot=plain_json({"figure-ternary": diagram()}), factors=factor_table(record["values"]),
        defaults={
            "id": ID, "t": TIME, "kind": "event.kind", "set": "composition.sensitivity", "cuts": [],
            "material": "composition.material", "forsterite": "composition.forsterite",
            "presets": {name: preset._asdict() for name, preset in PRESETS.items()},
        },
        statements=statements(making, sources()),
    )  # fmt: skip


def factor_table(sets: Mapping[str, Mapping[str, float]]) -> Table:
    """Return the sets of sensitivity factors."""
    elements = sorted({name for factors in sets.values() for name in factors}, key=["Mg", "Si", "Fe"].index)
    table = Table((Column("Set"), *(Column(name, kind="number") for name in elements)))
    for name, factors in sets.items():
        table.rows.append([tables.words(name), *(tables.number(factors.get(element), ".3g") for element in elements)])
    return table


def diagram(guides: str | None = None, corners: Sequence[str] = ("", "", "")) -> Any:
    """Return the empty diagram: triangle, grid, guides, and the source ``points``.

    With `guides` it is for a page that is not changed in the browser: of fixed size, with those guides alone.
    """
    size: dict[str, Any] = {"height": HEIGHT, "sizing_mode": "stretch_width", "match_aspect": True}
    if guides is not None:
        size = {"frame_width": 660, "frame_height": 475}  # as the ranges, so that the sides are equal
    plot = figure(
        tools="", toolbar_location="above", name="ternary", **size,
        x_range=Range1d(start=-0.25, end=1.25), y_range=Range1d(start=-0.1, end=0.98),
        background_fill_color=None, border_fill_color=None,
    )  # fmt: skip
    without_axes(plot)
    xs, ys = _grid()
    plot.multi_line(xs, ys, line_width=0.8).tags = ["colour:plot-grid"]
    plot.line([0, 1, 0.5, 0], [0, 0, TOP, 0], line_width=1.2).tags = ["colour:plot-axis"]
    _guides(plot, guides)
    named = ColumnDataSource(
        data={"x": [0, 1, 0.5], "y": [0, 0, TOP], "dx": [-8, 8, 0], "dy": [14, 14, -12], "text": list(corners),
              "align": ["right", "left", "center"]}, name="corners",
    )  # fmt: skip
    _words(plot, named, align="align", bold=True)
    shares = [share / 10 for share in range(2, 10, 2)]
    left = [place((1 - share, 0, share)) for share in shares]
    right = [place((0, share, 1 - share)) for share in shares]
    below = [place((share, 1 - share, 0)) for share in shares]
    where = [*left, *right, *below]
    marks = ColumnDataSource(
        data={
            "x": [x for x, _ in where], "y": [y for _, y in where], "dx": [-6] * 4 + [6] * 4 + [0] * 4,
            "dy": [0] * 8 + [14] * 4, "text": [f"{100 * share:.0f} %" for share in shares] * 3,
            "align": ["right"] * 4 + ["left"] * 4 + ["center"] * 4,
        }
    )  # fmt: skip
    _words(plot, marks, align="align", colour="muted")
    points = ColumnDataSource(data={"x": [], "y": [], "colour": []}, name="points")
    plot.scatter("x", "y", source=points, size=6, fill_color="colour", line_color=None, fill_alpha=0.75)
    return plot


def _grid() -> tuple[list[list[float]], list[list[float]]]:
    """Lines of equal share of each corner, every 10 %."""
    xs, ys = [], []
    for tenth in range(1, 10):
        share = tenth / 10
        for first, last in (
            ((share, 1 - share, 0), (share, 0, 1 - share)),
            ((1 - share, share, 0), (0, share, 1 - share)),
            ((1 - share, 0, share), (0, 1 - share, share)),
        ):
            (x0, y0), (x1, y1) = place(first), place(last)
            xs.append([x0, x1])
            ys.append([y0, y1])
    return xs, ys


def _guides(plot: Any, wanted: str | None) -> None:
    """Draw the guides that are wanted, or all; then the page shows those that belong to its quantities."""
    ends = [[place(end) for end in both] for both in LINES.values()]
    lines = plot.multi_line([[x for x, _ in both] for both in ends], [[y for _, y in both] for both in ends],
                            line_width=1.6, line_dash="dashed", name="silicates lines")  # fmt: skip
    lines.tags = ["colour:channel-1"]
    lines.visible = wanted in (None, "silicates")
    for name, where in (("silicates", ENDS), ("minerals", MINERALS)):
        spots = [place(amount) for amount in where.values()]
        shown = ColumnDataSource(
            data={"x": [x for x, _ in spots], "y": [y for _, y in spots], "text": list(where), "dx": [7] * len(spots),
                  "dy": [-8] * len(spots), "align": ["left"] * len(spots)}
        )  # fmt: skip
        marks = plot.scatter("x", "y", source=shown, marker="cross", size=9, line_width=1.5, name=f"{name} marks")
        marks.tags = ["colour:channel-1"]
        marks.visible = wanted in (None, name)
        _words(plot, shown, align="align", colour="channel-1", name=f"{name} words").visible = marks.visible


def _words(
    plot: Any, source: Any, *, align: str, bold: bool = False, colour: str = "text", name: str | None = None
) -> Any:
    """Write the texts of a source; return what draws them."""
    words = plot.text(
        "x", "y", "text", source=source, x_offset="dx", y_offset={"field": "dy"}, text_align={"field": align},
        text_baseline="middle", text_font_size="15px" if bold else "12px",
        text_font_style="bold" if bold else "normal", name=name,
    )  # fmt: skip
    words.tags = [f"colour:{colour}"]
    return words
