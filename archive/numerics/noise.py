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


class Summaries(NamedTuple):
    """The numbers of ``n`` records, shape (n,) each; NaN for records with fewer than 20 finite samples.

    `line_frequency` (MHz for times in us) and `line_amplitude` (unit of the signal, as a sine) are of the strongest
    line of the spectrum, `line_excess` is that amplitude over the median of the spectrum.
    """

    samples: NDArray[np.int64]
    mean: Floats
    sigma: Floats
    median: Floats
    robust_sigma: Floats
    poisson: Floats
    lag1: Floats
    line_frequency: Floats
    line_amplitude: Floats
    line_excess: Floats


def summaries(y: ArrayLike, step: float) -> Summaries:
    """Return the numbers of many records at once; the same values as `summary` and `amplitude_spectrum` one by one.

    Parameters
    ----------
    y
        Signals, shape (n, samples).
    step
        Distance of the samples, us.
    """
    values = np.asarray(y, dtype=np.float64)
    count, samples = values.shape
    names = [name for name in Summaries._fields if name != "samples"]
    found = {name: np.full(count, np.nan) for name in names}
    with np.errstate(invalid="ignore"):
        finite = np.abs(values) < LARGEST
    used = np.where(finite.sum(axis=1) >= LEAST_SAMPLES, finite.sum(axis=1), 0)
    whole = np.flatnonzero(used == samples) if samples >= LEAST_SAMPLES else np.zeros(0, dtype=np.int64)
    for rows, part in [(whole, values[whole]), *(
        (np.array([i]), values[i][finite[i]][None, :]) for i in np.flatnonzero((used > 0) & (used < samples))
    )]:  # fmt: skip
        if rows.size:
            for name, column in zip(names, _numbers(part, step), strict=True):
                found[name][rows] = column
    return Summaries(used, **found)


def _numbers(y: Floats, step: float) -> tuple[Floats, ...]:
    """Return the columns of `Summaries` after the first, of records without gaps, shape (n, samples)."""
    size = y.shape[1]
    mean, median = y.mean(axis=1), np.median(y, axis=1)
    rest = y - mean[:, None]
    variance = np.einsum("ij,ij->i", rest, rest) / size
    robust = ROBUST * np.median(np.abs(y - median[:, None]), axis=1)
    poisson = np.sqrt(np.abs(np.maximum(y, 0.0).mean(axis=1)))
    lag1 = np.full(mean.size, np.nan)
    products = np.einsum("ij,ij->i", rest[:, 1:], rest[:, :-1]) / (size - 1)
    np.divide(products, variance, out=lag1, where=variance > 0)
    amplitude = 2.0 / size * np.abs(np.fft.rfft(rest, axis=1)[:, 1:])
    if size % 2 == 0:
        amplitude[:, -1] *= 0.5  # the highest frequency has no partner of negative frequency
    strongest = np.argmax(amplitude, axis=1)
    height = amplitude[np.arange(mean.size), strongest]
    frequency = np.where(height > 0, np.fft.rfftfreq(size, step)[1:][strongest], np.nan)
    excess, usual = np.full(mean.size, np.nan), np.median(amplitude, axis=1)
    np.divide(height, usual, out=excess, where=usual > 0)
    return mean, np.sqrt(variance), median, robust, poisson, lag1, frequency, height, excess
