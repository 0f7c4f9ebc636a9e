"""How the event viewer shows IDEX events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from archive.instruments.idex.calibration import WAVEFORM_SCALE
from archive.instruments.idex.flags import FLAG_DUST_HIT, FLAG_PARTIAL_DOWNLINK, FLAG_SATURATED
from archive.instruments.idex.layout import CHANNELS
from monitors.site.idex import event_figures, event_page, event_rows
from monitors.site.text import scientific
from monitors.site.views import EventPage, EventView, TypedRows, Word

#: Trigger bit and field of the trigger level by channel (IDEX packet definition, sections 5 and 7.2). The level of the
#: target trigger belongs to a low-rate converter, not to one of the two target channels for certain: it is a fact.
TRIGGERS = {
    "TOF_High": (1 << 0, "txhdrhgtriglvl"),
    "TOF_Low": (1 << 1, "txhdrlgtriglvl"),
    "TOF_Mid": (1 << 2, "txhdrmgtriglvl"),
}
TARGET_BIT = 1 << 3

POLARITIES = {"POS": "positive (cations)", "NEG": "negative (anions)"}


class IdexView(EventView):
    """Flags, triggers and scales of IDEX, and the science of its events."""

    flag_words: Mapping[int, Word] = {
        FLAG_DUST_HIT: ("info", "dust hit", "The time-of-flight record shows lines."),
        FLAG_SATURATED: ("warning", "saturated", "A channel reaches 0.95 of its full scale."),
        FLAG_PARTIAL_DOWNLINK: ("info", "partial downlink", "Not every channel was to be sent."),
    }

    def facts(self, rows: TypedRows) -> list[tuple[str, str]]:
        """Return trigger, acquisition, polarity and what the instrument itself made of the event."""
        event, header = rows.get("event"), rows.get("event_header")
        if event is None:
            return []
        trigger = str(event["trigger_source"]) or "none"
        if header and event["trigid"] & TARGET_BIT:
            trigger += f" (target level {header['txhdrlstriglvl']} DN)"
        polarity = POLARITIES.get(event["polarity"], str(event["polarity"]))
        return [
            ("Trigger", trigger),
            ("Acquisition (AID)", str(event["aid"])),
            ("Polarity", polarity),
            ("Samples sent", "compressed" if event["compressed"] else "uncompressed"),
        ]

    def levels(self, rows: TypedRows) -> Mapping[str, float]:
        """Return the level of each time-of-flight channel whose trigger bit is set, DN."""
        event, header = rows.get("event"), rows.get("event_header")
        if event is None or header is None:
            return {}
        return {name: header[field] for name, (bit, field) in TRIGGERS.items() if event["trigid"] & bit}

    def absence(self, rows: TypedRows, channel: str) -> str:
        """Say whether a channel was damaged, not received, or never to be sent."""
        event = rows.get("event")
        code = next((kind.code for kind in CHANNELS if kind.name == channel), 0)
        shown = channel.replace("_", " ")
        if event is not None and event["damaged"] & code:
            return f"{shown} was received damaged and cannot be decoded."
        if event is not None and not event["contents"] & code:
            return f"{shown} was not to be sent with this event."
        return f"{shown} was not received."

    def scales(self, calibrations: Mapping[str, Mapping[str, Any]]) -> Mapping[str, str]:
        """Return the scale factor of each channel from the calibration ``waveform_scale``."""
        values = calibrations.get(WAVEFORM_SCALE, {})
        return {name: f"{scientific(entry['factor'])} {entry['unit']}" for name, entry in values.items()}

    def page(self, calibrations: Sequence[Mapping[str, Any]]) -> EventPage:
        """Return spectrum, tables, editor, noise and calculator."""
        return event_page.page(calibrations)

    def figures(self, panels: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the figures of these."""
        return event_figures.figures(panels)

    def more(self, conn: Connection, events: Sequence[int]) -> Mapping[int, str]:
        """Return what the analysis found in each event."""
        return event_rows.read(conn, events)
