"""Charge pulses as analysts want them: five parameters, or seven with image charge, set or refitted."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex.analysis.correlated import correlated_covariance
from archive.instruments.idex.analysis.parameters import checked, held, put, window_of, within
from archive.instruments.idex.analysis.pulses import Pulse, draw, pulse_jacobian
from archive.instruments.idex.analysis.settings import IMAGE_PULSE, PULSE
from archive.model import Override
from archive.numerics import models
from archive.numerics import status as word
from archive.numerics.pulse import charge_error, impact_charge

Floats = NDArray[np.float64]

FIVE: Final = tuple(name for name, _, _ in PULSE.parameters)
SEVEN: Final = tuple(name for name, _, _ in IMAGE_PULSE.parameters)

#: Where the five stand among the seven: the impact part of the pulse.
IMPACT: Final = [SEVEN.index(name) for name in FIVE]


def change(old: Pulse, event: int, each: Override) -> Pulse:
    """Return the pulses of a channel with that of one event set or refitted.

    Raises
    ------
    ValueError
        When the override is impossible.
    """
    model = each.arguments.get("model") or PULSE.name
    if model not in (PULSE.name, IMAGE_PULSE.name):
        raise ValueError(f"No pulse is called {model!r}; there are {PULSE.name} and {IMAGE_PULSE.name}.")
    seven = model == IMAGE_PULSE.name
    names = SEVEN if seven else FIVE
    t = old.record.t[event]
    values = checked(names, _current(old, event) if seven else old.values[event], each.arguments)
    within("time_of_impact", float(values[0]), t)
    positive = each.channel != "Ion_Grid"
    if positive and values[names.index("amplitude")] < 0:
        raise ValueError("A negative amplitude is not possible: only the ion grid has negative pulses.")
    start, stop = window_of(each.arguments, (float(old.start[event]), float(old.stop[event])))
    covariance = np.full((len(names), len(names)), np.nan)
    if each.action == "refit":
        values, covariance = _refit(old, event, each, values, (start, stop), seven)
    errors = np.sqrt(np.diagonal(covariance))
    image = {k: held_ for k, held_ in old.image.items() if k != event}
    if seven:
        image[event] = (values.tolist(), errors.tolist())
        values, errors, covariance = values[IMPACT], errors[IMPACT], covariance[np.ix_(IMPACT, IMPACT)]
    return old._replace(
        values=put(old.values, event, values),
        errors=put(old.errors, event, errors),
        charge=put(old.charge, event, float(impact_charge(values))),
        charge_error=put(old.charge_error, event, float(charge_error(values, covariance))),
        charge_limit=put(old.charge_limit, event, math.nan),
        status=put(old.status, event, word.OVERRIDE | (old.status[event] & word.SATURATED)),
        origin=[*old.origin[:event], "override", *old.origin[event + 1 :]],
        start=put(old.start, event, start),
        stop=put(old.stop, event, stop),
        image=image,
    )


def _current(old: Pulse, event: int) -> Floats:
    """Return the seven parameters now: the five with no image charge where there is none yet."""
    if event in old.image:
        return np.array(old.image[event][0])
    t0, offset, amplitude, rise, discharge = old.values[event].tolist()
    return np.array([t0, offset, 0.0, amplitude, rise, rise, discharge])


def _refit(
    old: Pulse, event: int, each: Override, values: Floats, window: tuple[float, float], seven: bool
) -> tuple[Floats, Floats]:
    """Return the values of a refit within a window, and their covariance with the correlation of the noise."""
    record = old.record
    inside = (record.t[event] >= window[0]) & (record.t[event] <= window[1])
    used = np.isfinite(record.y[event]) & ~record.mask[event] & inside
    t, y = record.t[event, used], record.y[event, used]
    there, names = (models.IMAGE_PULSE, SEVEN) if seven else (models.PULSE, FIVE)
    if t.size <= len(names):
        raise ValueError(f"{t.size} usable samples between {window[0]:g} and {window[1]:g} us are too few for a pulse.")
    start = dict(zip(there, values.tolist(), strict=True))
    fixed = held(names, there, start, each.arguments)
    positive = each.channel != "Ion_Grid"
    if seven:
        found: Any = models.refit_image_pulse(t, y, positive=positive, start=start, fixed=fixed)
    else:
        found = models.refit_pulse(t, y, positive=positive, start=start, fixed=fixed)
    best = np.array([found.best_values[name] for name in there])
    free = [name not in fixed for name in there]
    scale = float(np.sum((y - draw(t, best.tolist())) ** 2)) / max(1, t.size - sum(free))
    rows = models.image_pulse_derivatives(t, best) if seven else pulse_jacobian(t, best)
    spread = correlated_covariance(rows[:, free], float(np.nan_to_num(old.correlation[event])))
    covariance = np.zeros((best.size, best.size))
    covariance[np.ix_(free, free)] = scale * spread if spread is not None else np.nan
    return best, covariance
