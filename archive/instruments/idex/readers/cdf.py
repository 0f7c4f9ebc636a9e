"""Records of the CDF files of the flight pipeline: block by block, what is filled taken as missing.

Attributes of valid ranges are not looked at: those of level-1B waveforms are still the counts of level 1A.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from archive.formats import cdf as formats
from archive.instruments.idex.calibration import HOUSEKEEPING, newest
from archive.instruments.idex.layout import CHANNELS
from archive.instruments.idex.readers.base import EventSource, Reader, reading
from archive.instruments.idex.readers.event import CHANNEL_NAMES, Event, Floats, Waveform
from archive.instruments.idex.time import as_datetime, utc

#: Records read at a time.
BLOCK: Final = 32

#: Real numbers from here down are fill (-1e31); whole ones too (the least of 64 bits).
FILL: Final = -1e30
INT_FILL: Final = np.iinfo(np.int64).min
FLAG_FILL: Final = 255

#: Units as files spell them.
UNITS: Final = {"dn": "dN", "counts": "dN", "ma": "mA", "pc": "pC"}

_GEOMETRY: Final = (
    *(f"ephemeris_{what}_{axis}" for what in ("position", "velocity") for axis in "xyz"),
    "longitude", "latitude", "solar_longitude", "spin_phase",
)  # fmt: skip

_TRIGGER: Final = (
    "dead_time", "trigger_origin",
    *(f"trigger_{what}_{gain}" for what in ("mode", "level") for gain in ("hg", "mg", "lg")),
)  # fmt: skip

_SOURCE: Final = re.compile(r"imap_idex_(l1a|l1b|l2a)_(?:sci|evt)", re.IGNORECASE)


class CdfRecords:
    """An open CDF file, one record an event.

    Attributes
    ----------
    path
        The file.
    names
        Its variables.

    Parameters
    ----------
    path
        The file.
    validate
        Whether a checksum that it has must be right.
    """

    def __init__(self, path: Path, *, validate: bool = True) -> None:
        self.path = path
        with reading(path), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._cdf = formats.CdfFile(path, validate=validate)
            info = self._cdf.cdf_info()
            self.names = {*info.zVariables, *info.rVariables}
            self._count = self._cdf.varinq("epoch").Last_Rec + 1 if "epoch" in self.names else 0
        self._facts: dict[str, tuple[int, bool, Any]] = {}
        self._blocks: dict[str, tuple[int, NDArray[Any]]] = {}

    @property
    def numbers(self) -> Sequence[int]:
        """Numbers of the records."""
        return range(self._count)

    def keys(self) -> Sequence[tuple[str | None, int | None]]:
        """Return the times of the records."""
        with reading(self.path):
            epochs = np.atleast_1d(self._cdf.varget("epoch")) if self._count else ()
            return [(None, None if int(each) == INT_FILL else int(each)) for each in epochs]

    def unit(self, name: str) -> str | None:
        """Return the unit a variable says, None where it does not say one that is known."""
        text = self._cdf.varattsget(name).get("UNITS", "")
        return UNITS.get(str(text).strip().lower())

    def get(self, name: str, record: int) -> Any:
        """Return what a variable holds in a record, as it is; None when there is no such variable or record."""
        if name not in self.names:
            return None
        last, varies, _ = self._about(name)
        if varies and record > last:
            return None
        start = record // BLOCK * BLOCK if varies else 0
        found = self._blocks.get(name)
        if found is None or found[0] != start:
            found = self._blocks[name] = (start, self._read(name, start, last, varies))
        return found[1][record - start] if varies else found[1]

    def numbers_of(self, name: str, record: int) -> Floats | None:
        """Return an array of numbers, NaN where filled; None when the variable is not there or holds none."""
        held = self.get(name, record)
        if held is None or np.asarray(held).dtype.kind not in "iuf":
            return None
        raw = np.asarray(held)
        values = raw.astype(np.float64)
        values[values <= (FILL if raw.dtype.kind == "f" else float(INT_FILL))] = np.nan
        fill = self._about(name)[2]
        if isinstance(fill, int | float | np.number) and np.isfinite(fill):
            values[raw == fill] = np.nan
        return values

    def scalar(self, name: str, record: int) -> Any:
        """Return a number or text of a record; None when it is not there, filled, or more than one."""
        held = self.get(name, record)
        if held is None or np.asarray(held).size != 1:
            return None
        one = np.asarray(held).ravel()[0]
        if isinstance(one, str | bytes):
            text = one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one)
            return text.strip() or None
        value = self.numbers_of(name, record)
        if value is None or not np.isfinite(value.ravel()[0]):
            return None
        return int(one) if np.asarray(one).dtype.kind in "iu" else float(one)

    def _about(self, name: str) -> tuple[int, bool, Any]:
        """Return the last record of a variable, whether it varies by record, and its fill value."""
        if name not in self._facts:
            about = self._cdf.varinq(name)
            fill = self._cdf.varattsget(name).get("FILLVAL")
            self._facts[name] = (about.Last_Rec, bool(about.Rec_Vary), np.ravel(fill)[0] if np.size(fill) else None)
        return self._facts[name]

    def _read(self, name: str, start: int, last: int, varies: bool) -> NDArray[Any]:
        if not varies:
            return np.asarray(self._cdf.varget(name))
        stop = min(start + BLOCK - 1, last)
        found = np.asarray(self._cdf.varget(name, startrec=start, endrec=stop))
        return found if found.ndim and found.shape[0] == stop - start + 1 else found.reshape(stop - start + 1, -1)


class CdfReader(Reader):
    """Reader of CDF files of one level; `source` is made of the path."""

    level: ClassVar[str]
    source: ClassVar[type[Any]]

    def recognises(self, path: Path, head: bytes) -> bool:
        """Say whether its variables are those of the level."""
        return level_of(path, head) == self.level

    @contextmanager
    def open(self, path: Path) -> Iterator[EventSource]:
        """Open a file."""
        yield self.source(path)


def level_of(path: Path, head: bytes) -> str | None:
    """Return ``l1a``, ``l1b`` or ``l2a`` for a CDF file with events, by its variables; None for any other file.

    Raises
    ------
    UnreadableSource
        When it is a CDF file that cannot be opened.
    """
    if not formats.is_cdf(head):
        return None
    records = CdfRecords(path, validate=False)
    if "epoch" not in records.names:
        return None
    if {"tof_peak_fit_parameters", "target_low_fit_parameters", "target_high_fit_parameters"} & records.names:
        return "l2a"
    channels = [name for name in CHANNEL_NAMES if name in records.names]
    if not channels:
        return None
    with reading(path):
        units = {records.unit(name) for name in channels}
    if units & {"mA", "pC"}:
        return "l1b"
    return "l1a" if "dN" in units else _named(records)


def _named(records: CdfRecords) -> str | None:
    """Return the level that the logical source of a file names."""
    with reading(records.path):
        source = records._cdf.globalattsget().get("Logical_source", [""])
    found = _SOURCE.match(str(np.ravel(source)[0]) if np.size(source) else "")
    return found[1].lower() if found else None


def begun(records: CdfRecords, layout: str, record: int) -> Event:
    """Return an event with what every level has: time, header, housekeeping, flags, geometry."""
    event = Event(layout, records.path, record)
    event.tt2000 = records.scalar("epoch", record)
    if event.tt2000 is None:
        event.reasons["tt2000"] = event.reasons["time"] = "the record has no time"
    else:
        event.time = as_datetime(utc([event.tt2000])[0])
    header = {name.removeprefix("idx__"): records.scalar(name, record) for name in sorted(records.names)
              if name.startswith("idx__") or name in ("aid", "shcoarse", "shfine", *_TRIGGER)}  # fmt: skip
    event.header = header or None
    readings = newest(HOUSEKEEPING)["values"]
    for part, names in (("housekeeping", readings), ("geometry", _GEOMETRY)):
        found = {name: records.scalar(name, record) for name in names if name in records.names}
        if any(value is not None for value in found.values()):
            setattr(event, part, found)
        elif found:
            event.reasons[part] = "every variable of it is filled"
    event.flags = _flags(records, record) or None
    return event


def _flags(records: CdfRecords, record: int) -> dict[str, bool | None]:
    names = sorted(name for name in records.names if name.endswith("_flag") and not name.endswith("_saturation_flag"))
    return {name.removesuffix("_flag"): flag(records, name, record) for name in names}


def flag(records: CdfRecords, name: str, record: int) -> bool | None:
    """Return a flag; None when it is filled or not there."""
    value = records.scalar(name, record)
    return None if value is None or value == FLAG_FILL else bool(value)


def take_waveforms(event: Event, records: CdfRecords, record: int, units: Mapping[str, str]) -> None:
    """Give an event the waveforms of a record, and the reason for each that is missing.

    Parameters
    ----------
    event
        The event.
    records, record
        Where they are.
    units
        Unit of each channel where the file does not say it.
    """
    for channel in CHANNELS:
        values = records.numbers_of(channel.name, record)
        if values is None or values.ndim != 1:
            event.reasons[f"waveforms.{channel.name}"] = "the file has no such record of numbers"
        elif not np.isfinite(values).any():
            event.reasons[f"waveforms.{channel.name}"] = "every sample is filled: it was not received"
        else:
            t = records.numbers_of(f"time_{'high' if channel.high_rate else 'low'}_sample_rate", record)
            if t is None or t.shape != values.shape:
                event.notes.append(f"{channel.name} has no times of its own length")
                t = None
            saturated = flag(records, f"{channel.name.lower()}_saturation_flag", record)
            unit = records.unit(channel.name) or units.get(channel.name)
            event.waveforms[channel.name] = Waveform(values, unit, t, saturated)
