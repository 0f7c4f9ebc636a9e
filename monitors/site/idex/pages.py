"""The dashboards of IDEX: which pages there are, and what they are made of."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from importlib.resources import files

from archive.errors import SettingsError
from archive.instruments.idex.calibration import HOUSEKEEPING, newest
from archive.instruments.idex.layout import CHANNELS
from archive.instruments.idex.limits import Limits, LimitTable
from monitors.site.assets import STATIC
from monitors.site.columns import publish_columns
from monitors.site.dashboards import Dashboard, Dashboards, Making
from monitors.site.explorer import publish_correlations, publish_explorer, publish_trends
from monitors.site.idex import campaign_page, definitions, map_page, quality, rate_page, ternary, windows
from monitors.site.idex.quantities import sources
from monitors.site.shell import Link

#: Changes when equal rows may give other pages: the number is raised with the form of pages or columns.
MADE_BY = f"{version('pinakes')} 2"

FOLDER = "instruments/idex"

EXPLORER = Dashboard(
    Link("Scatter explorer", f"{FOLDER}/explorer.html"),
    "Any quantity of all events against any other, coloured by a third, with ratios and cuts; a tap opens the event.",
)
TRENDS = Dashboard(
    Link("Time series", f"{FOLDER}/trends.html"),
    "Any quantity through time, with running median and gaps.",
)
CORRELATIONS = Dashboard(
    Link("Correlations", f"{FOLDER}/correlations.html"),
    "Rank correlation of every pair of quantities of dust, strongest first; each opens in the explorer.",
)

QUALITY = Dashboard(
    Link("Signal and fits", quality.PATH),
    "Signal-to-noise, mass scales, saturation, fits without a result, and every status word with its events.",
)

TERNARY = Dashboard(
    Link("Ternary", ternary.PATH),
    "Magnesium, silicon, iron, calcium, or any three quantities, with the guides of minerals; a tap opens the event.",
)

RATES = Dashboard(
    Link("Rates", rate_page.PATH),
    "Dust counts, exposure and rates with their intervals by window, charge, mass and spin quadrant.",
)
MAPS = Dashboard(
    Link("Pointing maps", map_page.PATH),
    "Where the boresight pointed when dust came: counts, exposure and rate over the sky, of any bin.",
)
CAMPAIGNS = Dashboard(
    Link("Campaigns", campaign_page.PATH),
    "Reports of olivine campaigns: 21 histograms with requirement lines, abundances, ratios, tables as JSON and CSV.",
)
DEFINITIONS = Dashboard(
    Link("Definitions", definitions.PATH),
    "Every field of the event header, and the housekeeping polynomials with a calculator for raw counts.",
)

#: Scripts of these pages beside those that every instrument has.
SCRIPTS = ("idex-ternary.js", "idex-definitions.js", "idex-windows.js", "idex-rates.js", "idex-maps.js")

#: What the panels of the explorer show first: charge against speed of dust, then its mass, mass scales, and signal.
FIRST_LOOK = {
    "x": "particle.speed", "y": "particle.charge", "c": "particle.speed_source", "lx": "1", "ly": "1",
    "x2": "particle.charge", "y2": "particle.mass", "c2": "particle.speed", "lx2": "1", "ly2": "1",
    "x3": "scale.stretch", "y3": "scale.kappa", "c3": "event.kind",
    "x4": "scale.merged_snr", "y4": "particle.charge", "c4": "event.kind", "lx4": "1", "ly4": "1",
}  # fmt: skip


#: What the page of correlations compares first: results and housekeeping of dust, not each raw field nor every channel.
COMPARED = {
    "groups": ["Particle", "Mass scale", "Lines of the spectrum", "Composition", "Lines by nominal mass",
               "Signal of TOF High", "Pulse of Target High", "Housekeeping"],
    "cuts": ["event.kind~2~dust"],
}  # fmt: skip

#: Names of quantities that have the limits of a trend of the monitors, by section and trend; ``{}`` is the channel.
TRENDS_OF_QUALITY = {"merged_snr": "scale.merged_snr", "kappa": "scale.kappa", "kappa_rms": "scale.kappa_rms",
                     "stretch": "scale.stretch"}  # fmt: skip
OF_NOISE = ("noise_median", "noise_sigma", "noise_robust", "noise_lag1", "line_excess")


def limits(making: Making) -> dict[str, Limits]:
    """Return the limits that the monitors watch, by quantity; wrong ones of the settings are named in the report."""

    def table(section: str) -> LimitTable:
        monitor = making.settings.monitor.get(f"idex-{'tof-quality' if section == 'quality' else section}")
        try:
            return LimitTable(section, monitor.options.get("limits") if monitor else None)
        except SettingsError as error:
            making.publisher.report.notes.append(f"The pages show the limits that ship with the package: {error}")
            return LimitTable(section)

    of_quality, of_noise, of_housekeeping = table("quality"), table("noise"), table("housekeeping")
    found = {quantity: of_quality.of(trend) for trend, quantity in TRENDS_OF_QUALITY.items()}
    for channel in CHANNELS:
        found[f"{channel.name.lower()}.snr"] = of_quality.of("snr", channel.name)
        for trend in OF_NOISE:
            found[f"{channel.name.lower()}.{trend}"] = of_noise.of(trend, channel.name)
    found |= {f"hk.{name}": of_housekeeping.of(name) for name in newest(HOUSEKEEPING)["values"]}
    return {name: four for name, four in found.items() if any(limit is not None for limit in four)}


class IdexDashboards(Dashboards):
    """Dashboards of IDEX."""

    def pages(self) -> Sequence[Dashboard]:
        """Return the pages, in the order of the navigation."""
        return (EXPLORER, TRENDS, CORRELATIONS, QUALITY, TERNARY, RATES, MAPS, CAMPAIGNS, DEFINITIONS)

    def publish(self, making: Making) -> None:
        """Write every page that changed."""
        for name in SCRIPTS:
            script = files("monitors.site.idex").joinpath("assets", name).read_bytes()
            making.publisher.file(f"{STATIC}/{name}", script)
        events = publish_columns(making, sources(), MADE_BY)
        with making.guarded(EXPLORER):
            publish_explorer(making, sources(), EXPLORER.link.path, FIRST_LOOK, events)
        with making.guarded(TRENDS):
            publish_trends(making, sources(), TRENDS.link.path, {"y": "hk.target_voltage"}, events, limits(making))
        with making.guarded(CORRELATIONS):
            publish_correlations(making, sources(), CORRELATIONS.link.path, COMPARED, events)
        with making.guarded(TERNARY):
            ternary.publish(making, events)
        with making.guarded(DEFINITIONS):
            definitions.publish(making)
        accumulated = windows.publish_windows(making)
        with making.guarded(RATES):
            rate_page.publish(making, accumulated)
        with making.guarded(MAPS):
            map_page.publish(making, accumulated)
        blocks = sorted(item for item in making.seen.items() if item[0].startswith("block "))
        now = hashlib.sha256(repr((MADE_BY, blocks)).encode()).hexdigest()[:16]
        if making.seen.get("events") != now or not making.publisher.holds(quality.PATH):
            with making.guarded(QUALITY):
                quality.publish(making)
            with making.guarded(CAMPAIGNS):
                campaign_page.publish(making, MADE_BY)
        making.seen["events"] = now
