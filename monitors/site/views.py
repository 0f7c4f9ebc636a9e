"""What the event viewer must know about an instrument beyond its tables: words for its flags, levels of its triggers.

A package that adds an instrument may offer a view through the entry-point group ``pinakes.event_views``, under the
instrument's name. Without one the viewer shows the waveforms and all typed tables as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from sqlalchemy import Connection

from archive.model import FLAG_ASSEMBLED, FLAG_CLOCK_UNSET, FLAG_CONFLICTING, FLAG_DAMAGED, FLAG_INCOMPLETE
from monitors.site.tables import State

GROUP = "pinakes.event_views"

#: State, word, and why it matters.
Word = tuple[State, str, str]

#: Typed rows of one event by table name, for example ``{"event": {...}, "event_header": {...}}``.
TypedRows = Mapping[str, Mapping[str, Any]]

COMMON_FLAGS: Mapping[int, Word] = {
    FLAG_INCOMPLETE: ("warning", "incomplete", "Parts of the event were not received."),
    FLAG_CONFLICTING: ("error", "conflicting", "Two complete copies of the event differ."),
    FLAG_DAMAGED: ("error", "damaged", "Parts of the event were received and cannot be trusted."),
    FLAG_CLOCK_UNSET: (
        "warning",
        "clock not set",
        "The instrument clock was not set: the time of the event is not real.",
    ),
    FLAG_ASSEMBLED: ("info", "assembled", "Put together from parts in several raw files."),
}


@dataclass(frozen=True, slots=True)
class EventPage:
    """What an instrument adds to the viewer page beside the waveforms.

    Attributes
    ----------
    above, below
        HTML before and after the waveform panels, of the package's own making: it is placed as it is.
    scripts
        Scripts by file name; they go into the folder ``static`` of the site and run before the viewer. One of them
        enters an object into ``pinakesEventPages`` (see `assets/viewer.js`).
    styles
        Style sheets by file name, beside the scripts.
    values
        What the scripts need to know, JSON-able; ``pinakesEventPages.NAME.start`` is given it.
    """

    above: str
    below: str
    scripts: Mapping[str, bytes]
    styles: Mapping[str, bytes]
    values: Mapping[str, Any]


class EventView:
    """The view of an instrument that has none of its own; others derive from it."""

    #: Word for each bit of ``core.event.flags`` from bit 16 on.
    flag_words: Mapping[int, Word] = {}

    def facts(self, rows: TypedRows) -> list[tuple[str, str]]:
        """Return (label, value) pairs for the top of the page."""
        del rows
        return []

    def levels(self, rows: TypedRows) -> Mapping[str, float]:
        """Return the trigger level of each channel that triggered, by channel name, in the channel's own unit."""
        del rows
        return {}

    def absence(self, rows: TypedRows, channel: str) -> str:
        """Say why a channel has no waveform."""
        del rows
        return f"{channel.replace('_', ' ')} was not received."

    def scales(self, calibrations: Mapping[str, Mapping[str, Any]]) -> Mapping[str, str]:
        """Return what one raw unit is physically, as text by channel name; `calibrations` are values by set name."""
        del calibrations
        return {}

    def page(self, calibrations: Sequence[Mapping[str, Any]]) -> EventPage | None:
        """Return what the viewer page shows beside the waveforms; `calibrations` are all its sets, by rows."""
        del calibrations
        return None

    def figures(self, panels: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return further Bokeh figures by element id; the waveform `panels` may be added to."""
        del panels
        return {}

    def more(self, conn: Connection, events: Sequence[int]) -> Mapping[int, str]:
        """Return what the scripts of `page` show of each event, as JSON made by `text.script_json` or its like."""
        del conn, events
        return {}

    def words(self, flags: int) -> list[Word]:
        """Return the words for a set of flags; an event without flags is complete."""
        known = {**COMMON_FLAGS, **self.flag_words}
        found = [word for bit, word in known.items() if flags & bit]
        rest = flags & ~sum(known)
        if rest:
            found.append(("unknown", f"flags {rest:#x}", "Bits this version has no words for."))
        if not flags & (FLAG_INCOMPLETE | FLAG_CONFLICTING | FLAG_DAMAGED):
            found.insert(0, ("ok", "complete", "Every part was received."))
        return found


@cache
def view(instrument: str) -> EventView:
    """Return the view of an instrument."""
    for entry in entry_points(group=GROUP, name=instrument):
        found = entry.load()()
        assert isinstance(found, EventView)
        return found
    return EventView()
