"""Parameters that analysts give: named, complete, and possible (IDEX science definition, section 19)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Parameters that must be positive, and those that cannot be negative.
POSITIVE: Final = ("sigma", "lambda", "rise_time", "discharge_time", "image_time")
NOT_NEGATIVE: Final = ("area",)


def checked(names: Sequence[str], current: Floats, arguments: Mapping[str, Any], free: Sequence[str] = ()) -> Floats:
    """Return parameters with those given in the place of the current ones; refuse what no fit could give.

    Parameters
    ----------
    names, current
        Parameters, and their values now; NaN where unknown.
    arguments
        ``values`` by name.
    free
        Parameters that may have either sign, or none.

    Raises
    ------
    ValueError
        With a sentence that says what is not possible.
    """
    given = dict(arguments.get("values") or {})
    unknown = [name for name in given if name not in names]
    if unknown:
        raise ValueError(f"No parameter is called {unknown[0]!r}; there are {', '.join(names)}.")
    values = np.array([float(given.get(name, now)) for name, now in zip(names, current.tolist(), strict=True)])
    for name, value in zip(names, values.tolist(), strict=True):
        if not math.isfinite(value):
            raise ValueError(f"The parameter {name} has no value yet; give all of {', '.join(names)}.")
        if name in free:
            continue
        if (name in POSITIVE and value <= 0) or (name in NOT_NEGATIVE and value < 0):
            raise ValueError(f"{name} = {value:g} is not possible: it must be positive.")
    return values


def held(
    names: Sequence[str], there: Sequence[str], start: Mapping[str, float], arguments: Mapping[str, Any]
) -> dict[str, float]:
    """Return the parameters to hold, by lmfit's names `there`.

    Raises
    ------
    ValueError
        When one of them is no parameter.
    """
    fixed = list(arguments.get("fixed") or [])
    unknown = [name for name in fixed if name not in names]
    if unknown:
        raise ValueError(f"No parameter is called {unknown[0]!r}; there are {', '.join(names)}.")
    return {b: start[b] for a, b in zip(names, there, strict=True) if a in fixed and b in start}


def within(name: str, value: float, t: Floats) -> None:
    """Refuse a time that no sample is near.

    Raises
    ------
    ValueError
        When it lies outside the record.
    """
    if t.size and not t[0] <= value <= t[-1]:
        raise ValueError(f"{name} = {value:g} us is not possible: the record lasts from {t[0]:g} to {t[-1]:g} us.")


def window_of(arguments: Mapping[str, Any], default: tuple[float, float]) -> tuple[float, float]:
    """Return the window an analyst wants, us; refuse one that ends before it begins."""
    given = arguments.get("window")
    start, stop = (float(each) for each in (given or default))
    if given and not start < stop:
        raise ValueError(f"A window from {start:g} to {stop:g} us is not possible: it must end after it begins.")
    return start, stop


def put(column: Any, where: int, value: Any) -> Any:
    """Return a copy with one row changed."""
    out = column.copy()
    out[where] = value
    return out
