"""What an analyst may write as a calibration of IDEX: the default mass scale, within what the instrument can be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from archive.instruments.idex.analysis.settings import MASS_SCALE

#: Where stretches are looked for (IDEX science definition, section 15.3), us per root of u. The record gives the one at
#: its target voltage, which may lie beyond; the one at some voltage of its range may not.
STRETCH: Final = (1.3, 1.6)

#: Least and greatest value: the offset from the fitted impact within a few us, the target voltage within what the
#: supply can give.
LIMITS: Final[Mapping[str, tuple[float, float]]] = {"offset": (-5.0, 5.0), "target_voltage": (100.0, 6000.0)}

#: What may stand beside them: how well they are known, and from how many events.
BESIDE: Final = ("stretch_spread", "offset_spread", "events")


def check(name: str, values: Mapping[str, Any]) -> None:
    """Look at a calibration that an analyst would write.

    Raises
    ------
    ValueError
        In one clause: what is wrong.
    """
    if name != MASS_SCALE:
        raise ValueError(f"only {MASS_SCALE} can be written, not {name}")
    unknown = sorted(set(values) - {"stretch", *LIMITS, *BESIDE, "voltage_range"})
    if unknown:
        raise ValueError(f"{MASS_SCALE} has no value {unknown[0]!r}")
    for each, limits in LIMITS.items():
        _within(values, each, limits)
    for each in BESIDE:
        value = _number(values, each)
        if values.get(each) is not None and (value is None or value < 0):
            raise ValueError(f"{each} must be a number from 0 on, not {values[each]}")
    low, high = _voltages(values.get("voltage_range"))
    nominal = float(values["target_voltage"])
    _within(values, "stretch", (STRETCH[0] * math.sqrt(low / nominal), STRETCH[1] * math.sqrt(high / nominal)))


def _within(values: Mapping[str, Any], name: str, limits: tuple[float, float]) -> None:
    value = _number(values, name)
    if value is None or not limits[0] <= value <= limits[1]:
        raise ValueError(f"{name} must be a number from {limits[0]:.3g} to {limits[1]:.4g}, not {values.get(name)}")


def _voltages(given: Any) -> tuple[float, float]:
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise ValueError(f"voltage_range must be two voltages, not {given}")
    low, high = (_number({"v": each}, "v") for each in given)
    if low is None or high is None or not 0 < low < high:
        raise ValueError(f"voltage_range must be two voltages, the lower one first, not {given}")
    return low, high


def _number(values: Mapping[str, Any], name: str) -> float | None:
    """Return a finite number, None for anything else."""
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
