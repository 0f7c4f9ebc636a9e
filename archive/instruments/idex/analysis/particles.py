"""Charge, speed and mass of the particle of each event (IDEX science definition, section 13)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex.analysis.pulses import Pulse
from archive.model import Rows
from archive.numerics import status as word
from archive.numerics.particle import Curve, Particle, RatioLaw, best_target, particle_mass, speed_from_ratio

Floats = NDArray[np.float64]

MEANING: Final = {
    "not_science": "the event is a noise capture or a pulser event, which has no particle",
    "no_curves": "there is no calibration of speed and charge yield for this time",
    "no_charge": "neither target channel has a charge",
    "saturated": "the channel is saturated, so that its charge is extrapolated",
    "outside_calibration": "neither rise time nor charge ratio give a speed within the calibration",
}

TARGETS: Final = ("Target_High", "Target_Low")


def curves_of(record: Mapping[str, Any]) -> tuple[dict[str, Curve], RatioLaw]:
    """Return the curves and the charge-ratio law of a calibration record."""
    return {name: Curve(**record[name]) for name in ("rise_time", "charge_yield")}, RatioLaw(**record["charge_ratio"])


def particle_rows(
    pulses: Mapping[str, Pulse], found: Mapping[str, Particle], science: NDArray[np.bool_],
    record: Mapping[str, Any] | None,
) -> Rows:  # fmt: skip
    """Return the rows of ``idex.particle_analysis``: the best channel, the best speed and what follows."""
    high, low, grid = (pulses[name] for name in (*TARGETS, "Ion_Grid"))
    charge, which = best_target(
        high.charge, low.charge, high.status & word.SATURATED != 0, low.status & word.SATURATED != 0
    )
    # A saturated channel is better than none, and says so.
    spare = (which < 0) & np.isfinite(low.charge)
    charge, which = np.where(spare, low.charge, charge), np.where(spare, 1, which)
    pick = {name: _picked(which, *(getattr(found[t], name) for t in TARGETS)) for name in Particle._fields}
    grid_saturated = grid.status & word.SATURATED != 0
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.abs(grid.charge) / charge
    ratio_speed = np.full(charge.shape, np.nan)
    if record is not None:
        curves, law = curves_of(record)
        ratio_speed = np.where(science & ~spare, speed_from_ratio(grid.charge, charge, grid_saturated, law), np.nan)
        by_ratio = np.isnan(pick["speed"]) & np.isfinite(ratio_speed)
        pick["speed"] = np.where(by_ratio, ratio_speed, pick["speed"])
        pick["mass"] = np.where(by_ratio, particle_mass(charge, ratio_speed, curves["charge_yield"]), pick["mass"])
    else:
        by_ratio = np.zeros(charge.shape, dtype=np.bool_)
    flags = {
        "not_science": ~science,
        "no_curves": science & (record is None),
        "no_charge": science & np.isnan(charge),
        "saturated": science & spare,
        "outside_calibration": science & np.isfinite(charge) & np.isnan(pick["speed"]) & (record is not None),
    }
    words = [[name for name, flag in flags.items() if flag[k]] for k in range(charge.size)]
    return Rows(
        "idex.particle_analysis",
        "analysis",
        np.arange(charge.size),
        {
            "channel": [TARGETS[i] if i >= 0 else None for i in which],
            "charge": charge,
            "charge_error": _picked(which, high.charge_error, low.charge_error),
            "ratio": ratio,
            "ratio_speed": ratio_speed,
            "speed_source": [
                None if np.isnan(v) else "charge_ratio" if r else "rise_time"
                for v, r in zip(pick["speed"], by_ratio, strict=True)
            ],
            **pick,
            "status": [" ".join(each) or "ok" for each in words],
            "reason": ["; ".join(MEANING[name] for name in each) for each in words],
        },
    )


def _picked(which: NDArray[Any], first: Floats, second: Floats) -> Floats:
    """Return the value of the channel that counts, NaN where none does."""
    return np.where(which == 0, first, np.where(which == 1, second, np.nan))
