"""Which line is which mass: the stretch and shift under which most peaks meet a reference mass.

IDEX science definition, section 15.3, position-based. Every pair of a stretch and a peak that lies on a reference mass
gives a shift; each is scored by how well all peaks lie on the comb, the best is refined on the lines it assigns. A
solution that is not unique, rests on fewer than three lines, or lies at the edge of the range says so.
"""

from __future__ import annotations

import functools
import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archive.numerics.jit import kernel
from archive.numerics.massscale import Series, fit_series, mass_of
from archive.numerics.special import Number, owned

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Reference masses of ions, u (electron mass neglected): IDEX science definition, section 15.4.
REFERENCE: Final[dict[str, float]] = {
    "H": 1.008, "H2": 2.016, "C": 12.0, "CH": 13.008, "O": 15.995, "OH": 17.003, "H2O": 18.011, "H3O": 19.018,
    "Na": 22.990, "24Mg": 23.985, "25Mg": 24.986, "26Mg": 25.983, "C2H2": 26.016, "Al": 26.982, "28Si": 27.977,
    "29Si": 28.976, "C2H5": 29.039, "30Si": 29.974, "P": 30.974, "S": 31.972, "35Cl": 34.969, "H5O2": 37.029,
    "39K": 38.964, "40Ca": 39.963, "41K": 40.962, "44Ca": 43.955, "48Ti": 47.948, "52Cr": 51.941, "54Fe": 53.940,
    "Al2": 53.963, "55Mn": 54.938, "56Fe": 55.935, "57Fe": 56.935, "58Ni": 57.935, "64Zn": 63.929, "Al2O": 69.958,
    "107Ag": 106.905, "109Ag": 108.905, "197Au": 196.967, "194Pt": 193.963, "195Pt": 194.965, "196Pt": 195.965,
}  # fmt: skip

#: Lines that are common and count twice.
COMMON: Final = ("H", "H2", "C", "O", "Na", "24Mg", "Al", "28Si", "39K", "40Ca", "56Fe")

#: Search range of the stretch and its step, us per root of u; step of the shift and width of a match, us.
STRETCHES: Final = (1.35, 1.60, 0.001)
SHIFT_STEP: Final = 0.006
WIDTH: Final = 0.012

#: How far beyond the middle one of the peaks the shift may lie, us: a false peak before the first line costs a match,
#: it must not forbid the scale.
AFTER_MIDDLE: Final = 0.05

#: Least number of matched lines, and how far a line may lie off at most, us and sigma of the matches.
LEAST_LINES: Final = 3
FARTHEST: Final = 0.05
OUTLIER: Final = 3.0

#: Another stretch, more than 1 % away, with more than this part of the best score makes the solution ambiguous.
RIVAL: Final = 0.94
APART: Final = 0.01


#: Times and ranges of shifts beyond are none of a spectrum, us.
MOST_SHIFT: Final = 1000.0

#: Strongest peaks that the search uses; all are matched afterwards.
MOST_PEAKS: Final = 24

_CELL = 5e-4  # of the table of credits, in roots of u


class Comb(NamedTuple):
    """Reference masses, u, ascending, their names and weights, shape (references,).

    `credit` is what a peak earns at each root of the mass, in steps of 0.0005: the best of the weighted Gaussians of
    0.012 us, at the middle of the range of stretches, around the references.
    """

    names: tuple[str, ...]
    masses: Floats
    weights: Floats
    credit: Floats


class Scale(NamedTuple):
    """A mass scale found from peaks.

    Attributes
    ----------
    coefficients
        t0, a1, ... in us from the origin of the peak times; NaN when nothing was found.
    line, reference
        Which peaks are which references: index pairs, one list.
    score, rival
        Score of the solution and of the best one that differs by more than 1 % in stretch.
    rms
        Root mean square of the residuals of the matched lines, us.
    default, ambiguous, edge
        Fewer than three lines; a rival is about as good; the stretch is at the edge of its range.
    """

    coefficients: Floats
    line: Integers
    reference: Integers
    score: float
    rival: float
    rms: float
    default: bool
    ambiguous: bool
    edge: bool


@functools.cache
def _standard_comb() -> Comb:
    return reference_comb(REFERENCE)


def reference_comb(masses: dict[str, float] | None = None, common: tuple[str, ...] = COMMON) -> Comb:
    """Return a comb, by default of the masses of section 15.4, the common ones with weight 2."""
    if masses is None:
        return _standard_comb()
    known = masses
    names = tuple(sorted(known, key=known.__getitem__))
    ascending = np.array([known[name] for name in names])
    weights = np.array([2.0 if name in common else 1.0 for name in names])
    roots = np.arange(0.0, math.sqrt(ascending[-1]) + 0.1, _CELL)
    width = WIDTH / (0.5 * (STRETCHES[0] + STRETCHES[1]))
    off = (roots[:, None] - np.sqrt(ascending)) / width
    return Comb(names, ascending, weights, np.max(weights * np.exp(-0.5 * off * off), axis=1))


def peak_weights(snr: ArrayLike) -> Floats:
    """Return clip(log10(3 SNR), 0.2, 2): strong lines count more, but none can capture the scale."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithm = np.log10(3.0 * np.asarray(snr, dtype=np.float64))
    return np.asarray(np.nan_to_num(np.clip(logarithm, 0.2, 2.0), nan=0.2))


@kernel
def _scan(
    t: Floats, w: Floats, roots: Floats, credit: Floats, cell: Number, stretches: Floats, low: Number, high: Number,
    grid: Number, scores: Floats, shifts: Floats, tried: NDArray[np.int32],
) -> None:  # fmt: skip
    """Fill the best score and its shift for each stretch; each shift of the grid is tried once per stretch."""
    for k in range(stretches.size):
        scores[k], shifts[k] = -1.0, math.nan
        per_cell = 1.0 / (stretches[k] * cell)
        for i in range(t.size):
            for root in roots:
                shift = t[i] - stretches[k] * root
                if shift < low or shift > high:
                    continue
                place = int((shift - low) / grid)
                if tried[place] == k + 1:
                    continue
                tried[place] = k + 1
                score = 0.0
                for j in range(t.size):
                    at = int((t[j] - shift) * per_cell + 0.5)
                    if 0 <= at < credit.size:
                        score += w[j] * credit[at]
                if score > scores[k]:
                    scores[k], shifts[k] = score, shift


def match(t: Floats, comb: Comb, coefficients: Floats, reach: float) -> tuple[Integers, Integers]:
    """Return pairs of peak and reference closer than `reach` us, each reference and each peak at most once.

    Of references within reach of one peak the common and near one wins; of peaks on one reference the nearest.
    """
    times = np.polynomial.polynomial.polyval(np.sqrt(comb.masses), coefficients)
    off = np.abs(t[:, None] - times)
    credit = np.where(off <= reach, comb.weights * np.exp(-0.5 * (off / max(reach / 3, WIDTH)) ** 2), -1.0)
    line, reference = np.nonzero(credit > 0)
    order = np.argsort(-credit[line, reference], kind="stable")
    taken_line, taken_reference, pairs = set(), set(), []
    for k in order:
        if line[k] not in taken_line and reference[k] not in taken_reference:
            taken_line.add(line[k])
            taken_reference.add(reference[k])
            pairs.append((int(line[k]), int(reference[k])))
    pairs.sort()
    return np.array([p[0] for p in pairs], dtype=np.int64), np.array([p[1] for p in pairs], dtype=np.int64)


def _refine(t: Floats, comb: Comb, start: Floats) -> tuple[Floats, Integers, Integers, float]:
    """Return series, matches and residual of the lines that a scale assigns: match, fit, drop outliers, match again."""
    coefficients, rms = start, math.inf
    line, reference = match(t, comb, coefficients, FARTHEST)
    for order in (1, 1, None, None):
        if line.size < LEAST_LINES:
            return coefficients, line, reference, rms
        series: Series = fit_series(comb.masses[reference], t[line], order=order)
        rest = t[line] - np.polynomial.polynomial.polyval(np.sqrt(comb.masses[reference]), series.coefficients)
        spread = 1.4826 * float(np.median(np.abs(rest - np.median(rest))))
        reach = min(FARTHEST, max(OUTLIER * spread, WIDTH))
        keep = np.abs(rest) <= reach
        if LEAST_LINES <= keep.sum() < keep.size:
            series = fit_series(comb.masses[reference[keep]], t[line[keep]], order=order)
        coefficients = series.coefficients
        line, reference = match(t, comb, coefficients, reach)
        rest = t[line] - np.polynomial.polynomial.polyval(np.sqrt(comb.masses[reference]), coefficients)
        rms = float(np.sqrt(np.mean(rest**2))) if rest.size else math.inf
    return coefficients, line, reference, rms


def latest_shift(t: ArrayLike) -> float:
    """Return the latest shift that peaks at times `t`, us, leave room for: most of them must come after it."""
    times = np.asarray(t, dtype=np.float64)
    times = np.sort(times[np.abs(times) < MOST_SHIFT])
    return float(times[times.size // 2]) + AFTER_MIDDLE if times.size else math.nan


def find_scale(
    t: ArrayLike,
    weight: ArrayLike,
    comb: Comb | None = None,
    *,
    stretches: tuple[float, float, float] = STRETCHES,
    shifts: tuple[float, float] | None = None,
) -> Scale:
    """Return the mass scale of one spectrum.

    Parameters
    ----------
    t
        Times of the peaks, us from the first sample, like mu rather than the maximum, shape (peaks,).
    weight
        Their weights, see `peak_weights`.
    comb
        Reference masses; those of section 15.4 when not given.
    stretches
        Range and step of the stretch, us.
    shifts
        Range of the shift, us; from 0 to just after the middle one of the peaks when not given. Below 0 the impact lies
        before the record.

    Returns
    -------
    Scale
        With ``default`` set and coefficients of NaN when fewer than three lines match: the caller takes the scale of
        the campaign and says so.
    """
    teeth = reference_comb() if comb is None else comb
    times, weights = owned(t).ravel(), owned(weight).ravel()
    good = (np.abs(times) < MOST_SHIFT) & np.isfinite(weights)
    places = np.flatnonzero(good)[np.argsort(times[good], kind="stable")]
    times, weights = times[places], weights[places]
    none = np.zeros(0, dtype=np.int64)
    nothing = Scale(np.full(2, np.nan), none, none, 0.0, 0.0, math.nan, True, False, False)
    if times.size < LEAST_LINES:
        return nothing
    low, high = (0.0, latest_shift(times)) if shifts is None else shifts
    if not 0 < high - low < MOST_SHIFT:
        return nothing
    tried = np.arange(stretches[0], stretches[1] + 0.5 * stretches[2], stretches[2])
    scores, best = np.empty(tried.size), np.empty(tried.size)
    cells = np.zeros(int((high - low) / SHIFT_STEP) + 2, dtype=np.int32)
    strong = np.sort(np.argsort(-weights, kind="stable")[:MOST_PEAKS])
    _scan(
        times[strong], weights[strong], np.sqrt(teeth.masses), teeth.credit, _CELL, tried, low, high, SHIFT_STEP,
        scores, best, cells,
    )  # fmt: skip
    top = int(np.argmax(scores))
    if not scores[top] > 0:
        return nothing
    other = np.abs(tried / tried[top] - 1.0) > APART
    rival = float(scores[other].max()) if other.any() else 0.0
    coefficients, line, reference, rms = _refine(times, teeth, np.array([best[top], tried[top]]))
    if line.size < LEAST_LINES:
        return nothing._replace(score=float(scores[top]), rival=rival)
    edge = not stretches[0] + stretches[2] < coefficients[1] < stretches[1] - stretches[2]
    return Scale(
        coefficients,
        places[line],
        reference,
        float(scores[top]),
        rival,
        rms,
        False,
        bool(rival > RIVAL * scores[top]),
        edge,
    )


def nearest_reference(
    mass: ArrayLike, sigma: ArrayLike, comb: Comb | None = None
) -> tuple[Integers, NDArray[np.bool_]]:
    """Return the reference nearest to each mass within max(0.25 u, 3 sigma), -1 for none; and whether it is unique.

    IDEX science definition, section 17.1. A name is not unique when a second reference is within the same reach.
    """
    teeth = reference_comb() if comb is None else comb
    masses = np.atleast_1d(np.asarray(mass, dtype=np.float64))
    reach = np.fmax(0.25, 3.0 * np.broadcast_to(np.asarray(sigma, dtype=np.float64), masses.shape))
    off = np.abs(masses[:, None] - teeth.masses)
    near = off <= reach[:, None]
    named = np.where(near.any(axis=1), np.argmin(np.where(np.isfinite(off), off, np.inf), axis=1), -1)
    return named.astype(np.int64), near.sum(axis=1) == 1


def masses_of(scale: Scale, t: ArrayLike) -> Floats:
    """Return the masses, u, of times, us; NaN when the scale was not found."""
    if not np.all(np.isfinite(scale.coefficients)):
        return np.full(np.shape(t), np.nan)
    return mass_of(t, scale.coefficients)
