"""The charge pulses of targets and ion grid: fits, charges, and what they say about the particle.

IDEX science definition, sections 12 and 13.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex.analysis.correlated import correlated_covariance, neighbour_correlation
from archive.instruments.idex.analysis.settings import IMAGE_PULSE, PULSE, PULSES
from archive.instruments.idex.analysis.waveforms import Record
from archive.model import Fits, Rows
from archive.numerics import status as word
from archive.numerics.particle import Curve, Particle, particle
from archive.numerics.pulse import charge_error, image_pulse, impact_charge, pulse, rise_of, time_of_maximum
from archive.numerics.pulsefit import PulseFits, fit_pulses

Floats = NDArray[np.float64]

#: A charge of fewer standard errors is an upper limit only; how many errors the limit at 95 % lies above.
SIGNIFICANCE: Final = 5.0
LIMIT: Final = 1.645

#: With one of these bits the rise time gives no speed.
NO_RISE: Final = word.FAILED | word.WEAK | word.AT_BOUND | word.MAX_ITER | word.SINGULAR


class Pulse(NamedTuple):
    """The pulses of one channel of ``n`` events.

    Attributes
    ----------
    channel
        Its name.
    record
        What was fitted.
    values, errors
        [t0, C0, A, tau_r, tau_d], us and pC, NaN where unknown, shape (n, 5).
    charge, charge_error, charge_limit
        pC, shape (n,); the charge of a weak signal is NaN and has a limit.
    correlation
        Of the residuals of neighbouring samples, shape (n,).
    fitted
        Baseline, noise, chi-square as the fitter gave them.
    status, origin
        Bits of `archive.numerics.status`; ``automatic`` or ``override``.
    start, stop
        First and last time that was fitted, us from the trigger, shape (n,).
    image
        Values and errors of events that an analyst gave the seven-parameter form with image charge; their five values
        above are those of its impact part.
    """

    channel: str
    record: Record
    values: Floats
    errors: Floats
    charge: Floats
    charge_error: Floats
    charge_limit: Floats
    correlation: Floats
    fitted: PulseFits
    status: NDArray[np.int32]
    origin: list[str]
    start: Floats
    stop: Floats
    image: dict[int, tuple[list[float], list[float]]]

    @property
    def has_rise(self) -> NDArray[np.bool_]:
        """Whether the rise time may be used for a speed, shape (n,)."""
        return np.asarray((self.status & NO_RISE == 0) & np.isfinite(self.values[:, 3]))


def pulse_jacobian(t: Floats, values: Floats) -> Floats:
    """Return the derivatives of one pulse by its five parameters, shape (samples, 5)."""
    t0, _, amplitude, rise, discharge = values
    since = np.maximum(t - t0, 0.0)
    rising, falling = np.exp(-since / rise), np.exp(-since / discharge)
    shape = (1.0 - rising) * falling
    after = t > t0
    by_start = amplitude * after * (shape / discharge - rising * falling / rise)
    by_rise = -amplitude * rising * falling * since / rise**2
    return np.stack([by_start, np.ones(t.size), shape, by_rise, amplitude * shape * since / discharge**2], axis=1)


def draw(t: Floats, values: Sequence[float]) -> Floats:
    """Return a fitted pulse of five or seven parameters, pC, shape (samples,); NaN where a parameter is unknown."""
    parameters = np.asarray(values, dtype=np.float64)
    if not np.isfinite(parameters).all():
        return np.full(t.shape, np.nan)
    return (image_pulse if parameters.size == len(IMAGE_PULSE.parameters) else pulse)(t, parameters)


def fit_channel(record: Record) -> Pulse:
    """Fit the pulses of one channel, with errors that know the correlation of the noise."""
    t = record.t
    used = np.isfinite(record.y) & ~record.mask
    fitted = fit_pulses(t, record.y, positive=record.name != "Ion_Grid", saturated=record.mask)
    values, covariance, status = fitted.values.copy(), fitted.covariance.copy(), fitted.status.copy()
    good = np.isfinite(values).all(axis=1)
    rest = np.zeros(record.y.shape)
    rest[good] = np.where(used[good], record.y[good] - pulse(t[good], values[good]), 0.0)
    correlation = np.where(good, neighbour_correlation(rest, used), np.nan)
    for k in np.flatnonzero(good & (status & word.SINGULAR == 0)):
        there = correlated_covariance(pulse_jacobian(t[k, used[k]], values[k]), float(correlation[k]))
        covariance[k] = fitted.redchi[k] * there if there is not None else np.nan
    charge, error = impact_charge(values), charge_error(values, covariance)
    limit = fitted.charge_limit.copy()
    with np.errstate(invalid="ignore"):
        weak = good & (charge < SIGNIFICANCE * error) & (status & word.FAILED == 0)
    status[weak] |= word.WEAK
    limit[weak] = (charge + LIMIT * error)[weak]
    charge, error = np.where(weak, np.nan, charge), np.where(weak, np.nan, error)
    errors = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    origin = ["automatic"] * values.shape[0]
    stop = record.t0 + record.dt * max(record.y.shape[1] - 1, 0)
    return Pulse(
        record.name, record, values, errors, charge, error, limit, correlation, fitted, status, origin,
        np.asarray(record.t0, dtype=np.float64), stop, {},
    )  # fmt: skip


def impact_time(pulses: Mapping[str, Pulse]) -> Floats:
    """Return the time of impact by the best channel, us from the trigger, shape (n,); NaN where none has a pulse."""
    time: Floats = np.full(pulses[PULSES[0]].charge.shape, np.nan)
    for name in PULSES[:2]:
        found = pulses[name]
        usable = np.isnan(time) & np.isfinite(found.charge) & (found.status & NO_RISE == 0)
        time = np.where(usable, found.values[:, 0], time)
    return time


def particles(
    pulses: Mapping[str, Pulse], science: NDArray[np.bool_], curves: Mapping[str, Curve]
) -> dict[str, Particle]:
    """Return speed and mass by each channel's own charge and rise time; NaN for events that are not science."""
    found = {}
    for name, each in pulses.items():
        good = each.has_rise & science
        rise, error = (np.where(good, column, np.nan) for column in (each.values[:, 3], each.errors[:, 3]))
        found[name] = particle(each.charge, each.charge_error, rise, error, curves["rise_time"], curves["charge_yield"])
    return found


def pulse_fits(pulses: Sequence[Pulse]) -> Fits:
    """Return the fits as rows of ``core.fit``, channel by channel."""
    count = pulses[0].values.shape[0]
    status = np.concatenate([each.status for each in pulses])
    values, errors = (known(np.concatenate([getattr(each, name) for each in pulses])) for name in ("values", "errors"))
    models = [PULSE.name] * (count * len(pulses))
    for number, each in enumerate(pulses):
        for k, (seven, deviations) in each.image.items():
            place = number * count + k
            models[place] = IMAGE_PULSE.name
            values[place], errors[place] = known(np.array([seven, deviations]))
    return Fits(
        index=np.tile(np.arange(count), len(pulses)),
        channel=[each.channel for each in pulses for _ in range(count)],
        line=np.zeros(count * len(pulses), dtype=np.int64),
        model=models,
        values=values,
        errors=errors,
        chi2=np.concatenate([each.fitted.chi2 for each in pulses]),
        dof=np.concatenate([np.maximum(each.fitted.dof, 0) for each in pulses]),
        start=np.concatenate([each.start for each in pulses]),
        stop=np.concatenate([each.stop for each in pulses]),
        status=[" ".join(word.words(int(bits))) for bits in status],
        reason=[word.reason(int(bits)) for bits in status],
        origin=[origin for each in pulses for origin in each.origin],
    )


def pulse_rows(pulses: Sequence[Pulse], found: Mapping[str, Particle]) -> Rows:
    """Return the rows of ``idex.pulse_analysis``."""
    columns: dict[str, list[Any]] = {}
    for each in pulses:
        rise, estimate = rise_of(each.values), found[each.channel]
        numbers = {
            "charge": each.charge,
            "charge_error": each.charge_error,
            "charge_limit": each.charge_limit,
            "t_max": time_of_maximum(each.values),
            "t10": rise.t10,
            "t90": rise.t90,
            "value10": rise.value10,
            "value90": rise.value90,
            "rise_10_90": rise.duration,
            "baseline": each.fitted.baseline,
            "noise": each.fitted.sigma,
            "correlation": each.correlation,
            **estimate._asdict(),
        }
        count = each.charge.size
        columns.setdefault("channel", []).extend([each.channel] * count)
        columns.setdefault("line", []).extend([0] * count)
        for name, values in numbers.items():
            columns.setdefault(name, []).extend(np.asarray(values, dtype=np.float64).tolist())
    index = np.tile(np.arange(pulses[0].charge.size), len(pulses))
    return Rows("idex.pulse_analysis", "analysis", index, dict(columns))


def known(values: Floats) -> list[list[float | None]]:
    """Return the rows of an array with None in the place of what is not finite."""
    finite = np.isfinite(values)
    return [
        [value if good else None for value, good in zip(row, marks, strict=True)]
        for row, marks in zip(values.tolist(), finite.tolist(), strict=True)
    ]
