"""What analysts say against fits, put into effect: set or refitted values, lines added and removed, ions, anchors.

IDEX science definition, sections 15.6 and 19. The automatic result goes in, the effective one comes out; what follows
from fits is computed from the effective ones, in the same way as from automatic ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex.analysis.correlated import correlated_covariance, error_factors
from archive.instruments.idex.analysis.pulses import Pulse, pulse_jacobian
from archive.instruments.idex.analysis.settings import LINE, PULSE, PULSES, TOF
from archive.instruments.idex.analysis.spectrum import UNTRUSTED, Masses, Spectrum, name_lines
from archive.model import Override
from archive.numerics import comb, massscale, models
from archive.numerics import status as word
from archive.numerics.emg import emg_area, emg_jacobian, emg_profile
from archive.numerics.linefit import line_curve
from archive.numerics.pulse import charge_error, impact_charge, pulse
from archive.numerics.species import mass as formula_mass

Floats = NDArray[np.float64]

#: Names of the parameters here and in lmfit's models, in their order.
LINE_NAMES: Final = tuple(name for name, _, _ in LINE.parameters)
PULSE_NAMES: Final = tuple(name for name, _, _ in PULSE.parameters)
#: Parameters that must be positive, and those that cannot be negative.
POSITIVE: Final = ("sigma", "lambda", "rise_time", "discharge_time")
NOT_NEGATIVE: Final = ("area",)


@dataclass(slots=True)
class State:
    """What may be overridden of ``n`` events."""

    pulses: dict[str, Pulse]
    spectrum: Spectrum


def put_into_effect(state: State, overrides: Sequence[Sequence[Override]]) -> State:
    """Return fits as analysts want them: actions ``set``, ``refit``, ``add`` and ``remove``.

    Raises
    ------
    ValueError
        When an override is impossible, with a sentence that says why.
    """
    for event, words in enumerate(overrides):
        for each in words:
            if each.action in ("set", "refit"):
                change = _pulse if each.channel in PULSES else _line
                change(state, event, each)
            elif each.action == "add":
                _add(state, event, each)
            elif each.action == "remove":
                where = _find(state.spectrum, event, each)
                state.spectrum = take(state.spectrum, np.delete(np.arange(state.spectrum.number.size), where))
    return state


def _pulse(state: State, event: int, each: Override) -> None:
    """Set or refit the pulse of one channel."""
    assert each.channel is not None
    old = state.pulses[each.channel]
    values = checked(PULSE_NAMES, old.values[event], each.arguments)
    errors, status = np.full(5, np.nan), word.OVERRIDE
    covariance = np.full((5, 5), np.nan)
    if each.action == "refit":
        record = old.record
        used = np.isfinite(record.y[event]) & ~record.mask[event]
        t, y = record.t[event, used], record.y[event, used]
        start = dict(zip(models.PULSE, values.tolist(), strict=True))
        held = _held(PULSE_NAMES, models.PULSE, start, each.arguments)
        found = models.refit_pulse(t, y, positive=each.channel != "Ion_Grid", start=start, fixed=held)
        values = np.array([found.best_values[name] for name in models.PULSE])
        free = [name not in held for name in models.PULSE]
        rest = y - pulse(t, values)
        scale = float(np.sum(rest**2)) / max(1, t.size - sum(free))
        correlation = float(np.nan_to_num(old.correlation[event]))
        there = correlated_covariance(pulse_jacobian(t, values)[:, free], correlation)
        covariance = np.zeros((5, 5))
        covariance[np.ix_(free, free)] = scale * there if there is not None else np.nan
        errors = np.sqrt(np.diagonal(covariance))
    state.pulses[each.channel] = old._replace(
        values=_put(old.values, event, values),
        errors=_put(old.errors, event, errors),
        charge=_put(old.charge, event, float(impact_charge(values))),
        charge_error=_put(old.charge_error, event, float(charge_error(values, covariance))),
        charge_limit=_put(old.charge_limit, event, math.nan),
        status=_put(old.status, event, status | (old.status[event] & word.SATURATED)),
        origin=[*old.origin[:event], "override", *old.origin[event + 1 :]],
    )


def _line(state: State, event: int, each: Override) -> None:
    """Set or refit one line."""
    spectrum = state.spectrum
    where = _find(spectrum, event, each)
    values = checked(LINE_NAMES, spectrum.fits.values[where], each.arguments)
    window = each.arguments.get("window") or (float(spectrum.start[where]), float(spectrum.stop[where]))
    others = (spectrum.fits.record == event) & (np.arange(spectrum.number.size) != where)
    state.spectrum = _with_line(spectrum, where, event, values, window, each, spectrum.fits.values[others])


def _add(state: State, event: int, each: Override) -> None:
    """Add a line: a window is enough, start values help."""
    spectrum = state.spectrum
    if each.channel not in (None, TOF) or "window" not in each.arguments:
        raise ValueError("A line is added to the channel TOF, and needs a window.")
    mine = spectrum.fits.record == event
    number = each.line or int(spectrum.number[mine].max(initial=0)) + 1
    if number in spectrum.number[mine]:
        raise ValueError(f"There is a line {number} already.")
    grown = _grown(spectrum, event, number)
    where = grown.number.size - 1
    given = each.arguments.get("values")
    values = checked(LINE_NAMES, np.full(4, np.nan), each.arguments) if given else np.full(4, np.nan)
    grown = _with_line(grown, where, event, values, each.arguments["window"], each, spectrum.fits.values[mine])
    state.spectrum = take(grown, np.lexsort((grown.fits.values[:, 1], grown.fits.record)))


def _with_line(
    spectrum: Spectrum, where: int, event: int, values: Floats, window: Sequence[float], each: Override, others: Floats
) -> Spectrum:
    """Return the spectrum with one line as an analyst wants it; its neighbours are taken off before a refit."""
    inside = (spectrum.t[event] >= window[0]) & (spectrum.t[event] <= window[1])
    if not inside.any():
        raise ValueError(f"No sample lies between {window[0]:g} and {window[1]:g} us.")
    t, sigma = spectrum.t[event, inside], spectrum.merged.sigma[event, inside]
    others = others[np.isfinite(others).all(axis=1)]
    y = spectrum.merged.signal[event, inside] - (line_curve(t, others) if others.size else 0.0)
    errors = np.full(4, np.nan)
    if each.action != "set" and np.isfinite(y).any():
        start = {n: v for n, v in zip(models.LINE, values.tolist(), strict=True) if math.isfinite(v)}
        held = _held(LINE_NAMES, models.LINE, start, each.arguments)
        found = models.refit_line(t, y, start=start, fixed=held, sigma=sigma)
        values = np.array([found.best_values[name] for name in models.LINE])
        deviations = (
            dict(zip(found.var_names, np.sqrt(np.diagonal(found.covar)), strict=True)) if found.errorbars else {}
        )
        errors = np.array([0.0 if name in held else deviations.get(name, math.nan) for name in models.LINE])
        free = [name not in held for name in models.LINE]
        rows = emg_jacobian(t, *values)[:, free] / sigma[:, None]
        errors[free] *= error_factors(rows[np.isfinite(rows).all(axis=1)], float(spectrum.correlation[event]))
    profile = emg_profile(*values)
    rest = (y - line_curve(t, values[None])) / sigma
    chi2, used = float(np.nansum(rest**2)), int(np.isfinite(rest).sum())
    top = int(np.argmin(np.abs(spectrum.t[event] - float(profile.mode))))
    fits = spectrum.fits._replace(
        values=_put(spectrum.fits.values, where, values),
        chi2=_put(spectrum.fits.chi2, where, chi2),
        redchi=_put(spectrum.fits.redchi, where, chi2 / max(1, used - 4)),
        dof=_put(spectrum.fits.dof, where, max(0, used - 4)),
        area_in_window=_put(spectrum.fits.area_in_window, where, float(emg_area(t[0], t[-1], *values))),
        mode=_put(spectrum.fits.mode, where, float(profile.mode)),
        height=_put(spectrum.fits.height, where, float(profile.height)),
        fwhm=_put(spectrum.fits.fwhm, where, float(profile.fwhm)),
        snr=_put(spectrum.fits.snr, where, float(profile.height / spectrum.merged.sigma[event, top])),
        status=_put(spectrum.fits.status, where, word.OVERRIDE | (spectrum.fits.status[where] & word.SATURATED)),
    )
    origin = [*spectrum.origin[:where], "override", *spectrum.origin[where + 1 :]]
    return spectrum._replace(
        fits=fits,
        errors=_put(spectrum.errors, where, errors),
        start=_put(spectrum.start, where, t[0]),
        stop=_put(spectrum.stop, where, t[-1]),
        gain=_put(spectrum.gain, where, int(spectrum.merged.source[event, top])),
        origin=origin,
    )


def weigh_anew(
    masses: Masses, spectrum: Spectrum, overrides: Sequence[Sequence[Override]], default: Mapping[str, Any] | None
) -> Masses:
    """Return masses and ions as analysts want them: actions ``anchors`` and ``species``.

    Raises
    ------
    ValueError
        When an override is impossible.
    """
    for event, words in enumerate(overrides):
        mine = np.flatnonzero(spectrum.fits.record == event)
        for each in words:
            if each.action == "anchors":
                _anchor(masses, spectrum, event, mine, each.arguments, default)
        for each in words:
            if each.action == "species":
                where = _find(spectrum, event, each)
                name = str(each.arguments["species"])
                ion_mass(name)
                masses.species[where], masses.species_origin[where], masses.unique[where] = name, "override", True
    return masses


def _anchor(
    masses: Masses, spectrum: Spectrum, event: int, mine: NDArray[np.int64], arguments: Mapping[str, Any],
    default: Mapping[str, Any] | None,
) -> None:  # fmt: skip
    """Fix the mass scale of one event by lines whose ion is known."""
    start = float(spectrum.t[event, 0])
    times, known = [], []
    for line, name in dict(arguments["lines"]).items():
        where = [i for i in mine if spectrum.number[i] == int(line)]
        if not where or not math.isfinite(spectrum.fits.values[where[0], 1]):
            raise ValueError(f"There is no fitted line {line} to anchor the mass scale at.")
        times.append(float(spectrum.fits.values[where[0], 1]) - start)
        known.append(ion_mass(str(name)))
    old = masses.scales[event].coefficients
    stretch = float(old[1]) if np.isfinite(old).all() else float((default or {"stretch": 1.45})["stretch"])
    coefficients = massscale.anchor_scale(times, known, stretch)
    since = spectrum.fits.values[mine, 1] - start
    masses.scales[event] = masses.scales[event]._replace(coefficients=coefficients, default=False)
    masses.mass[mine] = massscale.mass_of(since, coefficients)
    masses.mass_error[mine] = massscale.mass_error(masses.mass[mine], coefficients, spectrum.errors[mine, 1])
    named, unique = name_lines(masses.mass[mine], masses.mass_error[mine])
    for place, name, alone in zip(mine, named, unique, strict=True):
        masses.species[place], masses.unique[place] = name, alone
        masses.species_origin[place] = None if name is None else "automatic"
    masses.words[event] = [name for name in masses.words[event] if name not in (*UNTRUSTED, "not_science")]
    masses.words[event].append("anchored")


def sensitivity_sets(
    default: str, overrides: Sequence[Sequence[Override]], known: Mapping[str, Any]
) -> list[str | None]:
    """Return the set of sensitivity factors of each event: action ``sensitivity``, else the default."""
    chosen: list[str | None] = []
    for words in overrides:
        name: str | None = default
        for each in words:
            if each.action == "sensitivity":
                name = each.arguments.get("set")
                if name is not None and name not in known:
                    raise ValueError(f"No set of sensitivity factors is called {name!r}; there are {', '.join(known)}.")
        chosen.append(name)
    return chosen


def ion_mass(name: str) -> float:
    """Return the mass of an ion by its name in the reference comb, or by its formula, u."""
    return comb.REFERENCE[name] if name in comb.REFERENCE else formula_mass(name)


def checked(names: Sequence[str], current: Floats, arguments: Mapping[str, Any]) -> Floats:
    """Return parameters with those given in the place of the current ones; refuse what no fit could give."""
    given = dict(arguments.get("values") or {})
    unknown = [name for name in given if name not in names]
    if unknown:
        raise ValueError(f"No parameter is called {unknown[0]!r}; there are {', '.join(names)}.")
    values = np.array([float(given.get(name, now)) for name, now in zip(names, current.tolist(), strict=True)])
    for name, value in zip(names, values.tolist(), strict=True):
        if not math.isfinite(value):
            raise ValueError(f"The parameter {name} has no value yet; give all of {', '.join(names)}.")
        if (name in POSITIVE and value <= 0) or (name in NOT_NEGATIVE and value < 0):
            raise ValueError(f"{name} = {value:g} is not possible: it must be positive.")
    return values


def _held(
    names: Sequence[str], there: Sequence[str], start: Mapping[str, float], arguments: Mapping[str, Any]
) -> dict[str, float]:
    """Return the parameters to hold, by lmfit's names."""
    fixed = list(arguments.get("fixed") or [])
    unknown = [name for name in fixed if name not in names]
    if unknown:
        raise ValueError(f"No parameter is called {unknown[0]!r}; there are {', '.join(names)}.")
    return {b: start[b] for a, b in zip(names, there, strict=True) if a in fixed and b in start}


def _find(spectrum: Spectrum, event: int, each: Override) -> int:
    """Return where the line of an override stands."""
    where = np.flatnonzero((spectrum.fits.record == event) & (spectrum.number == (each.line or 0)))
    if each.channel not in (None, TOF) or not where.size:
        raise ValueError(f"There is no line {each.line} in channel {each.channel or TOF}.")
    return int(where[0])


def take(spectrum: Spectrum, order: NDArray[np.int64]) -> Spectrum:
    """Return the spectrum with these of its lines, in this order."""
    fits = spectrum.fits._replace(**{name: getattr(spectrum.fits, name)[order] for name in spectrum.fits._fields})
    columns = {name: getattr(spectrum, name)[order] for name in ("errors", "start", "stop", "gain", "number")}
    return spectrum._replace(fits=fits, origin=[spectrum.origin[i] for i in order], **columns)


def _grown(spectrum: Spectrum, event: int, number: int) -> Spectrum:
    """Return the spectrum with an empty line at the end."""
    fits = spectrum.fits
    empty: Callable[[Any], Any] = lambda held: np.concatenate([held, _nothing(held)])  # noqa: E731
    grown = fits._replace(**{name: empty(getattr(fits, name)) for name in fits._fields})
    grown = grown._replace(record=np.append(fits.record, event), window=np.append(fits.window, -1))
    columns = {name: empty(getattr(spectrum, name)) for name in ("errors", "start", "stop", "gain")}
    return spectrum._replace(
        fits=grown, number=np.append(spectrum.number, number), origin=[*spectrum.origin, "override"], **columns
    )


def _nothing(held: NDArray[Any]) -> NDArray[Any]:
    """Return one row like those of `held` without values."""
    return np.full((1, *held.shape[1:]), math.nan if held.dtype.kind == "f" else 0, dtype=held.dtype)


def _put(held: Any, where: int, value: Any) -> Any:
    """Return a copy with one row changed."""
    out = held.copy()
    out[where] = value
    return out
