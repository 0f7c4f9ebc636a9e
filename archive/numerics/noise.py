"""Noise of records: histogram with Gaussian, spectrum, autocorrelation, and a few numbers.

IDEX science definition, section 16. Each function takes one record; samples that are not finite do not count.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archive.numerics.baseline import ROBUST
from archive.numerics.special import LARGEST

Floats = NDArray[np.float64]

#: Half width of the central 95 % of a normal law, in sigma.
NORMAL_95: Final = 1.959963984540054

#: Records with fewer samples are not examined.
LEAST_SAMPLES: Final = 20


class Histogram(NamedTuple):
    """Counts in equal bins, their edges, and the Gaussian of the same mean, width and area at the bin centres."""

    counts: NDArray[np.int64]
    edges: Floats
    gaussian: Floats
    gaussian_peak: float


class Spectrum(NamedTuple):
    """Frequencies, MHz for times in us, and amplitude |rfft(y - mean)| or power density, unit² per MHz."""

    frequency: Floats
    value: Floats


class Autocorrelation(NamedTuple):
    """Lags, us; correlation, 1 at lag 0; and the band that 95 % of white noise stays within."""

    lag: Floats
    value: Floats
    band: float


class Summary(NamedTuple):
    """The numbers of a record, in the unit of the signal; `robust_sigma` is 1.4826 MAD."""

    samples: int
    step: float
    mean: float
    sigma: float
    rms: float
    median: float
    robust_sigma: float
    gaussian_peak: float
    poisson: float
    lag1: float


def _finite(y: ArrayLike) -> Floats:
    values = np.asarray(y, dtype=np.float64).ravel()
    return values[np.abs(values) < LARGEST]


def time_step(t: ArrayLike) -> float:
    """Return the median positive difference of times; NaN when there is none."""
    steps = np.diff(np.asarray(t, dtype=np.float64))
    steps = steps[steps > 0]
    return float(np.median(steps)) if steps.size else float("nan")


def histogram(y: ArrayLike) -> Histogram:
    """Return min(80, max(20, N//20)) equal bins between minimum and maximum, and the Gaussian of the moments."""
    values = _finite(y)
    if not values.size:
        return Histogram(np.zeros(0, dtype=np.int64), np.zeros(1), np.zeros(0), float("nan"))
    counts, edges = np.histogram(values, bins=min(80, max(20, values.size // 20)))
    mean, sigma = values.mean(), values.std()
    if not sigma > 0:
        return Histogram(counts, edges, np.full(counts.size, np.nan), float("nan"))
    peak = values.size * (edges[1] - edges[0]) / (sigma * np.sqrt(2 * np.pi))
    centre = 0.5 * (edges[1:] + edges[:-1])
    return Histogram(counts, edges, peak * np.exp(-0.5 * ((centre - mean) / sigma) ** 2), float(peak))


def amplitude_spectrum(y: ArrayLike, step: float) -> Spectrum:
    """Return |rfft(y - mean)| at positive frequencies where it is not zero; amplitude, not power."""
    values = _finite(y)
    if values.size < LEAST_SAMPLES:
        return Spectrum(np.zeros(0), np.zeros(0))
    magnitude = np.abs(np.fft.rfft(values - values.mean())).astype(np.float64)
    frequency = np.fft.rfftfreq(values.size, step).astype(np.float64)
    shown = (frequency > 0) & (magnitude > 0)
    return Spectrum(frequency[shown], magnitude[shown])


def welch_density(y: ArrayLike, step: float, segment: int = 256) -> Spectrum:
    """Return the power density by Welch's method: Hann window, half overlap, mean of each segment taken off.

    P. D. Welch, IEEE Transactions on Audio and Electroacoustics 15 (1967) 70.
    """
    from scipy import signal

    values = _finite(y)
    if values.size < LEAST_SAMPLES:
        return Spectrum(np.zeros(0), np.zeros(0))
    frequency, density = signal.welch(values, 1.0 / step, nperseg=min(segment, values.size))
    return Spectrum(frequency, density)


def autocorrelation(y: ArrayLike, step: float, *, most: int | None = None) -> Autocorrelation:
    """Return the unbiased autocorrelation sum(d_i d_{i+k})/((N - k) var) up to lag N/4, or `most` samples.

    Large lags rest on few products and are noisy, which is why they are not shown. NaN for a constant record.
    """
    values = _finite(y)
    count = values.size
    lags = np.arange(min(count, count // 4 + 1 if most is None else most + 1))
    if count < LEAST_SAMPLES:
        return Autocorrelation(np.zeros(0), np.zeros(0), float("nan"))
    deviation = values - values.mean()
    size = 1 << int(2 * count - 1).bit_length()
    transform = np.fft.rfft(deviation, size)
    products = np.fft.irfft(transform * transform.conj(), size)[: lags.size]
    variance = float(deviation @ deviation) / count
    scale = (count - lags) * variance
    value = np.full(lags.size, np.nan)
    np.divide(products, scale, out=value, where=scale > 0)
    return Autocorrelation((lags * step).astype(np.float64), value, NORMAL_95 / float(np.sqrt(count)))


def summary(t: ArrayLike, y: ArrayLike) -> Summary | None:
    """Return the numbers of a record, or None when it has fewer than 20 finite samples."""
    values = _finite(y)
    if values.size < LEAST_SAMPLES:
        return None
    step = time_step(t)
    mean, median = float(values.mean()), float(np.median(values))
    sigma = float(values.std())
    return Summary(
        samples=values.size,
        step=step,
        mean=mean,
        sigma=sigma,
        rms=float(np.sqrt(np.mean((values - mean) ** 2))),
        median=median,
        robust_sigma=ROBUST * float(np.median(np.abs(values - median))),
        gaussian_peak=histogram(values).gaussian_peak,
        poisson=float(np.sqrt(np.abs(np.mean(np.maximum(values, 0.0))))),
        lag1=float(autocorrelation(values, step, most=1).value[1]),
    )
