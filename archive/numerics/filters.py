"""Noise suppression for charge records; off unless asked for, and stored with the result when used.

IDEX science definition, section 12.5. Lines and sines are fitted to the samples before the impact only: fitted to a
whole record they take part of the pulse away.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

#: A sine is taken off only when that lowers the variance before the impact by more than this part ...
SINE_GAIN: Final = 0.2

#: ... and at least so many periods were seen.
SINE_PERIODS: Final = 1.5

#: The cut-off that the tools divide by a "sampling frequency" of n - 1.
LEGACY_CUTOFF: Final = 100.0


class Sine(NamedTuple):
    """A sine c sin(d t + e): amplitude, angular frequency (1/us), phase, and the part of the variance it took."""

    amplitude: float
    angular: float
    phase: float
    gain: float


def take_off_line(t: ArrayLike, y: ArrayLike, fitted: NDArray[np.bool_] | None = None) -> Floats:
    """Return the record without the straight line through the samples `fitted`, by default all of them."""
    times, values = np.asarray(t, dtype=np.float64), np.asarray(y, dtype=np.float64)
    chosen = np.isfinite(values) if fitted is None else fitted & np.isfinite(values)
    if chosen.sum() < 2:
        return values.copy()
    centre = times[chosen].mean()
    basis = np.column_stack([times - centre, np.ones_like(times)])
    return np.asarray(values - basis @ np.linalg.lstsq(basis[chosen], values[chosen], rcond=None)[0])


def fit_sine(t: ArrayLike, y: ArrayLike, fitted: NDArray[np.bool_]) -> Sine | None:
    """Return the sine of the samples `fitted`, or None when there is none worth taking off.

    It starts at the strongest line of their periodogram; the tools start at 7000 per microsecond, a value meant for
    seconds.
    """
    from scipy.optimize import least_squares

    times, values = np.asarray(t, dtype=np.float64)[fitted], np.asarray(y, dtype=np.float64)[fitted]
    good = np.isfinite(values)
    times, values = times[good], values[good] - values[good].mean() if good.any() else values[good]
    if times.size < 12 or not values.std() > 0:
        return None
    step = float(np.median(np.diff(times)))
    size = 8 * times.size
    power = np.abs(np.fft.rfft(values, size))
    start = 2 * np.pi * np.fft.rfftfreq(size, step)[1 + int(np.argmax(power[1:]))]

    def basis(angular: float) -> Floats:
        return np.column_stack([np.sin(angular * times), np.cos(angular * times), np.ones_like(times)])

    def rest(parameter: Floats) -> Floats:
        columns = basis(parameter[0])
        return np.asarray(values - columns @ np.linalg.lstsq(columns, values, rcond=None)[0])

    found = least_squares(rest, [start], x_scale=[np.pi / max(np.ptp(times), step)])
    angular = float(abs(found.x[0]))
    sine, cosine, _ = np.linalg.lstsq(basis(angular), values, rcond=None)[0]
    gain = 1.0 - float(np.var(rest(np.array([angular]))) / np.var(values))
    if gain <= SINE_GAIN or angular * np.ptp(times) < 2 * np.pi * SINE_PERIODS:
        return None
    return Sine(float(np.hypot(sine, cosine)), angular, float(np.arctan2(cosine, sine)), gain)


def take_off_sine(t: ArrayLike, y: ArrayLike, sine: Sine) -> Floats:
    """Return the record without a sine."""
    times = np.asarray(t, dtype=np.float64)
    return np.asarray(y, dtype=np.float64) - sine.amplitude * np.sin(sine.angular * times + sine.phase)


def low_pass(y: ArrayLike, cutoff: float, step: float) -> Floats:
    """Return records through a second-order Butterworth low-pass, forward and backward, so without delay.

    `cutoff` in MHz, `step` in us; records along the last axis, of more than 9 samples. Rise times below about
    0.4 us are smeared at the usual cut-off.

    Raises
    ------
    ValueError
        When the cut-off is not between 0 and half the sampling frequency, or a record is too short.
    """
    return _butterworth(y, 2.0 * cutoff * step)


def low_pass_legacy(y: ArrayLike) -> Floats:
    """Return records through the low-pass of the tools, whose cut-off 200/(n - 1) changes with the record length."""
    return _butterworth(y, 2.0 * LEGACY_CUTOFF / (np.asarray(y).shape[-1] - 1))


def _butterworth(y: ArrayLike, normalised: float) -> Floats:
    from scipy import signal

    values = np.asarray(y, dtype=np.float64)
    if not 0.0 < normalised < 1.0:
        raise ValueError(f"the cut-off is {normalised:g} of half the sampling frequency; it must be between 0 and 1")
    if values.shape[-1] <= 9:
        raise ValueError(f"a record of {values.shape[-1]} samples is too short for this filter")
    numerator, denominator = signal.butter(2, normalised)
    return np.asarray(signal.filtfilt(numerator, denominator, values, axis=-1))
