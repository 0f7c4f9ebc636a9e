"""Fit the charge pulses of many records, each with charge, errors and a status (IDEX science definition, section 12.4).

No input raises: a record that cannot be fitted is a row of NaN with its reason, and a signal that does not stand out of
the noise gives an upper limit of the charge instead of a fit to noise.
"""

from __future__ import annotations

import warnings
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archive.numerics import status as word
from archive.numerics.baseline import ROBUST
from archive.numerics.pulse import Rise, charge_error, impact_charge, rise_of, time_of_maximum
from archive.numerics.special import LARGEST, owned
from archive.numerics.varpro import LEAST_SAMPLES, fit_records, onsets

Floats = NDArray[np.float64]

#: Least time before the onset for a baseline, us.
BASELINE_TIME: Final = 5.0


class PulseFits(NamedTuple):
    """Fitted pulses, arrays with one entry for each record.

    Attributes
    ----------
    values, covariance
        [t0, C0, A, tau_r, tau_d] in us and pC, shapes (n, 5) and (n, 5, 5), scaled by the reduced chi-square.
    charge, charge_error, charge_limit
        Impact charge and its error, pC; for weak signals the charge is NaN and the limit, at 95 %, is given instead.
    t_max, rise
        Time of the maximum, us, and the 10 and 90 % crossings.
    baseline, sigma
        Median and robust noise before the onset, pC.
    chi2, redchi, dof
        Sum of squared residuals, over the degrees of freedom.
    iterations, status
        Iterations of all starts, and bits of `archive.numerics.status`.
    """

    values: Floats
    covariance: Floats
    charge: Floats
    charge_error: Floats
    charge_limit: Floats
    t_max: Floats
    rise: Rise
    baseline: Floats
    sigma: Floats
    chi2: Floats
    redchi: Floats
    dof: NDArray[np.int64]
    iterations: NDArray[np.int64]
    status: NDArray[np.int32]

    @property
    def errors(self) -> Floats:
        """Standard errors of `values`, shape (n, 5)."""
        return np.sqrt(np.diagonal(self.covariance, axis1=1, axis2=2))


def fit_pulses(
    t: ArrayLike,
    y: ArrayLike,
    *,
    positive: bool,
    saturated: NDArray[np.bool_] | None = None,
    baseline_time: float = BASELINE_TIME,
) -> PulseFits:
    """Fit one pulse to each record.

    Parameters
    ----------
    t
        Times, us, shape (samples,) or (n, samples).
    y
        Charge signal, pC, shape (n, samples), baseline not taken off. Samples that are not finite do not count.
    positive
        Whether the pulse can only be positive, as on the targets; the ion grid sees both signs.
    saturated
        Mask of saturated samples, shape (n, samples). They do not count; the charge is then extrapolated and the record
        flagged.
    baseline_time
        Least time before the onset for a baseline, us.

    Returns
    -------
    PulseFits
    """
    signal = owned(np.atleast_2d(np.asarray(y)))
    times = owned(np.broadcast_to(np.asarray(t, dtype=np.float64), signal.shape))
    count = signal.shape[0]
    finite = (np.abs(signal) < LARGEST) & (np.abs(times) < LARGEST)
    used = finite if saturated is None else finite & ~saturated
    taken = used.sum(axis=1)
    status = np.where(taken < LEAST_SAMPLES, word.TOO_FEW, 0).astype(np.int32)
    if saturated is not None:
        status[saturated.any(axis=1)] |= word.SATURATED
    if signal.shape[1]:
        status[~finite.any(axis=1)] |= word.NONFINITE
        highest, lowest = (np.max(np.where(used, sign * signal, -np.inf), axis=1) for sign in (1.0, -1.0))
        status[highest == -lowest] |= word.NO_SIGNAL
    onset = np.zeros(count, dtype=np.int64)
    onsets(signal, used, positive, onset)
    baseline, sigma, short = _noise(times, np.where(used, signal, np.nan), onset, baseline_time)
    status[short & (status & word.FAILED == 0)] |= word.NO_BASELINE
    values, covariance = np.full((count, 5), np.nan), np.full((count, 5, 5), np.nan)
    chi2, limit, rounds = np.full(count, np.nan), np.full(count, np.nan), np.zeros(count, dtype=np.int64)
    fit_records(times, signal, used, onset, sigma, positive, values, covariance, chi2, limit, rounds, status)
    dof = taken - 5
    redchi = chi2 / np.maximum(1, dof)
    covariance *= redchi[:, None, None]
    return PulseFits(
        values, covariance, impact_charge(values), charge_error(values, covariance), limit, time_of_maximum(values),
        rise_of(values), baseline, sigma, chi2, redchi, dof, rounds, status,
    )  # fmt: skip


def _noise(t: Floats, y: Floats, onset: NDArray[np.int64], least: float) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return median and robust sigma before the onset, and whether that is too short.

    Where it is too short there is no median, and sigma is that of the differences of neighbouring samples.
    """
    if not y.size:
        return np.full(y.shape[0], np.nan), np.full(y.shape[0], np.nan), np.ones(y.shape[0], dtype=np.bool_)
    stop = np.maximum(onset - 3, 0)
    early = np.where(np.arange(y.shape[1]) < stop[:, None], y, np.nan)
    short = (np.isfinite(early).sum(axis=1) < 8) | (t[np.arange(y.shape[0]), np.maximum(stop - 1, 0)] - t[:, 0] < least)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # records without a finite sample have no median
        base = np.nanmedian(early, axis=1)
        sigma = ROBUST * np.nanmedian(np.abs(early - base[:, None]), axis=1)
        steps = ROBUST * np.nanmedian(np.abs(np.diff(y, axis=1)), axis=1) / np.sqrt(2.0)
    return np.where(short, np.nan, base), np.where(short, steps, sigma), short
