"""HDF5 of the laboratory tool, of either generation (IDEX science definition, section 21.2).

The generation of an event decides what its charges are: a dataset with a blank before ``Impact Charge`` is in coulomb,
one without, when it is no link, is in raw counts. Names that changed are found under any of them, what is missing is
missing, and what cannot be read is named in the notes. The group ``SpiceData`` of such files holds random numbers and
is never looked at.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

import h5py
import numpy as np

from archive.instruments.idex.analysis.settings import IMAGE_PULSE, PULSE
from archive.instruments.idex.layout import CHANNELS
from archive.instruments.idex.readers import hdf5
from archive.instruments.idex.readers.base import EventSource, Reader, reading
from archive.instruments.idex.readers.event import PULSE_NAMES, Event, Floats, Line, MassScale, Pulse, Waveform
from archive.instruments.idex.readers.hdf5 import numbers, plain, scalar
from archive.instruments.idex.readers.laboratory_names import NAMES

Generation = Literal["current", "legacy", "raw"]

#: Layout of an event by its generation; ``raw``: there is nothing to tell by.
LAYOUTS: Final[Mapping[Generation, str]] = {
    "current": "laboratory", "legacy": "laboratory_legacy", "raw": "laboratory",
}  # fmt: skip

#: Other names that parameters of pulses had.
PARAMETERS: Final = ("FitParams", " Fit Parameters", "FitParameters", " FitParams")

#: Scalars of a pulse: our name, and the names there. Masses of the older layout are charges once more.
SCALARS: Final = {
    "mass": (" Dust Mass Estimate", "DustMassEstimate"),
    "speed": (" Velocity Estimate", "VelocityEstimate"),
    "chi2": (" Chi Squared", "ChiSquared"),
    "t10": (" 10pct Time",),
    "t90": (" 90pct Time",),
    "rise_10_90": (" 10-90 Risetime",),
}

#: Stored stretches and shifts above are nanoseconds.
STRETCH_IN_NS: Final = 16.0
SHIFT_IN_NS: Final = 5000.0

COULOMB: Final = 1e12

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
            for name in ("lines", "pulses", "scale", "snr", "particle"):
                event.reasons[name] = "the event has no analysis"
                event.reasons |= {f"pulses.{channel}": "the event has no analysis" for channel in PULSE_NAMES}
            return event
        for name in PULSE_NAMES:
            _pulse(event, analysis, name, generation)
        snr = {name: scalar(analysis.get(f"{theirs} SNR")) for name, theirs in NAMES.items()}
        if generation == "legacy":
            snr["TOF_High"] = scalar(analysis.get("SNR"))
        event.snr = {name: value for name, value in snr.items() if value is not None} or None
        _lines(event, analysis)
        _scale(event, analysis, group)
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
    return name.isdecimal() and name.isascii() and str(int(name)) == name and isinstance(file.get(name), h5py.Group)


def _metadata(event: Event, group: Any) -> None:
    """Read header fields, flags, identity and time."""
    held = group.get("Metadata")
    if not isinstance(held, h5py.Group):
        event.reasons |= dict.fromkeys(("header", "identity", "time", "tt2000"), "the event has no metadata")
        return
    facts = {
        name: plain(one[()]) for name, one in held.items() if isinstance(one, h5py.Dataset) and one.shape is not None
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


def _pulse(event: Event, analysis: Any, name: str, generation: Generation) -> None:
    theirs = NAMES[name]
    parameters = next((v for key in PARAMETERS if (v := numbers(analysis.get(f"{theirs}{key}"))) is not None), None)
    key = f"{theirs} Impact Charge" if generation == "current" else f"{theirs}ImpactCharge"
    charge = scalar(analysis.get(key))
    if parameters is None and charge is None:
        event.reasons[f"pulses.{name}"] = "nothing was fitted in this channel"
        return
    if parameters is not None and parameters.size not in (0, 5, 7):
        event.notes.append(f"{theirs} has {parameters.size} parameters, neither five nor seven")
        parameters = None
    model = IMAGE_PULSE if parameters is not None and parameters.size == 7 else PULSE
    fitted: Floats = np.zeros(0) if parameters is None else parameters
    values = {} if not fitted.size else dict(zip((p[0] for p in model.parameters), fitted.tolist(), strict=True))
    factor, unit = (COULOMB, "pC") if generation == "current" else (1.0, "dN")
    event.pulses[name] = Pulse(
        values, None if charge is None else charge * factor, unit,
        **{ours: _first(analysis, [f"{theirs}{each}" for each in keys]) for ours, keys in SCALARS.items()},
    )  # fmt: skip


def _first(analysis: Any, names: Sequence[str]) -> Any:
    """Return the first number under one of the names; None without one."""
    return next((found for name in names if (found := scalar(analysis.get(name))) is not None), None)


def _lines(event: Event, analysis: Any) -> None:
    """Read lines from the first place that has them."""
    for place in ("DustComposition", "TOF H"):
        group = analysis.get(place)
        table = group.get("MassLines") if isinstance(group, h5py.Group) else None
        if isinstance(table, h5py.Dataset) and table.dtype.names:
            event.lines = [_line(row, table.dtype.names) for row in table[()]]
            return
    masses = analysis.get("TOF H/Masses")
    if not isinstance(masses, h5py.Group):
        return
    event.lines = []
    for name in sorted(masses, key=_leading):
        values = numbers(masses.get(name)) if name.endswith("FitParams") else None
        if values is not None and values.size == 3:
            area = scalar(masses.get(name.replace("FitParams", "AreaUnderFit")))
            mu, sigma, rate = values.tolist()
            event.lines.append(Line(len(event.lines) + 1, mu, sigma, rate, area_in_window=area))
    if event.lines:
        event.notes.append("lines are fits of curves of unit area, whose parameters say nothing about their areas")


def _line(row: Any, names: Sequence[str]) -> Line:
    held = {name: plain(row[name]) for name in names}
    values = {ours: _finite(held.get(theirs)) for ours, theirs in (
        ("mu", "mu"), ("sigma", "sigma"), ("rate", "lam"), ("area", "amplitude"), ("area_in_window", "area"),
        ("mass", "mass"))}  # fmt: skip
    text = held.get("extras") or "{}"
    try:
        extras = json.loads(text)
    except ValueError:
        extras = {"unreadable": text}
    number = held.get("id")
    return Line(number if isinstance(number, int) else 0, **values, species=held.get("assigned_species") or None,
                shape=held.get("shape") or "emg", extras=extras if isinstance(extras, dict) else {})  # fmt: skip


def _scale(event: Event, analysis: Any, group: Any) -> None:
    masses = numbers(group.get("Mass"))
    masses = masses if masses is not None and np.isfinite(masses).any() else None
    for place in ("DustComposition", "TOF H"):
        held = analysis.get(place)
        coefficients = _coefficients(event, held) if isinstance(held, h5py.Group) else []
        if coefficients:
            origin, kappa = (_finite(plain(held.attrs.get(name))) for name in ("MassCalibrationOrigin", "MassKappa"))
            event.scale = MassScale(tuple(coefficients), origin, masses, kappa)
            return
    kappa = scalar(analysis.get("kappa"))
    if masses is not None:
        event.scale = MassScale(None, None, masses, kappa)


def _coefficients(event: Event, group: Any) -> list[float]:
    text = group.attrs.get("MassCalibration")
    if text is not None:
        try:
            return [float(each) for each in json.loads(plain(text))["coeffs"]]
        except (ValueError, KeyError, TypeError):
            event.notes.append("MassCalibration cannot be read")
    shift, stretch = (_finite(plain(group.attrs.get(name))) for name in ("MassShift", "MassStretch"))
    if shift is None or stretch is None:
        return []
    return [shift / 1000 if abs(shift) > SHIFT_IN_NS else shift, stretch / 1000 if stretch > STRETCH_IN_NS else stretch]


def _finite(value: Any) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if number else None


def _leading(name: str) -> float:
    try:
        return float(name.removesuffix("FitParams").removesuffix("AreaUnderFit"))
    except ValueError:
        return math.inf


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
        "snr": "the event has none",
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
