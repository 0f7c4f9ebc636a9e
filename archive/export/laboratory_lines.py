"""Mass lines and mass scale in the HDF5 layouts of the laboratory tool (IDEX science definition, section 21.2)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import h5py
import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex.analysis.overrides import ion_mass
from archive.numerics.shapes import curve

Floats = NDArray[np.float64]

_TEXT = h5py.string_dtype("ascii", 120)

#: The columns of the table ``MassLines``; ``amplitude`` is the total area, ``area`` that within the window.
COLUMNS: Final = np.dtype([
    ("id", "i4"), ("label", _TEXT), ("assigned_species", _TEXT), ("mu", "f8"), ("sigma", "f8"), ("lam", "f8"),
    ("amplitude", "f8"), ("time_start", "f8"), ("time_end", "f8"), ("mass", "f8"), ("assigned_mass", "f8"),
    ("area", "f8"), ("abundance", "f8"), ("shape", _TEXT), ("extras", h5py.string_dtype("ascii", 2048)),
])  # fmt: skip

_SHAPE: Final = ("mu", "sigma", "lambda", "area", "window_start", "window_stop", "mass")
_PARAMETERS: Final = ("area", "mu", "sigma", "lambda")


def write(group: Any, lines: Sequence[Mapping[str, Any]], summary: Mapping[str, Any], t: Floats) -> None:
    """Write the table of lines, their curves, and the mass scale as attributes.

    Parameters
    ----------
    group
        HDF5 group.
    lines, summary
        Rows of the views ``tof_line`` and ``event_summary``.
    t
        Times of the samples, us, shape (samples,).
    """
    group.attrs["MassKappa"] = _known(summary["kappa"])
    group.attrs["MassCalibrationOrigin"] = _known(summary["scale_origin"])
    if summary["coefficients"]:
        group.attrs["MassShift"], group.attrs["MassStretch"] = summary["coefficients"][:2]
        series = {"series_type": "sqrtm_poly", "coeffs": summary["coefficients"], "mass_range_u": [0, 400]}
        group.attrs["MassCalibration"] = json.dumps(series)
    good = [each for each in lines if all(each[name] is not None for name in _PARAMETERS)]
    group["MassLines"] = np.array([_row(each) for each in good], dtype=COLUMNS)
    for each in good:
        inside = (t >= each["window_start"]) & (t <= each["window_stop"])
        fit = group.create_group(f"Fits/line_{each['line']}")
        fit["time"] = t[inside]
        values = [each[name] for name in _PARAMETERS]
        fit["values"] = curve(each["shape"] or "emg", t[inside], values, each["extras"])


def _row(each: Mapping[str, Any]) -> tuple[Any, ...]:
    species = each["species"] or ""
    numbers = [_known(each[name]) for name in _SHAPE]
    mass = ion_mass(species) if species else np.nan
    extras = json.dumps(each["extras"] or {}, sort_keys=True)
    tail = (mass, _known(each["area_in_window"]), _known(each["fraction_of_lines"]), each["shape"] or "emg", extras)
    return (each["line"], species, species, *numbers, *tail)


def write_legacy(group: Any, lines: Sequence[Mapping[str, Any]]) -> None:
    """Write lines as the older layout has them: mu, sigma, lambda by the text of mu, and the area beside it."""
    for each in lines:
        values = [_known(each[name]) for name in ("mu", "sigma", "lambda")]
        if np.isfinite(values).all() and (each["shape"] or "emg") == "emg":
            group[f"{values[0]}FitParams"] = np.array(values)
            group[f"{values[0]}AreaUnderFit"] = np.array([_known(each["area_in_window"])])


def _known(value: float | None) -> float:
    return np.nan if value is None else float(value)
