"""Fit the lines of many records: from peaks to areas, positions and shapes, each with errors and a status.

IDEX science definition, sections 10.3 to 10.6. `fit_lines` is for records in which lines were found, `fit_rows` for
windows of equal length with one line each. No input raises: what cannot be fitted is a row of NaN with its reason.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archive.numerics import lm
from archive.numerics import status as word
from archive.numerics.emg import emg, emg_area, emg_profile
from archive.numerics.linestatus import at_edge, judge_samples, judge_values
from archive.numerics.peaks import Peaks
from archive.numerics.special import owned
from archive.numerics.windows import Windows, lay_windows, start_values, whole_rows

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Least number of samples of a window.
LEAST_SAMPLES: Final = 12

#: Most iterations, and the relative size of the last step.
MOST_ITERATIONS: Final = 200
TOLERANCE: Final = 1e-6

#: Residuals above this multiple of the noise variance are called bad.
BAD_CHI2: Final = 9.0


class LineFits(NamedTuple):
    """Fitted lines in the order of the peaks; arrays with one entry for each line.

    Attributes
    ----------
    record, window
        Number of the record and of the window; lines of one window were fitted together.
    values, covariance
        Area (mA us), mu (us), sigma (us), lambda (1/us): shape (lines, 4), and (lines, 4, 4). Without weights the
        covariance is scaled by the reduced chi-square. A parameter at a bound has variance 0.
    constant
        Baseline that was fitted along, mA; 0 where it was not.
    chi2, redchi, dof
        Of the whole window.
    area_in_window
        The part of the area inside the line's own window, mA us.
    mode, height, fwhm, snr
        Time (us) and value (mA) of the maximum, full width at half maximum (us), height over noise.
    iterations, status
        Iterations, and bits of `archive.numerics.status`.
    """

    record: Integers
    window: Integers
    values: Floats
    covariance: Floats
    constant: Floats
    chi2: Floats
    redchi: Floats
    dof: Integers
    area_in_window: Floats
    mode: Floats
    height: Floats
    fwhm: Floats
    snr: Floats
    iterations: Integers
    status: NDArray[np.int32]

    @property
    def errors(self) -> Floats:
        """Standard errors of `values`, shape (lines, 4)."""
        return np.sqrt(np.diagonal(self.covariance, axis1=1, axis2=2))


def fit_lines(
    t: ArrayLike,
    y: ArrayLike,
    peaks: Peaks,
    windows: Windows | None = None,
    *,
    sigma: ArrayLike | None = None,
    noise: ArrayLike | None = None,
    saturated: NDArray[np.bool_] | None = None,
    start: ArrayLike | None = None,
    held: NDArray[np.bool_] | None = None,
    free_constant: bool | None = None,
    least: int = LEAST_SAMPLES,
    iterations: int = MOST_ITERATIONS,
    tolerance: float = TOLERANCE,
    sigma_bounds: tuple[float, float] = lm.SIGMA_BOUNDS,
    lambda_bounds: tuple[float, float] = lm.LAMBDA_BOUNDS,
) -> LineFits:
    """Fit the lines of many records.

    Parameters
    ----------
    t
        Times, us, shape (samples,) for all records, or (n, samples).
    y
        Signal without baseline, mA, shape (n, samples). Samples that are not finite do not count.
    peaks, windows
        Peaks of `y`, and their windows; the windows are laid by `lay_windows` when not given.
    sigma
        Noise of each sample, mA, shape (n, samples), or of each record, (n,): weights are 1/sigma². Samples whose sigma
        is not finite and positive do not count. Without it the fit is unweighted.
    noise
        Noise of each record, mA, (n,), only to judge height and residuals of an unweighted fit.
    saturated
        Mask of saturated samples, shape (n, samples): they do not count, and their lines say so. Without a mask a line
        is called saturated when its highest value repeats at least three times in a row.
    start
        Start values, shape (lines, 4); those of section 10.4 when not given.
    held
        Which parameters stay at their start, shape (lines, 4).
    free_constant
        Whether a constant baseline is fitted along; by default only where lines are fitted together.
    least, iterations, tolerance, sigma_bounds, lambda_bounds
        Limits of section 10.5; bounds in us and 1/us.

    Returns
    -------
    LineFits
    """
    rows = owned(np.atleast_2d(np.asarray(y)))
    times = owned(t)
    t_at = np.arange(rows.shape[0]) * (rows.shape[1] if times.ndim == 2 else 0)
    times = times.ravel()
    laid = lay_windows(rows, peaks) if windows is None else windows
    values = start_values(times, t_at, rows, peaks, laid) if start is None else np.array(start, dtype=np.float64)
    weight = _weights(rows.shape, sigma)
    if saturated is not None:
        weight[saturated] = 0.0
    lines, count = values.shape[0], laid.record.size
    together = np.diff(laid.first) > 1
    free = together if free_constant is None else np.full(count, free_constant)
    covariance, constant = np.full((lines, 4, 4), np.nan), np.zeros(count)
    chi2, used, rounds = np.full(count, np.nan), np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    status = np.zeros(count, dtype=np.int32)
    lm.fit_windows(
        times, rows.ravel(), weight.ravel(), t_at[laid.record] + laid.start,
        laid.record * rows.shape[1] + laid.start, laid.stop - laid.start, laid.first, values,
        np.zeros((lines, 4), dtype=np.bool_) if held is None else np.ascontiguousarray(held), constant, free, least,
        iterations, tolerance, sigma_bounds, lambda_bounds, covariance, chi2, used, rounds, status,
    )  # fmt: skip
    window = np.repeat(np.arange(count), np.diff(laid.first))
    dof = used - 4 * np.diff(laid.first) - free
    redchi = chi2 / np.maximum(1, dof)
    if sigma is None:
        covariance *= redchi[window, None, None]
    bits = status[window] | np.where(together[window], word.OVERLAP, 0).astype(np.int32)
    judge_samples(rows, peaks.record, peaks.sample, laid.line_start, laid.line_stop, saturated, bits)
    bits |= judge_values(values, covariance, sigma_bounds, lambda_bounds)
    bits |= at_edge(values, times, t_at[laid.record] + laid.start, laid.stop - laid.start, window)
    values[bits & word.FAILED != 0] = np.nan
    level = _level(rows.shape, sigma, noise, peaks, redchi[window])
    bad = redchi[window] > BAD_CHI2 * (1.0 if sigma is not None else level**2)
    if sigma is not None or noise is not None:
        bits |= np.where(bad, word.BAD_CHI2, 0).astype(np.int32)
    covariance[bits & word.FAILED != 0] = np.nan
    profile = emg_profile(*values.T)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        snr = np.where(level > 0, profile.height / level, np.nan)
    begin = t_at[peaks.record] + np.minimum(laid.line_start, rows.shape[1] - 1)
    end = t_at[peaks.record] + np.maximum(laid.line_stop - 1, 0)
    inside = emg_area(times[begin], times[end], *values.T) if times.size else np.full(lines, np.nan)
    return LineFits(
        peaks.record, window, values, covariance, constant[window], chi2[window], redchi[window], dof[window], inside,
        profile.mode, profile.height, profile.fwhm, snr, rounds[window], bits,
    )  # fmt: skip


def fit_rows(t: ArrayLike, y: ArrayLike, **options: ArrayLike | None) -> LineFits:
    """Fit one line to each row of `y`, shape (lines, samples): windows of equal length, already cut out.

    Times have shape (samples,) or that of `y`; the options are those of `fit_lines`.
    """
    rows = owned(np.atleast_2d(np.asarray(y)))
    peaks, windows = whole_rows(rows)
    return fit_lines(t, rows, peaks, windows, **options)  # type: ignore[arg-type]


def line_curve(t: ArrayLike, values: ArrayLike, constant: float = 0.0) -> Floats:
    """Return the sum of lines, `values` of shape (lines, 4), and a constant at times `t`, us."""
    times, lines = np.asarray(t, dtype=np.float64), np.reshape(np.asarray(values, dtype=np.float64), (-1, 4))
    return np.asarray(emg(times[..., None], *lines.T).sum(axis=-1) + constant)


def _weights(shape: tuple[int, ...], sigma: ArrayLike | None) -> Floats:
    """Return 1/sigma² for each sample, 0 where sigma is unusable."""
    if sigma is None:
        return np.ones(shape)
    noise = np.asarray(sigma, dtype=np.float64)
    noise = np.broadcast_to(noise[:, None] if noise.ndim == 1 else noise, shape)
    usable = np.isfinite(noise) & (noise > 0)
    return np.divide(1.0, noise**2, out=np.zeros(shape), where=usable)


def _level(
    shape: tuple[int, ...], sigma: ArrayLike | None, noise: ArrayLike | None, peaks: Peaks, redchi: Floats
) -> Floats:
    """Return the noise at each line: the given one, else the scatter of the residuals."""
    if sigma is not None:
        each = np.asarray(sigma, dtype=np.float64)
        each = np.broadcast_to(each[:, None] if each.ndim == 1 else each, shape)
        return np.asarray(each[peaks.record, peaks.sample] if each.size else np.full(redchi.shape, np.nan))
    if noise is not None:
        return np.broadcast_to(np.asarray(noise, dtype=np.float64), shape[:1])[peaks.record]
    return np.sqrt(np.where(redchi > 0, redchi, np.nan))
