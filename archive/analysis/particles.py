"""Speed and mass of particles from a table of charges and rise times, by the calibrations of the archive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from archive.instruments.idex.analysis.particles import curves_of
from archive.numerics.particle import particle, speed_from_ratio

#: What a row must have, and what it may have.
NEEDED: Final = ("charge", "rise_time")
OPTIONAL: Final = ("charge_error", "rise_time_error", "ion_charge")

FOUND: Final = ("speed", "speed_low", "speed_high", "mass", "mass_low", "mass_high", "ratio", "ratio_speed", "status")


def estimate(rows: Sequence[Mapping[str, str]], record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return rows with speed (km/s), mass (kg) and their 68 % ranges added; None where there is none, with a status.

    IDEX science definition, section 13.

    Parameters
    ----------
    rows
        Texts by column: ``charge`` in pC and ``rise_time`` (tau_r, not the 10-90 % time) in us; where known their
        errors, and ``ion_charge`` of the ion grid in pC, which gives a speed by the ratio of charges.
    record
        Calibration ``particle_curves``.

    Raises
    ------
    ValueError
        When a column is missing.
    """
    missing = [name for name in NEEDED if rows and name not in rows[0]]
    if missing:
        raise ValueError(f"The table has no column {missing[0]}; it needs {' and '.join(NEEDED)}.")
    columns = {name: np.array([_number(row.get(name)) for row in rows]) for name in (*NEEDED, *OPTIONAL)}
    curves, law = curves_of(record)
    good = (columns["charge"] > 0) & (columns["rise_time"] > 0)
    charge, rise = (np.where(good, columns[name], np.nan) for name in NEEDED)
    errors = (np.nan_to_num(columns[name]) for name in OPTIONAL[:2])
    charge_error, rise_error = errors
    found = particle(charge, charge_error, rise, rise_error, curves["rise_time"], curves["charge_yield"])
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.abs(columns["ion_charge"]) / charge
    none = np.zeros(charge.shape, dtype=np.bool_)
    by_ratio = speed_from_ratio(columns["ion_charge"], charge, none, law)
    told = []
    for k, row in enumerate(rows):
        values = {name: float(column[k]) for name, column in found._asdict().items()}
        values |= {"ratio": float(ratio[k]), "ratio_speed": float(by_ratio[k])}
        known = {name: value if np.isfinite(value) else None for name, value in values.items()}
        status = "not_positive" if not good[k] else "ok" if known["speed"] is not None else "outside_calibration"
        told.append({**row, **{name: known.get(name) for name in FOUND[:-1]}, "status": status})
    return told


def _number(text: str | None) -> float:
    """Return a cell as a number; NaN where it is empty or none."""
    try:
        return float(text) if text else np.nan
    except ValueError:
        return np.nan
