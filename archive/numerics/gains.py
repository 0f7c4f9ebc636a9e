"""One spectrum from the three gains of the time-of-flight channel.

IDEX science definition, section 8. All gains are in mA already, so that they differ by a ratio near 1 only; raw DN
serve for the masks. The most sensitive gain counts wherever it is not saturated and not recovering from saturation.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from archive.numerics.jit import kernel
from archive.numerics.special import LARGEST, owned

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

#: Samples of both gains count for the ratio where both exceed this many sigma, and there are at least so many.
RATIO_SIGMA: Final = 8.0
RATIO_SAMPLES: Final = 30

#: A fitted ratio farther from 1 is not used.
RATIO_RANGE: Final = 0.2

#: How long a gain may undershoot after saturation, us, and how far off the lower gain that is, in sigma of the latter.
RECOVERY: Final = 0.5
RECOVERY_SIGMA: Final = 5.0

#: Values of `Merged.source`: which gain a sample is from; none is free of saturation at `MASKED`.
MASKED: Final = -1


class Merged(NamedTuple):
    """The merged records.

    Attributes
    ----------
    signal, sigma
        Merged signal without baseline and its noise, mA, shape (n, samples); NaN where every gain is missing.
    source
        Which gain each sample is from (0 the most sensitive one), or `MASKED`, int8, shape (n, samples).
    ratio
        What each gain was multiplied with, shape (n, gains).
    fitted
        The ratio to the next more sensitive gain as fitted; NaN with too few samples; shape (n, gains).
    out_of_range, all_saturated
        Whether a fitted ratio was refused; whether samples are left that every gain masks; shape (n,).
    """

    signal: Floats
    sigma: Floats
    source: NDArray[np.int8]
    ratio: Floats
    fitted: Floats
    out_of_range: Booleans
    all_saturated: Booleans


def gain_ratio(upper: Floats, lower: Floats, sigma_upper: Floats, sigma_lower: Floats, usable: Booleans) -> Floats:
    """Return the factor that brings the lower gain to the upper one, shape (n,); NaN with too few samples.

    Least squares through the origin over the samples that are usable in both gains and exceed 8 sigma in both; the
    lower gain, whose noise is larger, is the one fitted, so that its noise does not bias the factor.
    """
    both = usable & (upper > RATIO_SIGMA * sigma_upper[:, None]) & (lower > RATIO_SIGMA * sigma_lower[:, None])
    enough = both.sum(axis=1) >= RATIO_SAMPLES
    squares = np.sum(np.where(both, upper * upper, 0.0), axis=1)
    products = np.sum(np.where(both, upper * lower, 0.0), axis=1)
    ratio = np.full(enough.shape, np.nan)
    np.divide(squares, products, out=ratio, where=enough & (products > 0))
    return ratio


@kernel
def _choose(
    upper: Floats, lower: Floats, sigma_lower: Floats, mask_upper: Booleans, mask_lower: Booleans,
    recovery: int, level: int, signal: Floats, sigma: Floats, source: NDArray[np.int8],
) -> None:  # fmt: skip
    """Replace in place what the upper gain does not give by the lower one."""
    for k in range(upper.shape[0]):
        since = recovery + 1  # samples since the mask of the upper gain ended
        for i in range(upper.shape[1]):
            since = 0 if mask_upper[k, i] else since + 1
            open_below = not mask_lower[k, i] and abs(lower[k, i]) < math.inf
            missing = source[k, i] == -1
            undershoots = 0 < since <= recovery and abs(upper[k, i] - lower[k, i]) > RECOVERY_SIGMA * sigma_lower[k]
            if since > 0 and not undershoots and not missing:
                since = recovery + 1  # recovered: later differences are the signal's own
            if open_below and (missing or (undershoots and source[k, i] == level - 1)):
                signal[k, i], sigma[k, i], source[k, i] = lower[k, i], sigma_lower[k], level


def merge_gains(gains: list[Floats], sigmas: list[Floats], masks: list[Booleans], dt: float) -> Merged:
    """Return one record from several gains.

    Parameters
    ----------
    gains
        Signals without baseline, mA, most sensitive first, shape (n, samples) each.
    sigmas
        Noise of a sample, mA, shape (n,) each.
    masks
        Saturated samples, already widened, from raw data, shape (n, samples) each.
    dt
        Sample step, us.

    Returns
    -------
    Merged
    """
    rows = [owned(np.where(np.abs(gain) < LARGEST, gain, np.nan)) for gain in gains]
    count = rows[0].shape[0]
    ratio, fitted = np.ones((count, len(rows))), np.full((count, len(rows)), np.nan)
    refused = np.zeros(count, dtype=np.bool_)
    signal = rows[0].copy()
    masked = [mask | ~np.isfinite(row) for mask, row in zip(masks, rows, strict=True)]
    source = np.where(masked[0], MASKED, 0).astype(np.int8)
    sigma = np.where(np.isfinite(signal), np.asarray(sigmas[0])[:, None], np.nan)
    above, sigma_above = rows[0], np.asarray(sigmas[0], dtype=np.float64)
    for level in range(1, len(rows)):
        noise = np.asarray(sigmas[level], dtype=np.float64)
        fitted[:, level] = gain_ratio(above, rows[level], sigma_above, noise, ~masked[level - 1] & ~masked[level])
        known = np.isfinite(fitted[:, level])
        good = known & (np.abs(fitted[:, level] - 1.0) <= RATIO_RANGE)
        refused |= known & ~good
        ratio[:, level] = ratio[:, level - 1] * np.where(good, fitted[:, level], 1.0)
        scaled, noise = rows[level] * ratio[:, level, None], noise * ratio[:, level]
        _choose(
            above, scaled, noise, masked[level - 1], masked[level], round(RECOVERY / dt), level, signal,
            sigma, source,
        )  # fmt: skip
        above, sigma_above = scaled, noise
    return Merged(signal, sigma, source, ratio, fitted, refused, (source == MASKED).any(axis=1))
