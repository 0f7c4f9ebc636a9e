"""Level-1A CDF, of the flight pipeline or our own: raw samples and every header field (section 21.1)."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import numpy as np

from archive.instruments.idex import calibration
from archive.instruments.idex.readers import cdf
from archive.instruments.idex.readers.event import CHANNEL_NAMES, NO_LABORATORY, Event

NO_ANALYSIS: Final = "level-1 files hold no analyses"
ANALYSES: Final = {
    **dict.fromkeys(("lines", "pulses", "scale", "snr", "particle", "merged", "baseline"), NO_ANALYSIS),
    "laboratory": NO_LABORATORY,
}

_UNITS: Final = dict.fromkeys(CHANNEL_NAMES, "dN")


class L1aRecords(cdf.CdfRecords):
    """An open level-1A file."""

    def event(self, number: int) -> Event:
        """Return one event."""
        event = cdf.begun(self, L1aCdf.layout, number)
        cdf.take_waveforms(event, self, number, _UNITS)
        event.identity = _identity(event.header or {})
        if event.housekeeping is None:
            _convert(event)
        return event


class L1aCdf(cdf.CdfReader):
    """Reader of level-1A CDF."""

    layout = "l1a_cdf"
    title = "level-1A CDF"
    lacks: ClassVar = {**ANALYSES, "geometry": "level-1A files hold no geometry",
             "identity": "the file lacks header fields that it is made of"}  # fmt: skip
    level, source = "l1a", L1aRecords


def _identity(header: dict[str, Any]) -> str | None:
    """Return the name of an event, as the archive makes it: aid/MET seconds/counts of 20 us/event number."""
    parts = [header.get(name) for name in ("aid", "txhdrtimesec1", "txhdrtimesec2", "txhdrtimesubs", "txhdrevtnum")]
    if any(part is None for part in parts):
        return None
    aid, high, low, counts, number = (int(part) for part in parts if part is not None)
    return f"{aid}/{(high << 16) + low}/{counts}/{number}"


def _convert(event: Event) -> None:
    """Convert the housekeeping words of the header, all or none."""
    record = calibration.newest(calibration.HOUSEKEEPING)
    words = {entry["word"]: (event.header or {}).get(entry["word"]) for entry in record["values"].values()}
    if any(word is None for word in words.values()):
        event.reasons["housekeeping"] = "the header lacks words that hold it"
        return
    found = calibration.housekeeping({name: np.array([word]) for name, word in words.items()}, record)
    event.housekeeping = {name: float(values[0]) for name, values in found.items()}
    event.notes.append(f"housekeeping is converted by {calibration.HOUSEKEEPING} version {record['version']}")


READER = L1aCdf()
