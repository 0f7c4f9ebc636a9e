"""Reads HDF5 files of the laboratory tool, of either generation, for comparison; nothing is ever changed in them.

IDEX science definition, section 21.2. The generation of an event decides what its charges are: a dataset with a blank
before ``Impact Charge`` is in coulomb, one without, when it is no link, is in raw counts. Names that changed are found
under any of them, what is missing is missing, and what cannot be read is named in the notes. The group ``SpiceData`` of
such files holds random numbers and is never looked at.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import h5py
import numpy as np
from numpy.typing import NDArray

from archive.errors import UnreadableSource
from archive.export.laboratory import NAMES
from archive.store.names import escaped

Floats = NDArray[np.float64]

PULSES: Final = ("Ion Grid", "Target H", "Target L")

#: Other names that parameters of pulses had.
PARAMETERS: Final = ("FitParams", " Fit Parameters", "FitParameters", " FitParams")

#: Scalars of a pulse: our name, and the names there.
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


@dataclass(slots=True)
class LaboratoryPulse:
    """A charge pulse: five or seven parameters, charge with its unit (``pC`` or ``dN``), and scalars by name."""

    parameters: Floats
    charge: float
    unit: str
    scalars: dict[str, float]


@dataclass(slots=True)
class LaboratoryEvent:
    """One event of a file of the laboratory tool.

    Attributes
    ----------
    number
        Name of its group.
    generation
        ``current``, ``legacy``, or ``raw`` when there is nothing to tell by.
    waveforms, times
        By our names of channels, in the unit of the file; ``high`` and ``low`` times in us.
    metadata
        Header fields and flags.
    pulses, lines
        Pulses by our names of channels; rows of the table of lines by column.
    scale
        t0, a1, ... of the mass scale, us; empty without one.
    notes
        What could not be read, and what the file says of itself.
    """

    number: int
    generation: Literal["current", "legacy", "raw"]
    waveforms: dict[str, Floats] = field(default_factory=dict)
    times: dict[str, Floats] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    pulses: dict[str, LaboratoryPulse] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    scale: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read(path: Path) -> Iterator[LaboratoryEvent]:
    """Yield the events of a file in order of their numbers; groups that are no events are passed over.

    Raises
    ------
    UnreadableSource
        When it is no HDF5 file.
    """
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise UnreadableSource(f"{escaped(path)} is no HDF5 file: {error}.", code="source_unreadable") from None
    with file:
        for number in sorted(int(name) for name in file if name.isdecimal()):
            group = file.get(str(number))
            if isinstance(group, h5py.Group):
                yield _event(number, group)


def _event(number: int, group: Any) -> LaboratoryEvent:
    analysis = group.get("Analysis")
    found = LaboratoryEvent(number, _generation(analysis))
    for ours, theirs in NAMES.items():
        _take(found, found.waveforms, ours, group, theirs)
    for ours, theirs in (("high", "Time (high sampling)"), ("low", "Time (low sampling)")):
        _take(found, found.times, ours, group, theirs)
    for name, held in (group.get("Metadata") or {}).items():
        if isinstance(held, h5py.Dataset):
            found.metadata[name] = _plain(held[()])
    if isinstance(analysis, h5py.Group):
        for theirs in PULSES:
            _pulse(found, analysis, theirs)
        _lines(found, analysis)
        for text in _array(analysis.get("Flags/Notes")):
            found.notes.append(_plain(text))
    return found


def _generation(analysis: Any) -> Literal["current", "legacy", "raw"]:
    if not isinstance(analysis, h5py.Group):
        return "raw"
    if any(f"{name} Impact Charge" in analysis for name in PULSES):
        return "current"
    links = [analysis.get(key, getlink=True) for name in PULSES if (key := f"{name}ImpactCharge") in analysis]
    real = any(isinstance(link, h5py.HardLink) for link in links)
    return "legacy" if real or "kappa" in analysis else "raw"


def _take(found: LaboratoryEvent, into: dict[str, Floats], name: str, group: Any, theirs: str) -> None:
    """Read an array of numbers where there is one; note what is there and is none."""
    held = group.get(theirs)
    if held is None:
        return
    values = _numbers(held)
    if values is None:
        found.notes.append(f"{theirs} holds no numbers")
    else:
        into[name] = values


def _pulse(found: LaboratoryEvent, analysis: Any, theirs: str) -> None:
    parameters = next((v for key in PARAMETERS if (v := _numbers(analysis.get(f"{theirs}{key}"))) is not None), None)
    key = f"{theirs} Impact Charge" if found.generation == "current" else f"{theirs}ImpactCharge"
    charge = _scalar(analysis.get(key))
    if parameters is None and charge is None:
        return
    if parameters is not None and parameters.size not in (0, 5, 7):
        found.notes.append(f"{theirs} has {parameters.size} parameters, neither five nor seven")
        parameters = None
    factor, unit = (COULOMB, "pC") if found.generation == "current" else (1.0, "dN")
    scalars: dict[str, float] = {}
    for name, keys in SCALARS.items():
        known = [value for each in keys if (value := _scalar(analysis.get(f"{theirs}{each}"))) is not None]
        if known:
            scalars[name] = known[0]
    ours = next(name for name, shown in NAMES.items() if shown == theirs)
    value = math.nan if charge is None else charge * factor
    found.pulses[ours] = LaboratoryPulse(np.zeros(0) if parameters is None else parameters, value, unit, scalars)


def _lines(found: LaboratoryEvent, analysis: Any) -> None:
    """Read lines and mass scale from the first place that has them."""
    for place in ("DustComposition", "TOF H"):
        group = analysis.get(place)
        if not isinstance(group, h5py.Group):
            continue
        table = group.get("MassLines")
        if isinstance(table, h5py.Dataset) and table.dtype.names and not found.lines:
            found.lines = [{name: _plain(row[name]) for name in table.dtype.names} for row in table[()]]
        if not found.scale:
            found.scale = _scale(found, group)
    masses = analysis.get("TOF H/Masses")
    if isinstance(masses, h5py.Group) and not found.lines:
        for name in sorted(masses, key=_leading):
            values = _numbers(masses.get(name)) if name.endswith("FitParams") else None
            if values is not None and values.size == 3:
                area = _scalar(masses.get(name.replace("FitParams", "AreaUnderFit")))
                row = dict(zip(("mu", "sigma", "lam"), values.tolist(), strict=True))
                found.lines.append({**row, "area": math.nan if area is None else area, "shape": "emg"})


def _scale(found: LaboratoryEvent, group: Any) -> list[float]:
    text = group.attrs.get("MassCalibration")
    if text is not None:
        try:
            return [float(each) for each in json.loads(_plain(text))["coeffs"]]
        except (ValueError, KeyError, TypeError):
            found.notes.append("MassCalibration cannot be read")
    shift, stretch = (_plain(group.attrs.get(name)) for name in ("MassShift", "MassStretch"))
    if not isinstance(shift, float) or not isinstance(stretch, float):
        return []
    return [shift / 1000 if abs(shift) > SHIFT_IN_NS else shift, stretch / 1000 if stretch > STRETCH_IN_NS else stretch]


def _leading(name: str) -> float:
    try:
        return float(name.removesuffix("FitParams").removesuffix("AreaUnderFit"))
    except ValueError:
        return math.inf


def _array(held: Any) -> Any:
    return held[()].ravel() if isinstance(held, h5py.Dataset) and held.shape is not None else []


def _numbers(held: Any) -> Floats | None:
    """Return a dataset of numbers as floats; None when there is none, or it holds no numbers."""
    if not isinstance(held, h5py.Dataset) or held.shape is None or held.dtype.kind not in "iufb":
        return None
    return np.atleast_1d(np.asarray(held[()], dtype=np.float64))


def _scalar(held: Any) -> float | None:
    values = _numbers(held)
    return float(values[0]) if values is not None and values.size else None


def _plain(value: Any) -> Any:
    """Return a value of HDF5 as one of Python: text as text, arrays of one as their element."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray):
        return _plain(value.ravel()[0]) if value.size == 1 else value.tolist()
    return value.item() if isinstance(value, np.generic) else value
