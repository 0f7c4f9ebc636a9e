"""The olivine campaign report: a page, a JSON and a CSV file of each campaign, and the list of campaigns."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from bokeh.models import ColumnDataSource, FixedTicker, HoverTool, Range1d
from bokeh.plotting import figure
from numpy.typing import NDArray

from archive.instruments.idex.calibration import newest
from archive.instruments.idex.layout import CHANNELS
from archive.numerics.particle import Curve, curve
from monitors.site import tables
from monitors.site.columns import newest_columns
from monitors.site.dashboards import Making
from monitors.site.explorer import statements
from monitors.site.figures import LEFT_BORDER, Plot, interactive, plain_json
from monitors.site.histograms import few_ticks, histogram, histogram_plot, spread_plot, wilson
from monitors.site.idex import campaign as numbers
from monitors.site.idex import ternary
from monitors.site.idex.campaign import Campaign, Measure
from monitors.site.idex.quantities import NOMINAL, sources, spoken
from monitors.site.tables import Column, Table
from monitors.site.text import count, csv_cell, utc

PATH = "instruments/idex/campaigns.html"
FOLDER: Final = "instruments/idex/campaigns"

Floats = NDArray[np.float64]

#: Points of a scatter of a report at most, evenly picked.
POINTS: Final = 3000

#: Bins of speed in the stack of abundances.
SPEED_BINS: Final = 8

COLOURS: Final = ("unknown", "channel-6", "channel-5", "channel-2", "channel-1", "channel-4", "muted", "channel-3")

STATISTICS: Final = ("count", "min", "max", "mean", "median", "mode", "std")


def publish(making: Making, made_by: str) -> None:
    """Write the list and the report of every campaign that changed; those that are no longer there are taken away.

    `made_by` changes when equal events may give another report.
    """
    found = numbers.campaigns(newest_columns(making, sources(), numbers.NAMES))
    kept = {f"{one.name}.{form}" for one in found for form in ("html", "json", "csv")}
    for one in found:
        key, now = f"campaign {one.name}", f"{made_by} {one.fingerprint}"
        if making.seen.get(key) != now or not making.publisher.holds(f"{FOLDER}/{one.name}.html"):
            publish_report(making, one)
        making.seen[key] = now
    for name in list(making.publisher.names(FOLDER, r"[\w.-]+\.(html|json|csv)")):
        if name not in kept:
            making.publisher.remove(f"{FOLDER}/{name}")
    columns = (Column("Campaign"), Column("First event", "UTC", "time"), Column("Last event", "UTC", "time"))
    empty = "There is no dust event yet. Bring raw files in with: pinakes ingest PATH"
    table = Table((*columns, Column("Dust events", kind="number")), empty=empty)
    for one in reversed(found):
        table.rows.append(
            [
                tables.words(f"from {one.name}", href=f"{FOLDER}/{one.name}.html"),
                tables.time(one.start), tables.time(one.stop), tables.number(one.events),
            ]
        )  # fmt: skip
    making.page(
        "idex/campaigns.html", PATH, "Campaign reports", summary=f"{count(len(found))} campaigns", table=table,
        days=round(numbers.APART / 86_400), statements=statements(making, sources()),
    )  # fmt: skip


def publish_report(making: Making, campaign: Campaign) -> None:
    """Write the report of one campaign as page, JSON and CSV."""
    path = f"{FOLDER}/{campaign.name}"
    measures = numbers.measures(campaign)
    factors, fractions = numbers.scaled_fractions(campaign.found)
    rows = all_rows(measures, campaign, fractions)
    probability = line_probability(campaign)
    exported = {
        "campaign": campaign.name, "first": utc(campaign.start, digits=6), "last": utc(campaign.stop, digits=6),
        "dust_events": campaign.events, "fo90_factors": factors,
        "statistics": {name: {"label": label, "unit": unit, **row} for name, label, unit, row in rows},
        "line_probability": probability,
    }  # fmt: skip
    text = json.dumps(_finite(exported), indent=1, ensure_ascii=False)
    making.publisher.file(f"{path}.json", f"{text}\n".encode())
    lines = [",".join(("name", "label", "unit", *STATISTICS))]
    lines += [
        ",".join(csv_cell(cell) for cell in (name, label, unit, *row.values())) for name, label, unit, row in rows
    ]
    making.publisher.file(f"{path}.csv", ("\n".join(lines) + "\n").encode())
    speed, mass, charge = (campaign.found[f"particle.{name}"] for name in ("speed", "mass", "charge"))
    ratios = [
        (f"{a}-{b}".lower(), f"{a}/{b}, scaled, against speed", _spread(speed, fractions[a] / fractions[b], f"{a}/{b}"))
        for a, b in (("Mg", "Fe"), ("Mg", "Si"), ("Fe", "Si"))
    ]
    shares = [
        (f"share-{name.lower()}", f"Scaled fraction of {name} against speed", _spread(speed, fractions[name], name))
        for name in fractions
    ]
    making.page(
        "idex/campaign.html", f"{path}.html", f"Campaign from {campaign.name}",
        summary=f"{count(campaign.events)} dust events, {utc(campaign.start)} to {utc(campaign.stop)} UTC",
        json_file=f"{path}.json", csv_file=f"{path}.csv",
        histograms=[(one.name.replace("_", "-"), _label(one), drawn(one)) for one in measures],
        table=statistic_table(rows), saturation=saturation_table(campaign),
        charge=_charge(charge), mass_speed=scatter(speed, mass, "Mass (kg)", "figure-mass-speed"),
        yield_speed=scatter(speed, 1e-12 * charge / mass, "Charge yield (C/kg)", "figure-yield-speed", yields()),
        stack=stack(campaign, speed), probability=probability_plot(probability),
        ratios=ratios, shares=shares, factors=factor_table(factors, fractions), ternary=ternary_plot(fractions),
        statements=statements(making, sources()),
    )  # fmt: skip


def all_rows(
    measures: Sequence[Measure], campaign: Campaign, fractions: Mapping[str, Floats]
) -> list[tuple[str, str, str, dict[str, float | int | None]]]:
    """Return the statistics of everything the report shows: name, label, unit, numbers."""
    found = campaign.found
    rows = [(one.name, one.label, one.unit, numbers.summary(one.values, log=one.log)) for one in measures]
    for name, label, unit in (("charge", "Impact charge", "pC"), ("speed", "Speed", "km/s"), ("mass", "Mass", "kg")):
        rows.append((name, label, unit, numbers.summary(found[f"particle.{name}"], log=True)))
    for name, share in numbers.relative(found).items():
        rows.append((f"abundance_{name.lower()}", f"Relative abundance of {name}", "", numbers.summary(share)))
    for name, fraction in fractions.items():
        rows.append((f"fraction_{name.lower()}", f"Scaled fraction of {name}", "", numbers.summary(fraction)))
    for a, b in (("Mg", "Fe"), ("Mg", "Si"), ("Fe", "Si")):
        ratio = fractions[a] / fractions[b]
        rows.append((f"ratio_{a}_{b}".lower(), f"Scaled {a}/{b}", "", numbers.summary(ratio)))
    return rows


def line_probability(campaign: Campaign) -> dict[str, dict[str, float | int | None]]:
    """Return how many events with lines have one at each nominal mass, with the 68 % score interval of the share."""
    found = {}
    for mass, area in numbers.areas(campaign.found).items():
        trials = np.array([np.isfinite(area).sum()])
        hits = np.array([(area > 0).sum()])
        low, high = wilson(hits, trials)
        share = float(hits[0] / trials[0]) if trials[0] else None
        found[str(mass)] = {
            "events": int(trials[0]), "with_line": int(hits[0]), "share": share, "low": float(low[0]),
            "high": float(high[0]),
        }  # fmt: skip
    return found


def statistic_table(rows: Sequence[tuple[str, str, str, Mapping[str, float | int | None]]]) -> Table:
    """Return the statistics as a table."""
    table = Table(
        (Column("Quantity"), Column("Unit"), *(Column(name.capitalize(), kind="number") for name in STATISTICS))
    )
    for _, label, unit, row in rows:
        cells = [tables.number(row[name], "" if name == "count" else ".4g") for name in STATISTICS]
        table.rows.append([tables.words(label), tables.words(unit or "–"), *cells])
    return table


def saturation_table(campaign: Campaign) -> Table:
    """Return how many events are saturated in each channel."""
    table = Table((Column("Channel"), Column("Saturated", kind="number"), Column("Of", kind="number"),
                   Column("Share", kind="number")))  # fmt: skip
    for channel in CHANNELS:
        values = campaign.found[f"{channel.name.lower()}.saturated"]
        of, hits = int(np.isfinite(values).sum()), int((values == 1).sum())
        share = tables.share(hits / of if of else None)
        table.rows.append([tables.words(spoken(channel.name)), tables.number(hits), tables.number(of), share])
    return table


def factor_table(factors: Mapping[str, float], fractions: Mapping[str, Floats]) -> Table:
    """Return the factors of the olivine scaling."""
    table = Table((Column("Element"), Column("Fo90", "atoms", "number"), Column("Factor", "1/(mA µs)", "number"),
                   Column("Events", kind="number")))  # fmt: skip
    for name, factor in factors.items():
        events = int(np.isfinite(fractions[name]).sum())
        shown = tables.number(factor if math.isfinite(factor) else None, ".4g")
        table.rows.append([tables.words(name), tables.number(numbers.FO90[name], ".4f"), shown, tables.number(events)])
    return table


def drawn(one: Measure) -> Plot | None:
    """Return the histogram of one of the 21 quantities."""
    shown = histogram(one.values, log=one.log)
    if shown is None:
        return None
    element = f"figure-{one.name.replace('_', '-')}"
    return histogram_plot(shown, _label(one), element, log=one.log, lines=one.lines)


def _label(one: Measure) -> str:
    return f"{one.label} ({one.unit})" if one.unit else one.label


def _charge(charge: Floats) -> Plot | None:
    shown = histogram(charge, log=True)
    return None if shown is None else histogram_plot(shown, "Impact charge (pC)", "figure-charge", log=True)


def _spread(speed: Floats, values: Floats, label: str) -> Plot | None:
    name = label.lower().replace("/", "-")
    element = f"figure-{name}" if "/" in label else f"figure-share-{name}"
    return spread_plot(speed, values, ("Speed (km/s)", label), element)[0]


def scatter(
    speed: Floats, values: Floats, label: str, element: str, line: tuple[list[float], list[float]] | None = None
) -> Plot | None:
    """Return values against speed on logarithmic axes, with a curve when one is given."""
    fit = np.isfinite(speed) & np.isfinite(values) & (speed > 0) & (values > 0)
    if not fit.any():
        return None
    every = -(-int(fit.sum()) // POINTS)
    x, y = speed[fit][::every], values[fit][::every]
    plot = figure(
        height=320, sizing_mode="stretch_width", x_axis_type="log", y_axis_type="log", tools="", toolbar_location=None,
        x_axis_label="Speed (km/s)", y_axis_label=label, min_border_left=LEFT_BORDER, min_border_right=12,
        background_fill_color=None, border_fill_color=None,
    )  # fmt: skip
    points = plot.scatter(x.tolist(), y.tolist(), size=4, fill_alpha=0.6, line_color=None)
    points.tags = ["colour:channel-4"]
    few_ticks(plot, 5)
    if line is not None:
        plot.line(line[0], line[1], line_width=1.6, line_dash="dashed").tags = ["colour:error"]
    interactive(plot)
    return Plot(plain_json({element: plot}), 320)


def yields() -> tuple[list[float], list[float]]:
    """Return the curve of the charge yield: speeds, km/s, and C/kg."""
    law = Curve(**newest("particle_curves")["values"]["charge_yield"])
    speed = np.logspace(0, 2, 80)
    return speed.tolist(), np.asarray(curve(speed, law)).tolist()


def stack(campaign: Campaign, speed: Floats) -> Plot | None:
    """Return the mean relative abundances in bins of speed, stacked."""
    shares = numbers.relative(campaign.found)
    there = np.isfinite(speed) & np.isfinite(next(iter(shares.values())))
    if not there.any():
        return None
    edges = np.unique(np.quantile(speed[there], np.linspace(0, 1, SPEED_BINS + 1)))
    bins = max(len(edges) - 1, 1)
    index = np.clip(np.searchsorted(edges, speed[there], side="right") - 1, 0, bins - 1)
    low = edges[:-1] if len(edges) > 1 else edges
    high = edges[1:] if len(edges) > 1 else edges
    events = np.bincount(index, minlength=bins)
    data: dict[str, Any] = {
        "place": list(range(bins)), "events": events.tolist(),
        "speed": [f"{a:.3g} to {b:.3g}" for a, b in zip(low, high, strict=True)],
    }  # fmt: skip
    for name, share in shares.items():
        data[name] = (np.bincount(index, share[there], minlength=bins) / np.maximum(events, 1)).tolist()
    data["other"] = np.maximum(1 - np.sum([data[name] for name in shares], axis=0), 0).tolist()
    names = [*shares]
    plot = figure(
        height=300, sizing_mode="stretch_width", tools="", toolbar_location=None, x_axis_label="Speed (km/s)",
        x_range=Range1d(start=-0.6, end=bins - 0.4), y_range=Range1d(start=0, end=1.02),
        y_axis_label="Mean share of the areas", min_border_left=LEFT_BORDER, min_border_right=12,
        background_fill_color=None, border_fill_color=None,
    )  # fmt: skip
    bars = plot.vbar_stack(names, x="place", width=0.85, source=ColumnDataSource(data=data), legend_label=names,
                           line_width=0.5, fill_alpha=0.75)  # fmt: skip
    for bar, colour in zip(bars, COLOURS, strict=True):
        bar.tags = [f"colour:{colour}"]
    plot.xaxis.ticker = FixedTicker(ticks=list(range(bins)))
    plot.xaxis.major_label_overrides = dict(enumerate(data["speed"]))
    plot.xgrid.visible = False
    plot.add_layout(plot.legend[0], "right")
    tips = [("Speed (km/s)", "@speed"), ("Events", "@events"), *((name, f"@{name}{{0.0 %}}") for name in names)]
    plot.add_tools(HoverTool(tooltips=tips, renderers=[bars[0]], mode="vline"))
    return Plot(plain_json({"figure-stack": plot}), 300)


def probability_plot(found: Mapping[str, Mapping[str, Any]]) -> Plot | None:
    """Return the share of events that have a line at each nominal mass, with its interval."""
    rows = [found[str(mass)] for mass in NOMINAL]
    if not rows[0]["events"]:
        return None
    data = {
        "place": list(range(len(NOMINAL))), "mass": [f"{mass} u" for mass in NOMINAL],
        **{name: [row[name] for row in rows] for name in ("share", "low", "high", "with_line", "events")},
    }  # fmt: skip
    plot = figure(
        height=260, sizing_mode="stretch_width", tools="", toolbar_location=None, x_axis_label="Nominal mass (u)",
        x_range=Range1d(start=-0.7, end=len(NOMINAL) - 0.3), y_range=Range1d(start=0, end=1.05),
        y_axis_label="Share of events", min_border_left=LEFT_BORDER, min_border_right=12,
        background_fill_color=None, border_fill_color=None,
    )  # fmt: skip
    source = ColumnDataSource(data=data)
    bars = plot.vbar(x="place", top="share", width=0.75, source=source, fill_alpha=0.6, line_width=0.5)
    bars.tags = ["colour:channel-4"]
    plot.segment("place", "low", "place", "high", source=source, line_width=1.6).tags = ["colour:text"]
    plot.xaxis.ticker = FixedTicker(ticks=list(range(len(NOMINAL))))
    plot.xaxis.major_label_overrides = {place: str(mass) for place, mass in enumerate(NOMINAL)}
    plot.xgrid.visible = False
    tips = [("Mass", "@mass"), ("Share", "@share{0.0 %}"), ("68 %", "@low{0.0 %} to @high{0.0 %}"),
            ("Events", "@with_line of @events")]  # fmt: skip
    plot.add_tools(HoverTool(tooltips=tips, renderers=[bars]))
    return Plot(plain_json({"figure-probability": plot}), 260)


def ternary_plot(fractions: Mapping[str, Floats]) -> Plot | None:
    """Return the ternary diagram of the scaled fractions of the events."""
    amounts = np.column_stack([fractions["Mg"], fractions["Si"], fractions["Fe"]])
    amounts = amounts[np.isfinite(amounts).all(axis=1)]
    if not amounts.size:
        return None
    amounts = amounts[:: -(-len(amounts) // POINTS)]
    plot = ternary.diagram("silicates", ("Mg", "Si", "Fe"))
    x, y = amounts[:, 1] + amounts[:, 2] / 2, ternary.TOP * amounts[:, 2]
    points = plot.scatter(x.tolist(), y.tolist(), size=5, fill_alpha=0.6, line_color=None)
    points.tags = ["colour:channel-4"]
    return Plot(plain_json({"figure-ternary": plot}), ternary.HEIGHT)


def _finite(value: Any) -> Any:
    """Numbers that JSON has; None for the others."""
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
