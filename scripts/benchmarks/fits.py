"""Fits: lines and pulses in bulk, whole spectra and mass scales; each beside lmfit on the same windows."""

from __future__ import annotations

import numpy as np

from scripts.benchmarks.row import Row, seconds

STEP = 1 / 260


def line_windows(count: int, snr: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Windows of 61 samples with one line each: times, signal, true parameters."""
    from archive.numerics.emg import emg, emg_profile

    rng = np.random.default_rng(seed)
    truth = np.column_stack([
        10 ** rng.uniform(-4, -1, count), rng.uniform(2, 12, count), rng.uniform(0.007, 0.018, count),
        rng.uniform(25, 110, count),
    ])  # fmt: skip
    first = rng.integers(14, 22, count)[:, None] + rng.uniform(-0.5, 0.5, (count, 1))
    t = truth[:, 1:2] + (np.arange(61) - first) * STEP
    y = emg(t, *(truth[:, i : i + 1] for i in range(4)))
    return t, y + rng.normal(size=y.shape) * (emg_profile(*truth.T).height / snr)[:, None], truth


def spectra(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Whole records of 8189 samples with twelve lines each."""
    from archive.numerics.comb import REFERENCE
    from archive.numerics.linefit import line_curve

    rng = np.random.default_rng(2)
    names = ("H", "C", "O", "Na", "24Mg", "25Mg", "26Mg", "Al", "28Si", "39K", "40Ca", "56Fe")
    roots = np.sqrt([REFERENCE[name] for name in names])
    t = -7.877 + np.arange(8189) * STEP
    rows = []
    for _ in range(count):
        lines = np.column_stack([
            10 ** rng.uniform(-3.6, -2.2, 12), t[0] + 8.98 + 1.4421 * roots, 0.006 + 0.0012 * roots,
            rng.uniform(50, 90, 12),
        ])  # fmt: skip
        rows.append(line_curve(t, lines) + rng.normal(0.038, 4e-4, t.size))
    return t, np.array(rows)


def by_lmfit(t: np.ndarray, y: np.ndarray) -> list[float]:
    """Fit windows one by one as lmfit is usually asked to, without its bound of gamma; returns chi-squares.

    Where its formula overflows and the fit is given up, chi-square is infinite.
    """
    import warnings

    from lmfit.models import ExponentialGaussianModel

    model, found = ExponentialGaussianModel(), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for times, signal in zip(t, y, strict=True):
            parameters = model.guess(signal, x=times)
            parameters["gamma"].set(max=np.inf)
            try:
                found.append(float(model.fit(signal, parameters, x=times).chisqr))
            except ValueError:
                found.append(np.inf)
    return found


def analyse(t: np.ndarray, y: np.ndarray) -> object:
    """Baseline, noise, peaks, windows and joint fits of whole records."""
    from archive.numerics.baseline import first3us
    from archive.numerics.linefit import fit_lines
    from archive.numerics.peaks import find_lines

    level = first3us(t, y)
    signal = y - level.baseline[:, None]
    return fit_lines(t, signal, find_lines(signal, level.sigma), noise=level.sigma)


def measure(large: bool) -> list[Row]:
    """Rates on one core; the baselines fit a part of the same windows in the same run."""
    from archive.numerics import comb, models
    from archive.numerics.linefit import fit_rows
    from archive.numerics.pulse import pulse
    from archive.numerics.pulsefit import fit_pulses

    count = 100_000 if large else 10_000
    rows = []
    for snr in (50.0, 10.0):
        t, y, truth = line_windows(count, snr)
        ours = count / seconds(lambda t=t, y=y: fit_rows(t, y))
        theirs = 40 / seconds(lambda t=t, y=y: by_lmfit(t[:40], y[:40]), 1)
        fit, best = fit_rows(t, y), fit_rows(t, y, start=truth)
        reached = np.mean(fit.chi2 <= np.fmin(fit.chi2, best.chi2) * (1 + 1e-6))
        lost = np.mean(fit.chi2[:40] > np.fmin(fit.chi2[:40], by_lmfit(t[:40], y[:40])) * (1 + 1e-6))
        note = f"(SNR {snr:g}; {100 * reached:.2f} % at the best chi-square known, {100 * lost:.0f} % above lmfit's)"
        rows.append(Row("line fits of 61 samples", ours, "1/s", ">= 20 000/s", theirs, "lmfit", note))
    t, y = spectra(200)
    events = 200 / seconds(lambda: analyse(t, y))
    rows.append(Row("events: noise, peaks, windows, fits of 12 lines", events, "1/s", ">= 1 000/s"))
    fit = analyse(t, y[:1])
    weight = comb.peak_weights(fit.snr)  # type: ignore[attr-defined]
    mu = fit.values[:, 1] - t[0]  # type: ignore[attr-defined]
    rows.append(Row("mass scale of 12 lines", 1e3 * seconds(lambda: comb.find_scale(mu, weight), 9), "ms", "-"))
    axis = -17.7 + np.arange(512) / 4.0625
    rng = np.random.default_rng(3)
    records = pulse(axis, np.column_stack([rng.uniform(-2, 2, 300), rng.uniform(-2, 2, 300), rng.uniform(50, 300, 300),
                                           rng.uniform(1, 8, 300), rng.uniform(50, 110, 300)]))  # fmt: skip
    records += rng.normal(0, 2.0, records.shape)
    pulses = 300 / seconds(lambda: fit_pulses(axis, records, positive=True))
    start = {"t0": 0.0, "offset": 0.0, "amplitude": 150.0, "rise": 3.71, "discharge": 37.1}
    single = 20 / seconds(
        lambda: [models.refit_pulse(axis, record, positive=True, start=start) for record in records[:20]], 1
    )
    rows.append(Row("charge pulses of 512 samples", pulses, "1/s", "-", single, "lmfit, one start"))
    return rows
