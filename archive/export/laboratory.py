"""Events with their current analyses in the HDF5 layout of the laboratory tool (IDEX science definition, section 21.2).

Groups 1, 2, ... hold one event each. Written are the waveforms in physical units, times, masses, flags and the results
of the current analysis, overrides included; charges are in coulomb there. Positions and speeds of the spacecraft, which
that tool fills with random numbers, are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from archive.catalog import events, fits
from archive.catalog.reference import calibrations_for
from archive.errors import NotFound
from archive.instruments.base import instrument
from archive.model import Channel
from archive.numerics.linefit import line_curve
from archive.numerics.massscale import mass_of
from archive.numerics.pulse import pulse
from archive.store import Home

#: Names of the channels there.
NAMES: Final = {
    "TOF_High": "TOF H", "TOF_Mid": "TOF M", "TOF_Low": "TOF L", "Ion_Grid": "Ion Grid", "Target_High": "Target H",
    "Target_Low": "Target L",
}  # fmt: skip

#: Other names of the same data, which older readers ask for.
LINKS: Final = {"FitParams": (" Fit Parameters", "FitParameters"), " Impact Charge": ("ImpactCharge",),
                " Dust Mass Estimate": ("MassEstimate", "DustMassEstimate")}  # fmt: skip

_TEXT = h5py.string_dtype("ascii", 120)
_LINES = np.dtype([
    ("id", "i4"), ("label", _TEXT), ("assigned_species", _TEXT), ("mu", "f8"), ("sigma", "f8"), ("lam", "f8"),
    ("amplitude", "f8"), ("time_start", "f8"), ("time_end", "f8"), ("mass", "f8"), ("area", "f8"),
    ("abundance", "f8"), ("shape", _TEXT),
])  # fmt: skip

FILL: Final = -32768


def write(conn: Connection, home: Home, event_ids: Iterable[int], path: Path) -> int:
    """Write events into a new HDF5 file; return how many.

    Raises
    ------
    NotFound
        When an event has no readable product or no analysis.
    FileExistsError
        When there is a file already.
    """
    count = 0
    with h5py.File(path, "x") as file:
        for count, event_id in enumerate(event_ids, start=1):
            _event(conn, home, file.create_group(str(count)), events.get(conn, event_id))
    return count


def _event(conn: Connection, home: Home, group: Any, row: Mapping[str, Any]) -> None:
    products = [each for each in events.products(conn, row["id"]) if each["format"] == "hdf5"]
    found = fits.derived(conn, row["id"])
    scale = calibrations_for(conn, row["instrument"], "waveform_scale", row["t"])
    if not products or not found["event_summary"] or scale is None:
        raise NotFound(f"Event {row['identity']} has no readable product, no analysis or no calibration.")
    product = products[0]
    waveforms = instrument(row["instrument"]).waveforms(home.path(product["relpath"]), product["record"], 1)
    channels = {channel.name: channel for channel in waveforms.channels}
    (summary,) = found["event_summary"]
    levels = {each["channel"]: each for each in found["channel_level"]}
    metadata, analysis = group.create_group("Metadata"), group.create_group("Analysis")
    metadata["Epoch"], metadata["Identity"] = row["t"].isoformat(), row["identity"]
    for name, shown in NAMES.items():
        group[shown] = _converted(channels[name], float(scale["values"][name]["factor"]))
        metadata[f"{shown} Saturated"] = bool(levels[name]["saturated"])
        analysis[f"{shown} SNR"] = _one(levels[name]["snr"])
    metadata["AnyChannelSaturated"] = any(each["saturated"] for each in levels.values())
    high, low = (_times(channels[name]) for name in ("TOF_High", "Target_High"))
    group["Time (high sampling)"], group["Time (low sampling)"] = high, low
    coefficients = summary["coefficients"]
    group["Mass"] = mass_of(high - high[0], coefficients) if coefficients else np.full(high.size, np.nan)
    for each in found["pulse"]:
        _pulse(analysis, NAMES[each["channel"]], each, low)
    _lines(analysis.create_group("TOF H"), found["tof_line"], summary, levels["TOF_High"]["robust_baseline"], high)


def _converted(channel: Channel, factor: float) -> NDArray[np.float64]:
    data = channel.data[0]
    return np.where((data == FILL) | ~channel.present[0], np.nan, data * factor)


def _times(channel: Channel) -> NDArray[np.float64]:
    return np.asarray(channel.t0[0] + channel.dt * np.arange(channel.data.shape[1]))


def _one(value: float | None) -> NDArray[np.float64]:
    """Return a number as that layout holds it: an array of length 1, NaN where unknown."""
    return np.array([np.nan if value is None else value])


def _pulse(analysis: Any, name: str, each: Mapping[str, Any], t: NDArray[np.float64]) -> None:
    names = ("time_of_impact", "constant_offset", "amplitude", "rise_time", "discharge_time")
    values = np.array([np.nan if each[key] is None else each[key] for key in names])
    known = bool(np.isfinite(values).all())
    analysis[f"{name}FitParams"] = values if known else np.zeros(0)
    if known:
        analysis[f"{name} Fit Time"], analysis[f"{name} Fit Result"] = t, pulse(t, values)
    charge, mass = each["charge"], each["mass"]
    numbers = {
        " Chi Squared": each["chi2"],
        " Reduced Chi Squared": None if each["chi2"] is None else each["chi2"] / max(1, each["dof"] or 0),
        " 10pct Time": each["t10"],
        " 90pct Time": each["t90"],
        " 10pct Value": each["value10"],
        " 90pct Value": each["value90"],
        " 10-90 Risetime": each["rise_10_90"],
        " Impact Charge": None if charge is None else charge * 1e-12,
        " Dust Mass Estimate": mass,
        " Velocity Estimate": each["speed"],
        " Charge Yield Estimate": charge / mass if charge is not None and mass else None,
    }
    for key, value in numbers.items():
        analysis[f"{name}{key}"] = _one(value)
    for key, others in LINKS.items():
        for other in others:
            analysis[f"{name}{other}"] = h5py.SoftLink(f"{analysis.name}/{name}{key}")


def _lines(
    group: Any, lines: list[dict[str, Any]], summary: Mapping[str, Any], baseline: float | None, t: NDArray[np.float64]
) -> None:
    group.attrs["Baseline"] = np.nan if baseline is None else baseline
    group.attrs["MassKappa"] = np.nan if summary["kappa"] is None else summary["kappa"]
    group.attrs["MassCalibrationOrigin"] = float(t[0])
    if summary["coefficients"]:
        group.attrs["MassShift"], group.attrs["MassStretch"] = summary["coefficients"][:2]
        series = {"series_type": "sqrtm_poly", "coeffs": summary["coefficients"], "mass_range_u": [0, 400]}
        group.attrs["MassCalibration"] = json.dumps(series)
    good = [each for each in lines if each["area"] is not None]
    columns = ("mu", "sigma", "lambda", "area", "window_start", "window_stop", "mass", "area_in_window",
               "fraction_of_lines")  # fmt: skip
    rows = [
        (each["line"], each["species"] or "", each["species"] or "",
         *(np.nan if each[name] is None else each[name] for name in columns), "emg")
        for each in good
    ]  # fmt: skip
    group["MassLines"] = np.array(rows, dtype=_LINES)
    for each in good:
        inside = (t >= each["window_start"]) & (t <= each["window_stop"])
        fit = group.create_group(f"Fits/line_{each['line']}")
        fit["time"] = t[inside]
        fit["values"] = line_curve(t[inside], [[each[name] for name in ("area", "mu", "sigma", "lambda")]])
