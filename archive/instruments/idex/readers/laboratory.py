"""HDF5 of the laboratory tool, of either generation (IDEX science definition, section 21.2).

The generation of an event decides what its charges are: a dataset with a blank before ``Impact Charge`` is in coulomb,
one without, when it is no link, is in raw counts. Names that changed are found under any of them, what is missing is
missing, and what cannot be read is named in the notes. The group ``SpiceData`` of such files holds random numbers and
is never looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Final

import h5py
import numpy as np

from archive.instruments.idex.layout import CHANNELS
from archive.instruments.idex.readers import hdf5
from archive.instruments.idex.readers.base import EventSource, Reader, reading
from archive.instruments.idex.readers.event import PULSE_NAMES, Event, Waveform
from archive.instruments.idex.readers.hdf5 import numbers, plain, scalar
from archive.instruments.idex.readers.laboratory_analysis import (
    Generation,
    attribute,
    take_lines,
    take_merged,
    take_pulse,
    take_scale,
    value_of,
)
from archive.instruments.idex.readers.laboratory_names import NAMES

#: Layout of an event by its generation; ``raw``: there is nothing to tell by.
LAYOUTS: Final[Mapping[Generation, str]] = {
    "current": "laboratory", "legacy": "laboratory_legacy", "raw": "laboratory",
}  # fmt: skip

#: Groups of the accelerator and of the pickup tube: below the analysis, and below the event.
ACCELERATOR: Final = ("SQLMatch", "AcceleratorMetadata")
PICKUP: Final = ("QDAnalysis", "QDMetadata")

#: Digits of the largest number that an event may have.
LONGEST: Final = 18

_NO_ANALYSIS: Final = "the event has no analysis"

_NO_UNIT: Final = (
    "the file does not say the unit of its time-of-flight records: mA, or pC per sample of 3.8466 ns of older writers"
)


class _Laboratory:
    """An open file."""

    def __init__(self, path: Path, file: h5py.File) -> None:
        self._path, self._file = path, file
        with reading(path):
            self._numbers = sorted(int(name) for name in file if _is_event(file, name))

    @property
    def numbers(self) -> Sequence[int]:
        """Names of the groups that are events."""
        return self._numbers

    def keys(self) -> Sequence[tuple[str | None, int | None]]:
        """Return identity and time of each event, where its metadata have them."""
        found: list[tuple[str | None, int | None]] = []
        with reading(self._path):
            for number in self._numbers:
                event = Event("", self._path, number)
                _metadata(event, self._file[str(number)])
                found.append((event.identity, event.tt2000))
        return found

    def event(self, number: int) -> Event:
        """Return one event."""
        group = self._file[str(number)]
        analysis = group.get("Analysis")
        generation = generation_of(analysis)
        event = Event(LAYOUTS[generation], self._path, number)
        _metadata(event, group)
        _waveforms(event, group, generation)
        if not isinstance(analysis, h5py.Group):
            parts = ("lines", "pulses", "scale", "snr", "merged", "baseline")
            event.reasons |= dict.fromkeys((*parts, *(f"pulses.{name}" for name in PULSE_NAMES)), _NO_ANALYSIS)
            event.laboratory = _facts({name: group.get(name) for name in PICKUP})
            return event
        for name in PULSE_NAMES:
            take_pulse(event, analysis, name, generation)
        snr = {name: scalar(analysis.get(f"{theirs} SNR")) for name, theirs in NAMES.items()}
        if generation == "legacy":
            snr["TOF_High"] = scalar(analysis.get("SNR"))
        event.snr = {name: value for name, value in snr.items() if value is not None} or None
        take_lines(event, analysis)
        take_scale(event, analysis, group)
        take_merged(event, analysis)
        baselines = {name: attribute(analysis.get(theirs), "Baseline") for name, theirs in NAMES.items()}
        event.baseline = {name: value for name, value in baselines.items() if value is not None} or None
        event.laboratory = _facts({name: analysis.get(name) for name in ACCELERATOR}
                                  | {name: group.get(name) for name in PICKUP})  # fmt: skip
        failed = [str(plain(text)) for text in _texts(analysis.get("Flags/FailedFits"))]
        if failed:
            event.notes.append(f"failed fits: {', '.join(failed)}")
        event.notes += [str(plain(text)) for text in _texts(analysis.get("Flags/Notes"))]
        return event


def generation_of(analysis: Any) -> Generation:
    """Return the generation of an event by the names of its charges."""
    if not isinstance(analysis, h5py.Group):
        return "raw"
    shown = [NAMES[name] for name in PULSE_NAMES]
    if any(f"{name} Impact Charge" in analysis for name in shown):
        return "current"
    links = [analysis.get(key, getlink=True) for name in shown if (key := f"{name}ImpactCharge") in analysis]
    real = any(isinstance(link, h5py.HardLink) for link in links)
    return "legacy" if real or "kappa" in analysis else "raw"


def _is_event(file: Any, name: str) -> bool:
    plainly = name.isascii() and name.isdecimal() and len(name) <= LONGEST and str(int(name)) == name
    return plainly and isinstance(file.get(name), h5py.Group)


def _metadata(event: Event, group: Any) -> None:
    """Read header fields, flags, identity and time."""
    held = group.get("Metadata")
    if not isinstance(held, h5py.Group):
        event.reasons |= dict.fromkeys(("header", "identity", "time", "tt2000"), "the event has no metadata")
        return
    there = {name: held.get(name) for name in held}  # a link that leads nowhere gives None
    facts = {
        name: plain(one[()]) for name, one in there.items() if isinstance(one, h5py.Dataset) and one.shape is not None
    }
    identity, tt2000, epoch = (facts.pop(name, None) for name in ("Identity", "Epoch TT2000", "Epoch"))
    event.identity = identity if isinstance(identity, str) and identity else None
    event.tt2000 = tt2000 if isinstance(tt2000, int) else None
    event.time = _time(event, epoch)
    saturated = {name: facts.pop(f"{theirs} Saturated", None) for name, theirs in NAMES.items()}
    facts.pop("AnyChannelSaturated", None)
    event.flags = {f"{name} saturated": bool(value) for name, value in saturated.items() if value is not None} or None
    event.header = facts or None


def _time(event: Event, epoch: Any) -> datetime | None:
    if epoch is None:
        return None
    try:
        time = datetime.fromisoformat(epoch)
    except (TypeError, ValueError):
        event.reasons["time"] = f"its epoch is no time in ISO 8601: {str(epoch)[:40]!r}"
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _waveforms(event: Event, group: Any, generation: Generation) -> None:
    times = {"high": numbers(group.get("Time (high sampling)")), "low": numbers(group.get("Time (low sampling)"))}
    for channel in CHANNELS:
        held = group.get(NAMES[channel.name])
        if held is None:
            continue
        values = numbers(held)
        if values is None or values.ndim != 1:
            event.notes.append(f"{NAMES[channel.name]} holds no numbers")
            event.reasons[f"waveforms.{channel.name}"] = "it holds no numbers"
        elif not np.isfinite(values).any():
            event.reasons[f"waveforms.{channel.name}"] = "no sample of it is there"
        else:
            t = times["high" if channel.high_rate else "low"]
            fits = t is not None and t.shape == values.shape
            unit = plain(held.attrs.get("units")) or (None if channel.high_rate or generation == "legacy" else "pC")
            if unit is None and _NO_UNIT not in event.notes and channel.high_rate:
                event.notes.append(_NO_UNIT)
            saturated = (event.flags or {}).get(f"{channel.name} saturated")
            event.waveforms[channel.name] = Waveform(values, unit, t if fits else None, saturated)


def _facts(groups: Mapping[str, Any]) -> dict[str, dict[str, Any]] | None:
    """Return what groups of scalars and texts say, with their attributes; None when there is none."""
    found: dict[str, dict[str, Any]] = {}
    for name, group in groups.items():
        if isinstance(group, h5py.Group):
            held = {key: plain(value) for key, value in group.attrs.items()}
            held |= {key: value for key in group if (value := value_of(group.get(key))) is not None}
            found[name] = held
    return found or None


def _texts(held: Any) -> Any:
    return held[()].ravel() if isinstance(held, h5py.Dataset) and held.shape is not None else []


class Laboratory(Reader):
    """Reader of laboratory files; the layout of an event says of which generation it is."""

    layout = LAYOUTS["current"]
    title = "HDF5 of the laboratory tool, either generation"
    lacks: ClassVar = {
        "geometry": "positions in such files are random numbers and never read",
        "housekeeping": "the layout has no converted readings",
        "particle": "the layout has charge, speed and mass by channel only",
        "waveforms": "the event has no such record",
        "scale": "the event has no mass scale", "lines": "the event has no table of lines",
        "snr": "the event has none", "baseline": "the event has none",
        "laboratory": "the event has neither a match with the accelerator nor a record of the pickup tube",
    }  # fmt: skip

    def recognises(self, path: Path, head: bytes) -> bool:
        """Say whether groups at its root have numbers for names."""
        root = hdf5.root_of(path, head)
        return root is not None and any(name.isdecimal() for name in root["groups"])

    @contextmanager
    def open(self, path: Path) -> Iterator[EventSource]:
        """Open a file."""
        with hdf5.opened(path) as file:
            yield _Laboratory(path, file)


READER = Laboratory()
