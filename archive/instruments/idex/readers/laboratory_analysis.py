"""What a laboratory file says of the analysis of an event: pulses, lines, mass scale, of either generation (21.2)."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, Final, Literal

import h5py
import numpy as np

from archive.instruments.idex.analysis.settings import IMAGE_PULSE, PULSE
from archive.instruments.idex.readers.event import Event, Floats, Line, MassScale, Pulse, Waveform
from archive.instruments.idex.readers.hdf5 import numbers, plain, scalar
from archive.instruments.idex.readers.laboratory_names import NAMES

Generation = Literal["current", "legacy", "raw"]

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

#: What else is said of a pulse.
FURTHER: Final = (
    "10pct Value", "90pct Value", "Reduced Chi Squared", "Charge Yield Estimate", "Velocity From Rise",
    "Velocity From Ratio", "Collection Efficiency", "Velocity Source",
)  # fmt: skip

#: Stored stretches and shifts above are nanoseconds.
STRETCH_IN_NS: Final = 16.0
SHIFT_IN_NS: Final = 5000.0

COULOMB: Final = 1e12


def attribute(group: Any, name: str) -> float | None:
    """Return a number among the attributes of a group; None without one."""
    return finite(plain(group.attrs.get(name))) if isinstance(group, h5py.Group) else None


def value_of(held: Any) -> Any:
    """Return what a dataset holds as a value of Python; None without one, and for a number that is not finite."""
    if not isinstance(held, h5py.Dataset) or held.shape is None:
        return None
    value = plain(held[()])
    return None if value == "" or (isinstance(value, float) and not math.isfinite(value)) else value


def take_pulse(event: Event, analysis: Any, name: str, generation: Generation) -> None:
    """Give an event the pulse of a channel, or the reason why there is none."""
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
        curve=_curve(analysis, theirs, unit),
        more={each: found for each in FURTHER if (found := value_of(analysis.get(f"{theirs} {each}"))) is not None},
        **{ours: _first(analysis, [f"{theirs}{each}" for each in keys]) for ours, keys in SCALARS.items()},
    )  # fmt: skip


def _curve(analysis: Any, theirs: str, unit: str) -> Waveform | None:
    values, t = numbers(analysis.get(f"{theirs} Fit Result")), numbers(analysis.get(f"{theirs} Fit Time"))
    if values is None or not np.isfinite(values).any():
        return None
    return Waveform(values, unit, t if t is not None and t.shape == values.shape else None, None)


def take_merged(event: Event, analysis: Any) -> None:
    """Give an event the record merged from the gains, and its signal-to-noise ratio."""
    dust = analysis.get("DustComposition")
    held = dust if isinstance(dust, h5py.Group) else {}
    values, t = numbers(held.get("CombinedSignal")), numbers(held.get("CombinedTime"))
    if values is None or not np.isfinite(values).any():
        event.reasons["merged"] = "the event has no merged record"
        return
    tof = event.waveforms["TOF_High"]
    unit = None if tof is None else tof.unit
    event.merged = Waveform(values, unit, t if t is not None and t.shape == values.shape else None, None)
    ratio = attribute(dust, "CombinedSNR")
    if ratio is not None:
        event.snr = (event.snr or {}) | {"merged": ratio}


def _first(analysis: Any, names: Sequence[str]) -> Any:
    """Return the first number under one of the names; None without one."""
    return next((found for name in names if (found := scalar(analysis.get(name))) is not None), None)


def take_lines(event: Event, analysis: Any) -> None:
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
    values = {ours: finite(held.get(theirs)) for ours, theirs in (
        ("mu", "mu"), ("sigma", "sigma"), ("rate", "lam"), ("area", "amplitude"), ("area_in_window", "area"),
        ("mass", "mass"))}  # fmt: skip
    text = held.get("extras") or "{}"
    try:
        extras = json.loads(text)
    except ValueError:
        extras = {"unreadable": text}
    number, start, stop = held.get("id"), finite(held.get("time_start")), finite(held.get("time_end"))
    return Line(
        number if isinstance(number, int) else 0, **values, species=held.get("assigned_species") or None,
        shape=held.get("shape") or "emg", extras=extras if isinstance(extras, dict) else {},
        window=None if start is None or stop is None else (start, stop), fraction=finite(held.get("abundance")),
    )  # fmt: skip


def take_scale(event: Event, analysis: Any, group: Any) -> None:
    """Give an event its mass scale: coefficients, or the masses of the samples alone."""
    masses = numbers(group.get("Mass"))
    masses = masses if masses is not None and np.isfinite(masses).any() else None
    for place in ("DustComposition", "TOF H"):
        held = analysis.get(place)
        coefficients = _coefficients(event, held) if isinstance(held, h5py.Group) else []
        if coefficients:
            origin, kappa = (finite(plain(held.attrs.get(name))) for name in ("MassCalibrationOrigin", "MassKappa"))
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
    shift, stretch = (finite(plain(group.attrs.get(name))) for name in ("MassShift", "MassStretch"))
    if shift is None or stretch is None:
        return []
    return [shift / 1000 if abs(shift) > SHIFT_IN_NS else shift, stretch / 1000 if stretch > STRETCH_IN_NS else stretch]


def finite(value: Any) -> float | None:
    """Return a number as float; None for one that is not finite, or no number."""
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if number else None


def _leading(name: str) -> float:
    try:
        return float(name.removesuffix("FitParams").removesuffix("AreaUnderFit"))
    except ValueError:
        return math.inf
