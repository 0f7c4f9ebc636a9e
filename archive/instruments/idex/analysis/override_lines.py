"""Lines of the mass spectrum as analysts want them: set, refitted, added, removed, of any shape."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex.analysis.correlated import error_factors
from archive.instruments.idex.analysis.parameters import checked, held, put, window_of, within
from archive.instruments.idex.analysis.settings import LINE, SHAPES, TOF
from archive.instruments.idex.analysis.spectrum import Spectrum
from archive.model import Override
from archive.numerics import models, shapes
from archive.numerics import status as word
from archive.numerics.emg import emg_jacobian
from archive.numerics.shapes import curve, profile_of

Floats = NDArray[np.float64]

NAMES: Final = tuple(name for name, _, _ in LINE.parameters)

#: Shapes whose fourth parameter may have either sign or means nothing.
FREE_RATE: Final = ("double_emg", "gaussian", "lorentzian", "hyper_emg")


def change(spectrum: Spectrum, event: int, each: Override) -> Spectrum:
    """Return the spectrum with one line set or refitted."""
    where = find(spectrum, event, each)
    shape, extras = _shape_of(spectrum, where, each.arguments)
    now = _converted(spectrum.fits.values[where], spectrum.shape[where], shape)
    values = checked(NAMES, now, each.arguments, ("lambda",) if shape in FREE_RATE else ())
    window = window_of(each.arguments, (float(spectrum.start[where]), float(spectrum.stop[where])))
    others = np.flatnonzero((spectrum.fits.record == event) & (np.arange(spectrum.number.size) != where))
    return _with_line(spectrum, where, event, values, window, each, others, shape, extras)


def add(spectrum: Spectrum, event: int, each: Override) -> Spectrum:
    """Return the spectrum with a line more: a window is enough, start values help."""
    if each.channel not in (None, TOF) or "window" not in each.arguments:
        raise ValueError("A line is added to the channel TOF, and needs a window.")
    mine = spectrum.fits.record == event
    number = each.line or int(spectrum.number[mine].max(initial=0)) + 1
    if number in spectrum.number[mine]:
        raise ValueError(f"There is a line {number} already.")
    grown = _grown(spectrum, event, number)
    where = grown.number.size - 1
    shape, extras = _shape_of(grown, where, each.arguments)
    given = each.arguments.get("values")
    free = ("lambda",) if shape in FREE_RATE else ()
    values = checked(NAMES, np.full(4, np.nan), each.arguments, free) if given else np.full(4, np.nan)
    window = window_of(each.arguments, (math.nan, math.nan))
    grown = _with_line(grown, where, event, values, window, each, np.flatnonzero(mine), shape, extras)
    return take(grown, np.lexsort((grown.fits.values[:, 1], grown.fits.record)))


def find(spectrum: Spectrum, event: int, each: Override) -> int:
    """Return where the line of an override stands."""
    where = np.flatnonzero((spectrum.fits.record == event) & (spectrum.number == (each.line or 0)))
    if each.channel not in (None, TOF) or not where.size:
        raise ValueError(f"There is no line {each.line} in channel {each.channel or TOF}.")
    return int(where[0])


def take(spectrum: Spectrum, order: NDArray[np.int64]) -> Spectrum:
    """Return the spectrum with these of its lines, in this order."""
    fits = spectrum.fits._replace(**{name: getattr(spectrum.fits, name)[order] for name in spectrum.fits._fields})
    columns = {name: getattr(spectrum, name)[order] for name in ("errors", "start", "stop", "gain", "number")}
    lists: dict[str, Any] = {
        name: [getattr(spectrum, name)[i] for i in order] for name in ("origin", "shape", "extras")
    }
    return spectrum._replace(fits=fits, **columns, **lists)


def _shape_of(spectrum: Spectrum, where: int, arguments: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the shape an analyst wants, with its extras; the present one where nothing is said."""
    shape = arguments.get("model") or spectrum.shape[where]
    known = (LINE.name, *(each.name for each in SHAPES))
    if shape not in known:
        raise ValueError(f"No line shape is called {shape!r}; there are {', '.join(known)}.")
    kept = spectrum.extras[where] if shape == spectrum.shape[where] else {}
    extras = {**kept, **(arguments.get("extras") or {})}
    wrong = [name for name in ("weight", "weights_left", "weights_right") if _outside(extras.get(name, 0.0))]
    if wrong:
        raise ValueError(f"{wrong[0]} = {extras[wrong[0]]} is not possible: a weight lies between 0 and 1.")
    return shape, extras


def _outside(weight: Any) -> bool:
    values = weight if isinstance(weight, Sequence) else [weight]
    return not all(isinstance(each, (int, float)) and 0 <= each <= 1 for each in values)


def _converted(values: Floats, before: str, shape: str) -> Floats:
    """Return the parameters of a line in another shape, as near as they come; its fourth one changes its meaning."""
    if shape == before:
        return values
    area, mu, sigma, lam = values.tolist()
    tail = 1 / lam if before == LINE.name and lam > 0 else sigma
    wide = math.hypot(sigma, tail)
    rate = {"emg": 1 / tail if tail > 0 else math.nan, "voigt": tail, "double_emg": tail, "generalized_normal": 2.0}
    return np.array([area, mu, wide if shape in ("gaussian", "lorentzian") else sigma, rate.get(shape, 1.0)])


def _curves(spectrum: Spectrum, t: Floats, which: NDArray[np.int64]) -> Floats:
    """Return the sum of some lines at times; those without a result are left out."""
    total = np.zeros(t.shape)
    for i in which:
        values = spectrum.fits.values[i]
        if np.isfinite(values).all():
            total += curve(spectrum.shape[i], t, values.tolist(), spectrum.extras[i])
    return total


def _with_line(
    spectrum: Spectrum, where: int, event: int, values: Floats, window: tuple[float, float], each: Override,
    others: NDArray[np.int64], shape: str, extras: dict[str, Any],
) -> Spectrum:  # fmt: skip
    """Return the spectrum with one line as an analyst wants it; its neighbours are taken off before a refit."""
    inside = (spectrum.t[event] >= window[0]) & (spectrum.t[event] <= window[1])
    if not inside.any():
        raise ValueError(f"No sample lies between {window[0]:g} and {window[1]:g} us.")
    t, sigma = spectrum.t[event, inside], spectrum.merged.sigma[event, inside]
    y = spectrum.merged.signal[event, inside] - _curves(spectrum, t, others)
    errors = np.full(4, np.nan)
    if each.action != "set" and np.isfinite(y).any():
        values, errors = _refit(t, y, sigma, values, each, shape, extras, float(spectrum.correlation[event]))
    within("mu", float(values[1]), spectrum.t[event])
    shapes.check_extras(shape, float(values[2]), float(values[3]), extras)
    profile = profile_of(shape, values.tolist(), extras)
    rest = (y - curve(shape, t, values.tolist(), extras)) / sigma
    chi2, used = float(np.nansum(rest**2)), int(np.isfinite(rest).sum())
    top = int(np.argmin(np.abs(spectrum.t[event] - profile.mode)))
    new = {
        "values": values,
        "chi2": chi2,
        "redchi": chi2 / max(1, used - 4),
        "dof": max(0, used - 4),
        "area_in_window": shapes.area_between(shape, float(t[0]), float(t[-1]), values.tolist(), extras),
        "mode": profile.mode,
        "height": profile.height,
        "fwhm": profile.fwhm,
        "snr": profile.height / spectrum.merged.sigma[event, top],
        "status": word.OVERRIDE | (spectrum.fits.status[where] & word.SATURATED),
    }
    fits = spectrum.fits._replace(**{name: put(getattr(spectrum.fits, name), where, v) for name, v in new.items()})
    lists = {"origin": "override", "shape": shape, "extras": extras}
    return spectrum._replace(
        fits=fits,
        errors=put(spectrum.errors, where, errors),
        start=put(spectrum.start, where, t[0]),
        stop=put(spectrum.stop, where, t[-1]),
        gain=put(spectrum.gain, where, int(spectrum.merged.source[event, top])),
        **{name: put(getattr(spectrum, name), where, value) for name, value in lists.items()},
    )


def _refit(
    t: Floats, y: Floats, sigma: Floats, values: Floats, each: Override, shape: str, extras: dict[str, Any],
    correlation: float,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Return values and errors of a refit from the given values."""
    start = {n: v for n, v in zip(models.LINE, values.tolist(), strict=True) if math.isfinite(v)}
    fixed = held(NAMES, models.LINE, start, each.arguments)
    if shape == LINE.name:
        found = models.refit_line(t, y, start=start, fixed=fixed, sigma=sigma)
    else:
        found = models.refit_shape(t, y, shape, extras, start=start, fixed=fixed, sigma=sigma)
    best = np.array([found.best_values[name] for name in models.LINE])
    deviations = dict(zip(found.var_names, np.sqrt(np.diagonal(found.covar)), strict=True)) if found.errorbars else {}
    errors = np.array([0.0 if name in fixed else deviations.get(name, math.nan) for name in models.LINE])
    free = [name in deviations for name in models.LINE]
    if any(free):
        rows = emg_jacobian(t, *best) if shape == LINE.name else models.shape_derivatives(t, best, shape, extras)
        rows = rows[:, free] / sigma[:, None]
        errors[free] *= error_factors(rows[np.isfinite(rows).all(axis=1)], correlation)
    return best, errors


def _grown(spectrum: Spectrum, event: int, number: int) -> Spectrum:
    """Return the spectrum with an empty line at the end."""
    fits = spectrum.fits
    empty: Callable[[Any], Any] = lambda column: np.concatenate([column, _nothing(column)])  # noqa: E731
    grown = fits._replace(**{name: empty(getattr(fits, name)) for name in fits._fields})
    grown = grown._replace(record=np.append(fits.record, event), window=np.append(fits.window, -1))
    columns = {name: empty(getattr(spectrum, name)) for name in ("errors", "start", "stop", "gain")}
    return spectrum._replace(
        fits=grown, number=np.append(spectrum.number, number), origin=[*spectrum.origin, "override"],
        shape=[*spectrum.shape, LINE.name], extras=[*spectrum.extras, {}], **columns,
    )  # fmt: skip


def _nothing(column: NDArray[Any]) -> NDArray[Any]:
    """Return one row like those of `column` without values."""
    return np.full((1, *column.shape[1:]), math.nan if column.dtype.kind == "f" else 0, dtype=column.dtype)
