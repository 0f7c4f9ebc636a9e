"""The dashboards of IDEX: which pages there are, and what they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from monitors.site.columns import publish_columns
from monitors.site.dashboards import Dashboard, Dashboards, Making
from monitors.site.explorer import publish_explorer, publish_trends
from monitors.site.idex.quantities import sources
from monitors.site.shell import Link

#: Raised when equal rows give other scripts of columns.
FORMAT = 1

FOLDER = "instruments/idex"

EXPLORER = Dashboard(
    Link("Scatter explorer", f"{FOLDER}/explorer.html"),
    "Any quantity of all events against any other, coloured by a third, with ratios and cuts; a tap opens the event.",
)
TRENDS = Dashboard(
    Link("Time series", f"{FOLDER}/trends.html"),
    "Any quantity through time, with running median and gaps.",
)

#: What the explorer shows first: charge against speed of dust.
FIRST_LOOK = {
    "x": "particle.speed", "y": "particle.charge", "c": "particle.speed_source", "lx": "1", "ly": "1",
}  # fmt: skip


class IdexDashboards(Dashboards):
    """Dashboards of IDEX."""

    def pages(self) -> Sequence[Dashboard]:
        """Return the pages, in the order of the navigation."""
        return (EXPLORER, TRENDS)

    def publish(self, making: Making) -> None:
        """Write every page that changed."""
        events = publish_columns(making, sources(), f"{version('pinakes')} {FORMAT}")
        publish_explorer(making, sources(), EXPLORER.link.path, FIRST_LOOK, events)
        publish_trends(making, sources(), TRENDS.link.path, {"y": "hk.target_voltage"}, events, {})
