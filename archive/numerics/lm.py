"""The batch fitter: bounded Levenberg-Marquardt for thousands of windows, each a sum of lines on a constant.

IDEX science definition, section 10.5. The parameters of a line are varied as (A, mu, ln sigma, ln lambda), all within
bounds; derivatives are analytic. Each iteration solves (H + damping diag H) step = gradient with H = J^T W J by
Cholesky, cuts the step to the bounds, and keeps it when chi-square falls. A parameter that lies at a bound and would
leave it rests in that iteration. A window ends when max(|dA|/A, |dmu|/sigma, |dln sigma|, |dln lambda|) of a step falls
below the tolerance, or when no step is left that could lower chi-square by more than rounding.

All windows are sections of two flat arrays, so that nothing is copied. One window never disturbs another: whatever it
holds, it ends with a status.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from archive.numerics import status as word
from archive.numerics.emg import density
from archive.numerics.jit import kernel
from archive.numerics.special import LARGEST, Number, dot

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Bounds of sigma (us) and lambda (1/us).
SIGMA_BOUNDS: Final = (1e-4, 1.0)
LAMBDA_BOUNDS: Final = (1e-2, 1e4)

_TOO_FEW, _NONFINITE, _NO_SIGNAL, _MAX_ITER = word.TOO_FEW, word.NONFINITE, word.NO_SIGNAL, word.MAX_ITER
_SINGULAR = word.SINGULAR
_FLAT = 1e-15  # of chi-square: what rounding makes uncertain


@kernel
def _curvature(
    t: Floats, y: Floats, root: Floats, p: Floats, lines: int, offset: int, samples: Floats, hessian: Floats,
    gradient: Floats,
) -> Number:  # fmt: skip
    """Fill H and the gradient at `p`, return chi-square; `root` is the square root of the weights."""
    size = 4 * lines + offset
    rest = samples[size][: t.size]
    for i in range(t.size):
        rest[i] = root[i] * (y[i] - (p[size - 1] if offset else 0.0))
    if offset:
        for i in range(t.size):
            samples[size - 1, i] = root[i]
    for k in range(0, 4 * lines, 4):
        area, mu, sigma, lam = p[k], p[k + 1], math.exp(p[k + 2]), math.exp(p[k + 3])
        _derivatives(t, root, area, mu, sigma, lam, samples[k : k + 4], rest)
    for a in range(size):
        by_a = samples[a][: t.size]
        gradient[a] = dot(by_a, rest)
        for b in range(a + 1):
            hessian[a, b] = dot(by_a, samples[b][: t.size])
    return dot(rest, rest)


@kernel
def _derivatives(
    t: Floats, root: Floats, area: Number, mu: Number, sigma: Number, lam: Number, rows: Floats, rest: Floats
) -> None:
    """Fill the weighted derivatives of one line by its four parameters and take it off the weighted residuals.

    One short loop after another: in a loop that touches many arrays the compiler gives up proving that they are
    different ones, and with that vector code.
    """
    h, by_mu, by_sigma, n = rows[0][: t.size], rows[1][: t.size], rows[2][: t.size], rows[3][: t.size]
    square = (lam * sigma) ** 2
    for i in range(t.size):
        h[i], n[i] = density(t[i], mu, sigma, lam)
    for i in range(t.size):
        by_mu[i] = area * lam * (h[i] - n[i])
        by_sigma[i] = area * (square * (h[i] - n[i]) - lam * (t[i] - mu) * n[i])
    for i in range(t.size):  # n becomes the derivative by ln lambda
        n[i] = area * ((1.0 + square - lam * (t[i] - mu)) * h[i] - square * n[i])
    for i in range(t.size):
        h[i] *= root[i]
        rest[i] -= area * h[i]
    for row in (by_mu, by_sigma, n):
        for i in range(t.size):
            row[i] *= root[i]


@kernel
def factor(matrix: Floats, size: int) -> bool:
    """Replace the lower triangle of a symmetric matrix by its Cholesky factor; False when it is not positive."""
    for a in range(size):
        for b in range(a + 1):
            total = matrix[a, b]
            for c in range(b):
                total -= matrix[a, c] * matrix[b, c]
            if a != b:
                matrix[a, b] = total / matrix[b, b]
            elif total <= 0.0 or not total < math.inf:
                return False
            else:
                matrix[a, a] = math.sqrt(total)
    return True


@kernel
def solve(lower: Floats, x: Floats, size: int) -> None:
    """Solve L L^T x = b in place, `x` being b on entry."""
    for a in range(size):
        for c in range(a):
            x[a] -= lower[a, c] * x[c]
        x[a] /= lower[a, a]
    for a in range(size - 1, -1, -1):
        for c in range(a + 1, size):
            x[a] -= lower[c, a] * x[c]
        x[a] /= lower[a, a]


@kernel
def damped_step(
    hessian: Floats, gradient: Floats, p: Floats, low: Floats, high: Floats, held: NDArray[np.bool_], damping: Number,
    size: int, resting: NDArray[np.bool_], work: Floats, step: Floats,
) -> bool:  # fmt: skip
    """Fill the damped step; parameters that are held, or at a bound that the step would leave by, rest."""
    for a in range(size):
        resting[a] = held[a] or not hessian[a, a] > 0.0
    while True:
        for a in range(size):
            step[a] = 0.0 if resting[a] else gradient[a]
            for b in range(a):
                work[a, b] = 0.0 if resting[a] or resting[b] else hessian[a, b]
            work[a, a] = 1.0 if resting[a] else hessian[a, a] * (1.0 + damping)
        if not factor(work, size):
            return False
        solve(work, step, size)
        leaves = False
        for a in range(size):
            if (p[a] <= low[a] and step[a] < 0.0) or (p[a] >= high[a] and step[a] > 0.0):
                resting[a] = leaves = True
        if not leaves:
            return True


@kernel
def step_to(
    trial: Floats, fresh: Floats, other: Floats, p: Floats, gradient: Floats, hessian: Floats, size: int
) -> None:  # fmt: skip
    """Make the trial point, with its gradient and the lower half of its curvature, the point to go on from."""
    for a in range(size):
        p[a], gradient[a] = trial[a], fresh[a]
        for b in range(a + 1):
            hessian[a, b] = other[a, b]


@kernel
def next_damping(damping: Number, growth: Number, gained: Number, promised: Number) -> tuple[Number, Number]:
    """Return damping and its growth after a step that lowered chi-square by `gained` of what the model promised.

    The rule of Nielsen (1999, IMM-REP-1999-05): less damping the better the promise was kept, and ever faster more
    after steps that went up.
    """
    if not gained >= 0.0:
        return damping * growth, growth * 2.0
    kept = gained / promised if promised > 0.0 else 1.0
    return damping * max(0.1, 1.0 - (2.0 * kept - 1.0) ** 3), 2.0


@kernel
def _moved(p: Floats, step: Floats, low: Floats, high: Floats, lines: int, size: int, trial: Floats) -> Number:
    """Fill the trial point, return the size of the step in units of the tolerance rule, inf when it was cut short.

    A step is cut as a whole, so that it keeps its direction: where it would leave the bounds, change a rate by more
    than a factor e³ or a width by more than e, or move a line by more than three widths.
    """
    part = 1.0
    for a in range(size):
        if p[a] + step[a] > high[a]:
            part = min(part, (high[a] - p[a]) / step[a])
        elif p[a] + step[a] < low[a]:
            part = min(part, (low[a] - p[a]) / step[a])
    largest = 0.0
    for k in range(0, 4 * lines, 4):
        jump = abs(step[k + 1]) * math.exp(-p[k + 2])
        part = min(part, 1.0 / max(1e-300, jump / 3.0, abs(step[k + 2]), abs(step[k + 3]) / 3.0))
        largest = max(largest, jump, abs(step[k + 2]), abs(step[k + 3]))
        if p[k] > 0.0:
            largest = max(largest, abs(step[k]) / p[k])
    for a in range(size):
        trial[a] = min(high[a], max(low[a], p[a] + part * step[a]))
    return largest if part == 1.0 else math.inf


@kernel
def _minimise(
    t: Floats, y: Floats, root: Floats, p: Floats, low: Floats, high: Floats, held: NDArray[np.bool_], lines: int,
    offset: int, most: int, tolerance: float, samples: Floats, vectors: Floats, matrices: Floats,
) -> tuple[Number, int, bool]:  # fmt: skip
    """Bring `p` to the minimum; returns chi-square, iterations, whether converged. matrices[0] holds H at the end."""
    size = 4 * lines + offset
    gradient, fresh, step, trial = vectors[0], vectors[1], vectors[2], vectors[3]
    hessian, other, work = matrices[0], matrices[1], matrices[2]
    resting = np.empty(size, np.bool_)
    chi2 = _curvature(t, y, root, p, lines, offset, samples, hessian, gradient)
    damping, growth = 1e-3, 2.0
    for iteration in range(1, most + 1):
        if not damped_step(hessian, gradient, p, low, high, held, damping, size, resting, work, step):
            damping *= 10.0
            if damping > 1e16:
                return chi2, iteration, False
            continue
        moved = _moved(p, step, low, high, lines, size, trial)
        found = _curvature(t, y, root, trial, lines, offset, samples, other, fresh)
        promised = 0.0
        for a in range(size):
            promised += (trial[a] - p[a]) * gradient[a]
        small = moved < tolerance or (moved < math.inf and promised <= _FLAT * chi2)
        lightly = damping < 1e-2
        damping, growth = next_damping(damping, growth, chi2 - found, promised)
        if found <= chi2:
            small = small and lightly
            step_to(trial, fresh, other, p, gradient, hessian, size)
            chi2 = found
        if small:
            return chi2, iteration, True
    return chi2, most, False


@kernel
def _errors(hessian: Floats, p: Floats, held: NDArray[np.bool_], low: Floats, high: Floats, size: int, work: Floats,
            column: Floats, scale: Floats, covariance: Floats, line: int) -> bool:  # fmt: skip
    """Fill the block of H^-1 of one line in (A, mu, sigma, lambda); parameters that rest have error 0."""
    for a in range(size):
        rests = held[a] or not hessian[a, a] > 0.0 or p[a] <= low[a] or p[a] >= high[a]
        scale[a] = 0.0 if rests else 1.0 / math.sqrt(hessian[a, a])
        for b in range(a + 1):
            work[a, b] = hessian[a, b] * scale[a] * scale[b]
        if rests:
            work[a, a] = 1.0
    if not factor(work, size):
        return False
    for b in range(4):
        for a in range(size):
            column[a] = 1.0 if a == line + b else 0.0
        solve(work, column, size)
        for a in range(4):
            outer = math.exp(p[line + a]) if a > 1 else 1.0
            inner = math.exp(p[line + b]) if b > 1 else 1.0
            covariance[a, b] = column[line + a] * scale[line + a] * scale[line + b] * outer * inner
    return True


@kernel
def fit_windows(
    t: Floats, y: Floats, weight: Floats, t_at: Integers, y_at: Integers, length: Integers, first: Integers,
    values: Floats, held: NDArray[np.bool_], constant: Floats, free_constant: NDArray[np.bool_], least: int, most: int,
    tolerance: float, sigma_bounds: tuple[float, float], lambda_bounds: tuple[float, float], covariance: Floats,
    chi2: Floats, used: Integers, iterations: Integers, status: NDArray[np.int32],
) -> None:  # fmt: skip
    """Fit every window in place.

    Window i takes ``length[i]`` samples of `t` from ``t_at[i]`` and of `y` and `weight` from ``y_at[i]``, and the
    lines ``first[i]`` to ``first[i+1]`` of `values`, shape (lines, 4) in (A, mu, sigma, lambda): starts on entry,
    results on return.
    """
    largest, longest = 1, 0
    for i in range(length.size):
        largest = max(largest, 4 * (first[i + 1] - first[i]) + 1)
        longest = max(longest, length[i])
    vectors, matrices = np.zeros((7, largest)), np.zeros((3, largest, largest))
    window, rows = np.zeros((3, longest)), np.zeros((largest + 1, longest))
    p, low, high = vectors[4], vectors[5], vectors[6]
    rests = np.zeros(largest, np.bool_)
    for i in range(length.size):
        lines = first[i + 1] - first[i]
        offset = 1 if free_constant[i] else 0
        size = 4 * lines + offset
        times, signal, root = window[0][: length[i]], window[1][: length[i]], window[2][: length[i]]
        for j in range(length[i]):
            times[j], signal[j], root[j] = t[t_at[i] + j], y[y_at[i] + j], weight[y_at[i] + j]
        status[i], used[i] = _usable(times, signal, root, max(least, size + 1))
        starts = values[first[i] : first[i + 1]]
        if status[i] == 0 and not _start(times, starts, sigma_bounds, lambda_bounds, p, low, high):
            status[i] = _NO_SIGNAL
        if status[i] != 0 or lines == 0:
            for k in range(lines):
                for a in range(4):
                    starts[k, a] = math.nan
            continue
        rests[size - 1] = False
        for k in range(lines):
            for a in range(4):
                rests[4 * k + a] = held[first[i] + k, a]
        if offset:
            p[size - 1], low[size - 1], high[size - 1] = constant[i], -math.inf, math.inf
        else:
            for j in range(length[i]):
                signal[j] -= constant[i]
        chi2[i], iterations[i], converged = _minimise(
            times, signal, root, p, low, high, rests, lines, offset, most, tolerance, rows, vectors, matrices
        )  # fmt: skip
        if not converged:
            status[i] |= _MAX_ITER
        for k in range(lines):
            block = covariance[first[i] + k]
            if not _errors(matrices[0], p, rests, low, high, size, matrices[2], vectors[0], vectors[1], block, 4 * k):
                for a in range(4):
                    for b in range(4):
                        block[a, b] = math.nan
                status[i] |= _SINGULAR
            starts[k, 0], starts[k, 1] = p[4 * k], p[4 * k + 1]
            starts[k, 2], starts[k, 3] = math.exp(p[4 * k + 2]), math.exp(p[4 * k + 3])
        if offset:
            constant[i] = p[size - 1]


@kernel
def _usable(t: Floats, y: Floats, root: Floats, least: int) -> tuple[int, int]:
    """Turn weights into their roots, 0 for unusable samples; returns a status and the number of usable samples."""
    count = 0
    finite = 0
    for i in range(y.size):
        good = abs(y[i]) < LARGEST and abs(t[i]) < LARGEST
        finite += good
        if good and 0.0 < root[i] < math.inf:
            root[i] = math.sqrt(root[i])
            count += 1
        else:
            root[i] = 0.0
            if not good:
                y[i] = 0.0
                t[i] = t[i - 1] if i else 0.0
    if y.size > 0 and finite == 0:
        return _NONFINITE, 0
    return (_TOO_FEW if count < least else 0), count


@kernel
def _start(
    t: Floats, starts: Floats, sigma_bounds: tuple[float, float], lambda_bounds: tuple[float, float], p: Floats,
    low: Floats, high: Floats,
) -> bool:  # fmt: skip
    """Fill start and bounds; False when a start cannot be used."""
    for k in range(starts.shape[0]):
        area, mu, sigma, lam = starts[k]
        if not (0.0 < area < math.inf and abs(mu) < math.inf and 0.0 < sigma < math.inf and 0.0 < lam < math.inf):
            return False
        a = 4 * k
        low[a], high[a] = 0.0, math.inf
        low[a + 1], high[a + 1] = t[0], t[-1]
        low[a + 2], high[a + 2] = math.log(sigma_bounds[0]), math.log(sigma_bounds[1])
        low[a + 3], high[a + 3] = math.log(lambda_bounds[0]), math.log(lambda_bounds[1])
        p[a], p[a + 1], p[a + 2], p[a + 3] = area, mu, math.log(sigma), math.log(lam)
        for b in range(a, a + 4):
            p[b] = min(high[b], max(low[b], p[b]))
    return True
