"""Level-1B CDF of the flight pipeline, also of older deliveries: waveforms in mA and pC, readings, geometry (21.1)."""

from __future__ import annotations

from typing import ClassVar, Final

from archive.instruments.idex.readers import cdf
from archive.instruments.idex.readers.event import CHANNEL_NAMES, PULSE_NAMES, Event
from archive.instruments.idex.readers.l1a_cdf import ANALYSES

_UNITS: Final = {name: "pC" if name in PULSE_NAMES else "mA" for name in CHANNEL_NAMES}


class L1bRecords(cdf.CdfRecords):
    """An open level-1B file."""

    def event(self, number: int) -> Event:
        """Return one event."""
        event = cdf.begun(self, L1bCdf.layout, number)
        cdf.take_waveforms(event, self, number, _UNITS)
        return event


class L1bCdf(cdf.CdfReader):
    """Reader of level-1B CDF."""

    layout = "l1b_cdf"
    title = "level-1B CDF"
    lacks: ClassVar = {**ANALYSES, "identity": "level-1B files have no event number"}  # fmt: skip
    level, source = "l1b", L1bRecords


READER = L1bCdf()
