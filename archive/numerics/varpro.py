"""The minimum of one charge pulse: offset and amplitude solved exactly, three parameters sought from several starts.

IDEX science definition, section 12.4. For each trial of (t0, ln tau_r, ln tau_d) offset and amplitude are the linear
least-squares solution (variable projection with the Jacobian of Kaufman, BIT 15 (1975) 49). Chi-square has a kink
wherever t0 crosses a sample and with it several nearby minima: the search begins at each pair of times, and the best is
taken up again from the sample intervals beside it.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from archive.numerics import status as word
from archive.numerics.jit import kernel
from archive.numerics.lm import damped_step, factor, next_damping, solve, step_to
from archive.numerics.special import Number, dot, exp

Floats = NDArray[np.float64]

#: Start values of rise and discharge time, us, and their bounds.
RISE_STARTS: Final = (0.4, 2.0, 6.0)
DISCHARGE_STARTS: Final = (37.0, 100.0)
RISE_BOUNDS: Final = (0.02, 50.0)
DISCHARGE_BOUNDS: Final = (1.0, 5000.0)

#: Least amplitude over its error.
SIGNIFICANCE: Final = 5.0

#: One-sided 95 % limit of a normal law.
LIMIT: Final = 1.645

#: Least number of samples.
LEAST_SAMPLES: Final = 12

#: Residuals above this multiple of the noise variance are called bad.
BAD_CHI2: Final = 9.0

_MOST, _TOLERANCE = 60, 1e-7
_ALIKE = 0.2  # in ln tau_r: minima that differ by more are different solutions
_AT_BOUND, _AMBIGUOUS, _WEAK, _NO_SIGNAL = word.AT_BOUND, word.AMBIGUOUS, word.WEAK, word.NO_SIGNAL
_SINGULAR, _MAX_ITER, _BAD_CHI2, _FAILED = word.SINGULAR, word.MAX_ITER, word.BAD_CHI2, word.FAILED


@kernel
def _shape(t: Floats, root: Floats, q: Floats, rows: Floats) -> None:
    """Fill the weighted pulse of amplitude 1 and its derivatives by t0, ln tau_r and ln tau_d."""
    t0, rate, fall = q[0], math.exp(-q[1]), math.exp(-q[2])
    value, by_t0 = rows[0][: t.size], rows[1][: t.size]
    by_rise, by_fall = rows[2][: t.size], rows[3][: t.size]
    for i in range(t.size):
        since = t[i] - t0 if t[i] > t0 else 0.0
        by_rise[i] = exp(-since * rate)
        by_fall[i] = exp(-since * fall) * root[i]
    for i in range(t.size):
        value[i] = (1.0 - by_rise[i]) * by_fall[i]
        by_t0[i] = value[i] * fall - by_rise[i] * by_fall[i] * rate if t[i] > t0 else 0.0
    for i in range(t.size):
        since = t[i] - t0 if t[i] > t0 else 0.0
        by_rise[i] *= -since * rate * by_fall[i]
        by_fall[i] = value[i] * since * fall


@kernel
def _project(
    t: Floats, y: Floats, root: Floats, q: Floats, positive: bool, rows: Floats, linear: Floats, hessian: Floats,
    gradient: Floats,
) -> Number:  # fmt: skip
    """Solve for offset and amplitude, fill gradient and projected Hessian, return chi-square; inf where impossible."""
    _shape(t, root, q, rows)
    value, rest = rows[0][: t.size], rows[4][: t.size]
    s00, s01, s11 = dot(root, root), dot(root, value), dot(value, value)
    determinant = s00 * s11 - s01 * s01
    if not determinant > 1e-12 * s00 * s11:
        return math.inf
    y0, y1 = dot(root, y), dot(value, y)
    offset = (s11 * y0 - s01 * y1) / determinant
    amplitude = (s00 * y1 - s01 * y0) / determinant
    linear[0], linear[1], linear[2] = offset, amplitude, determinant / s00
    if positive and amplitude <= 0.0:
        return math.inf
    for i in range(t.size):
        rest[i] = y[i] - offset * root[i] - amplitude * value[i]
    for a in range(3):
        row = rows[a + 1][: t.size]
        gradient[a] = amplitude * dot(row, rest)
        a0, a1 = dot(row, root), dot(row, value)
        for b in range(a + 1):
            other = rows[b + 1][: t.size]
            b0, b1 = dot(other, root), dot(other, value)
            shared = (s11 * a0 * b0 - s01 * (a0 * b1 + a1 * b0) + s00 * a1 * b1) / determinant
            hessian[a, b] = amplitude * amplitude * (dot(row, other) - shared)
    return dot(rest, rest)


@kernel
def _descend(
    t: Floats, y: Floats, root: Floats, q: Floats, low: Floats, high: Floats, positive: bool, rows: Floats,
    linear: Floats, vectors: Floats, matrices: Floats,
) -> tuple[Number, int, bool]:  # fmt: skip
    """Bring q = (t0, ln tau_r, ln tau_d) to a minimum; returns chi-square, iterations, whether converged."""
    gradient, fresh, step, trial, found = vectors[0], vectors[1], vectors[2], vectors[3], vectors[4]
    hessian, other, work = matrices[0], matrices[1], matrices[2]
    held, resting = np.zeros(3, np.bool_), np.zeros(3, np.bool_)
    chi2 = _project(t, y, root, q, positive, rows, linear, hessian, gradient)
    if not chi2 < math.inf:
        return math.inf, 1, False
    damping, growth = 1e-3, 2.0
    for iteration in range(1, _MOST + 1):
        if not damped_step(hessian, gradient, q, low, high, held, damping, 3, resting, work, step):
            damping *= 10.0
            continue
        limit = max(1.0, abs(step[1]), abs(step[2]), abs(step[0]) / (2.0 * math.exp(q[1]) + 1e-3))
        promised, moved = 0.0, 0.0
        for a in range(3):
            trial[a] = min(high[a], max(low[a], q[a] + step[a] / limit))
            promised += (trial[a] - q[a]) * gradient[a]
            moved = max(moved, abs(step[a]) / (math.exp(q[1]) if a == 0 else 1.0))
        new = _project(t, y, root, trial, positive, rows, found, other, fresh)
        small = moved < _TOLERANCE or (limit == 1.0 and 0.0 <= promised <= 1e-14 * chi2)
        lightly = damping < 1e-2
        damping, growth = next_damping(damping, growth, chi2 - new, promised)
        if new <= chi2:
            small = small and lightly
            step_to(trial, fresh, other, q, gradient, hessian, 3)
            for a in range(3):
                linear[a] = found[a]
            chi2 = new
        if small:
            return chi2, iteration, True
    return chi2, _MOST, False


@kernel
def _onset(y: Floats, root: Floats, positive: bool) -> int:
    """Return the sample where the running mean over five samples changes most; only upwards when `positive`."""
    best, at = -math.inf, 0
    for i in range(5, y.size - 2):
        change = 0.0
        for j in range(-2, 3):
            change += y[i + j] - y[i + j - 3] if root[i + j] > 0 and root[i + j - 3] > 0 else 0.0
        change = change if positive else abs(change)
        if change > best:
            best, at = change, i
    return at


@kernel
def onsets(y: Floats, used: NDArray[np.bool_], positive: bool, out: NDArray[np.int64]) -> None:
    """Fill the onset sample of each record; `y` and `used` have shape (n, samples)."""
    root = np.empty(y.shape[1])
    for k in range(y.shape[0]):
        for i in range(root.size):
            root[i] = 1.0 if used[k, i] else 0.0
        out[k] = _onset(y[k], root, positive)


@kernel
def _put(source: Floats, target: Floats) -> None:
    """Copy the three nonlinear parameters."""
    target[0], target[1], target[2] = source[0], source[1], source[2]


@kernel
def _search(
    t: Floats, y: Floats, root: Floats, onset: int, positive: bool, rows: Floats, linear: Floats, vectors: Floats,
    matrices: Floats, q: Floats,
) -> tuple[Number, int, int]:  # fmt: skip
    """Bring q to the best minimum of all starts; returns chi-square, iterations and status."""
    low, high, trial, found, reached = vectors[5], vectors[6], vectors[7], np.empty((6, 3)), np.empty(6)
    low[0], low[1], low[2] = t[0], math.log(RISE_BOUNDS[0]), math.log(DISCHARGE_BOUNDS[0])
    high[0], high[1], high[2] = t[-1], math.log(RISE_BOUNDS[1]), math.log(DISCHARGE_BOUNDS[1])
    best: Number = math.inf
    total, settled, start = 0, False, 0
    for rise in RISE_STARTS:
        for discharge in DISCHARGE_STARTS:
            trial[0], trial[1], trial[2] = max(t[0], t[onset] - 0.3 * rise), math.log(rise), math.log(discharge)
            chi2, rounds, done = _descend(t, y, root, trial, low, high, positive, rows, linear, vectors, matrices)
            total += rounds
            reached[start] = chi2
            _put(trial, found[start])
            if chi2 < best:
                best, settled = chi2, done
                _put(trial, q)
            start += 1
    if not best < math.inf:
        return best, total, _NO_SIGNAL
    step = (t[-1] - t[0]) / (t.size - 1)
    for _ in range(4):
        before = best
        for side in (-step, step):
            _put(q, trial)
            trial[0] = min(high[0], max(low[0], q[0] + side))
            chi2, rounds, done = _descend(t, y, root, trial, low, high, positive, rows, linear, vectors, matrices)
            total += rounds
            if chi2 < best:
                best, settled = chi2, done
                _put(trial, q)
        if best >= before * (1.0 - 1e-9):
            break
    state = 0 if settled else _MAX_ITER
    margin = best / max(1.0, dot(root, root) - 5.0)
    for start in range(6):
        if reached[start] < best + margin and abs(found[start, 1] - q[1]) > _ALIKE:
            state |= _AMBIGUOUS
    for a in range(3):
        if q[a] <= low[a] + 1e-9 or q[a] >= high[a] - 1e-9:
            state |= _AT_BOUND
    return best, total, state


@kernel
def _covariance(t: Floats, root: Floats, q: Floats, amplitude: Number, rows: Floats, work: Floats, out: Floats) -> bool:
    """Fill the inverse of J^T J in (t0, C0, A, tau_r, tau_d); False when it is singular."""
    _shape(t, root, q, rows)
    columns = (rows[1][: t.size], root, rows[0][: t.size], rows[2][: t.size], rows[3][: t.size])
    factors = (amplitude, 1.0, 1.0, amplitude, amplitude)
    scale, unit = np.empty(5), np.empty(5)
    for a in range(5):
        scale[a] = math.sqrt(dot(columns[a], columns[a])) * abs(factors[a])
        if not scale[a] > 0.0:
            return False
    for a in range(5):
        for b in range(a + 1):
            work[a, b] = dot(columns[a], columns[b]) * factors[a] * factors[b] / (scale[a] * scale[b])
    if not factor(work, 5):
        return False
    plain = (1.0, 1.0, 1.0, math.exp(q[1]), math.exp(q[2]))
    for b in range(5):
        for a in range(5):
            unit[a] = 1.0 if a == b else 0.0
        solve(work, unit, 5)
        for a in range(5):
            out[a, b] = unit[a] / (scale[a] * scale[b]) * plain[a] * plain[b]
    return True


@kernel
def _limit(
    t: Floats, y: Floats, root: Floats, onset: int, sigma: Number, rows: Floats, linear: Floats, vectors: Floats,
    matrices: Floats,
) -> Number:  # fmt: skip
    """Return the largest charge that may hide in a record: over the start shapes, amplitude and 1.645 errors."""
    largest: Number = 0.0
    q = vectors[7]
    for rise in RISE_STARTS:
        for discharge in DISCHARGE_STARTS:
            q[0], q[1], q[2] = max(t[0], t[onset] - 0.3 * rise), math.log(rise), math.log(discharge)
            if _project(t, y, root, q, False, rows, linear, matrices[0], vectors[0]) < math.inf:
                ratio: Number = rise / discharge
                height = math.exp(-math.log1p(ratio) + ratio * (math.log(ratio) - math.log1p(ratio)))
                largest = max(largest, (abs(linear[1]) + LIMIT * sigma / math.sqrt(linear[2])) * height)
    return largest if largest > 0.0 else math.nan


@kernel
def fit_records(
    t: Floats, y: Floats, used: NDArray[np.bool_], onset: NDArray[np.int64], sigma: Floats, positive: bool,
    values: Floats, covariance: Floats, chi2: Floats, limit: Floats, rounds: NDArray[np.int64],
    status: NDArray[np.int32],
) -> None:  # fmt: skip
    """Fit in place every record whose status has no failure; `t`, `y` and `used` have shape (n, samples)."""
    samples = y.shape[1]
    rows, vectors, matrices, linear = np.empty((5, samples)), np.zeros((8, 5)), np.zeros((3, 5, 5)), np.zeros(5)
    q, root, signal = np.zeros(3), np.empty(samples), np.empty(samples)
    for k in range(y.shape[0]):
        if status[k] & _FAILED != 0:
            continue
        count = 0
        for i in range(samples):
            root[i] = 1.0 if used[k, i] else 0.0
            signal[i] = y[k, i] if used[k, i] else 0.0
            count += used[k, i]
        best, rounds[k], state = _search(t[k], signal, root, onset[k], positive, rows, linear, vectors, matrices, q)
        if state & _NO_SIGNAL == 0:
            _project(t[k], signal, root, q, positive, rows, linear, matrices[0], vectors[0])
        if state & _NO_SIGNAL != 0 or not abs(linear[1]) > SIGNIFICANCE * sigma[k] / math.sqrt(linear[2]):
            status[k] |= _NO_SIGNAL if state & _NO_SIGNAL else _WEAK
            limit[k] = _limit(t[k], signal, root, onset[k], sigma[k], rows, linear, vectors, matrices)
            continue
        status[k] |= state
        chi2[k] = best
        values[k, 0], values[k, 1], values[k, 2] = q[0], linear[0], linear[1]
        values[k, 3], values[k, 4] = math.exp(q[1]), math.exp(q[2])
        if not _covariance(t[k], root, q, linear[1], rows, matrices[2], covariance[k]):
            status[k] |= _SINGULAR
        if best > BAD_CHI2 * sigma[k] * sigma[k] * max(1, count - 5) and sigma[k] > 0.0:
            status[k] |= _BAD_CHI2
