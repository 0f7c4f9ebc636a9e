"""Fits in numbers: the share at the minimum, agreement with lmfit and a plain fitter, pulls, whole spectra."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.optimize import least_squares

from archive.numerics import comb, models, status
from archive.numerics.baseline import first3us
from archive.numerics.emg import emg, emg_jacobian, emg_profile
from archive.numerics.linefit import LineFits, fit_lines, fit_rows, line_curve
from archive.numerics.massscale import flight_time
from archive.numerics.peaks import find_lines
from archive.numerics.pulse import impact_charge, pulse
from archive.numerics.pulsefit import fit_pulses

STEP = 1 / 260
SAMPLES = 61


def windows(count: int, snr: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Windows with one line each: times, signal, and (area, mu, sigma, lambda)."""
    rng = np.random.default_rng(seed)
    truth = np.column_stack([
        10 ** rng.uniform(-4, -1, count), rng.uniform(2, 12, count), rng.uniform(0.007, 0.018, count),
        rng.uniform(25, 110, count),
    ])  # fmt: skip
    first = rng.integers(14, 22, count)[:, None] + rng.uniform(-0.5, 0.5, (count, 1))
    t = truth[:, 1:2] + (np.arange(SAMPLES) - first) * STEP
    y = emg(t, *(truth[:, i : i + 1] for i in range(4)))
    return t, y + rng.normal(size=y.shape) * (emg_profile(*truth.T).height / snr)[:, None], truth


def residuals(p: np.ndarray, t: np.ndarray, y: np.ndarray) -> np.ndarray:
    return emg(t, p[0], p[1], np.exp(p[2]), np.exp(p[3])) - y


def jacobian(p: np.ndarray, t: np.ndarray, y: np.ndarray) -> np.ndarray:
    sigma, lam = np.exp(p[2]), np.exp(p[3])
    return emg_jacobian(t, p[0], p[1], sigma, lam) * [1, 1, sigma, lam]


def plain_fit(t: np.ndarray, y: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, float]:
    """The method of the batch fitter as one would write it down: damped normal equations, one window, no bounds met."""
    p = np.concatenate([start[:2], np.log(start[2:])])
    damping, chi2 = 1e-3, float(np.sum(residuals(p, t, y) ** 2))
    for _ in range(500):
        rows, rest = jacobian(p, t, y), residuals(p, t, y)
        hessian = rows.T @ rows
        step = -np.linalg.solve(hessian + damping * np.diag(np.diag(hessian)), rows.T @ rest)
        trial = p + step / max(1.0, np.abs(step[2:]).max())
        new = float(np.sum(residuals(trial, t, y) ** 2))
        if new <= chi2:
            done = np.abs(step / [p[0], np.exp(p[2]), 1, 1]).max() < 1e-7
            p, chi2, damping = trial, new, damping / 10
            if done:
                break
        else:
            damping *= 10
            if damping > 1e12:
                break
    return np.concatenate([p[:2], np.exp(p[2:])]), chi2


def reference_chi2(t: np.ndarray, y: np.ndarray, truth: np.ndarray) -> float:
    """The least chi-square that scipy finds from the truth, within the bounds of the batch fitter."""
    start = np.concatenate([truth[:2], np.log(truth[2:])])
    low = [0, t[0], np.log(1e-4), np.log(1e-2)]
    high = [np.inf, t[-1], 0.0, np.log(1e4)]
    scale = [truth[0], truth[2], 1.0, 1.0]
    found = least_squares(
        residuals, start, jacobian, bounds=(low, high), x_scale=scale, args=(t, y), xtol=1e-12, ftol=1e-14, gtol=1e-15
    )
    return float(2 * found.cost)


@pytest.mark.parametrize("snr", [10.0, 50.0])
def test_99_of_100_fits_reach_the_reference_chi_square(snr: float) -> None:
    t, y, truth = windows(300, snr, 1)
    fit = fit_rows(t, y)
    best = np.array([reference_chi2(*each) for each in zip(t, y, truth, strict=True)])
    assert np.mean(fit.chi2 <= best * (1 + 1e-6)) >= 0.99


def test_the_batch_agrees_with_the_plain_fitter() -> None:
    t, y, truth = windows(60, 20.0, 2)
    fit = fit_rows(t, y)
    for k in range(60):
        if fit.values[k, 3] * fit.values[k, 2] > 3:
            continue  # the plain fitter has no bounds and walks on in the Gaussian limit
        values, chi2 = plain_fit(t[k], y[k], truth[k])
        assert fit.chi2[k] == pytest.approx(chi2, rel=1e-8)
        np.testing.assert_allclose(fit.values[k], values, rtol=1e-5)


def test_areas_are_those_of_lmfit_to_one_in_a_million() -> None:
    t, y, _ = windows(60, 15.0, 3)
    fit = fit_rows(t, y)
    agreed = 0
    for k in range(60):
        person = models.refit_line(t[k], y[k])
        assert fit.chi2[k] <= person.chisqr * (1 + 1e-6)
        if person.chisqr > fit.chi2[k] * (1 + 1e-6):
            continue  # lmfit stayed in another minimum
        agreed += 1
        assert fit.values[k, 0] == pytest.approx(person.best_values["area"], rel=1e-6)
    assert agreed >= 50


def test_pulls_of_lines_and_of_pulses_are_unit_normal() -> None:
    t, y, truth = windows(2000, 30.0, 4)
    fit = fit_rows(t, y)
    good = fit.status == status.OK
    assert good.mean() > 0.9
    pulls = (fit.values[good] - truth[good]) / fit.errors[good]
    np.testing.assert_allclose(pulls[:, :2].mean(axis=0), 0, atol=0.1)
    np.testing.assert_allclose(pulls[:, :2].std(axis=0), 1, atol=0.08)
    rng = np.random.default_rng(5)
    axis = -17.7 + np.arange(512) / 4.0625
    drawn = np.column_stack([rng.uniform(-2, 2, 200), rng.uniform(-2, 2, 200), rng.uniform(50, 300, 200),
                             rng.uniform(1, 8, 200), rng.uniform(50, 110, 200)])  # fmt: skip
    pulses = fit_pulses(axis, pulse(axis, drawn) + rng.normal(0, 2.0, (200, 512)), positive=True)
    charge = (pulses.charge - impact_charge(drawn)) / pulses.charge_error
    assert abs(charge.mean()) < 0.25
    assert charge.std() == pytest.approx(1.0, abs=0.2)


SPECIES = ("H", "C", "O", "Na", "24Mg", "25Mg", "26Mg", "28Si", "39K", "40Ca", "56Fe")


def spectra(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Whole records with lines of known species, sizes between 30 and 3000 sigma."""
    rng = np.random.default_rng(seed)
    t = -7.877 + np.arange(8189) * STEP
    masses = np.array([comb.REFERENCE[name] for name in SPECIES])
    rows, truth = [], []
    for _ in range(count):
        mu = t[0] + flight_time([rng.uniform(8.2, 9.2), rng.uniform(1.42, 1.46)], masses)
        lines = np.column_stack([
            10 ** rng.uniform(-3.6, -1.6, masses.size), mu, 0.006 + 0.0012 * np.sqrt(masses),
            rng.uniform(50, 90, masses.size),
        ])  # fmt: skip
        rows.append(line_curve(t, lines) + rng.normal(0.04, 4e-4, t.size))
        truth.append(lines)
    return t, np.array(rows), truth


def analysed(t: np.ndarray, y: np.ndarray) -> LineFits:
    level = first3us(t, y)
    signal = y - level.baseline[:, None]
    return fit_lines(t, signal, find_lines(signal, level.sigma), noise=level.sigma)


def test_whole_spectra_come_back_with_their_scale_areas_and_names() -> None:
    t, y, truth = spectra(25, 6)
    fit = analysed(t, y)
    names, pulls, named, known = comb.reference_comb().names, [], 0, 0
    for k, lines in enumerate(truth):
        mine = np.flatnonzero(fit.record == k)
        scale = comb.find_scale(fit.values[mine, 1] - t[0], comb.peak_weights(fit.snr[mine]))
        assert not scale.default
        given = {int(mine[a]): names[b] for a, b in zip(scale.line, scale.reference, strict=True)}
        for species, line in zip(SPECIES, lines, strict=True):
            nearest = int(mine[np.argmin(np.abs(fit.values[mine, 1] - line[1]))])
            if abs(fit.values[nearest, 1] - line[1]) < 0.02 and fit.snr[nearest] > 12:
                known += 1
                named += given.get(nearest) == species
                pulls.append((fit.values[nearest, 0] - line[0]) / fit.errors[nearest, 0])
    assert named >= 0.97 * known
    assert np.median(np.abs(pulls)) < 1.1


def test_a_thousand_events_are_not_slower_than_the_clock_allows() -> None:
    """Not a timed test: it only guards against a fit that grows out of all proportion."""
    t, y, _ = spectra(20, 7)
    analysed(t, y[:1])
    begin = time.process_time()
    analysed(t, y)
    assert time.process_time() - begin < 5.0


def test_records_of_every_bad_kind_pass_through_the_whole_chain() -> None:
    t, y, _ = spectra(1, 8)
    bad = np.array([
        np.full(t.size, np.nan), np.zeros(t.size), np.full(t.size, 1023.0), y[0], -y[0], np.where(t > 2, np.nan, y[0]),
        np.where(np.arange(t.size) == 4000, 5.0, 0.0), np.tile([0.0, 1.0], t.size)[: t.size],
    ])  # fmt: skip
    fit = analysed(t, bad)
    alone = analysed(t, y)
    np.testing.assert_array_equal(fit.values[fit.record == 3], alone.values)
    failed = fit.status & status.FAILED != 0
    assert np.isnan(fit.values[failed]).all()
    assert np.isfinite(fit.values[~failed]).all()
    pulses = fit_pulses(t[::64], bad[:, ::64], positive=False)
    assert np.all(np.isfinite(pulses.charge) | (pulses.status != status.OK))
    for samples in (0, 1, 2, 11):
        assert analysed(t[:samples], y[:, :samples]).values.shape == (0, 4)


def wild(rng: np.random.Generator, samples: int) -> np.ndarray:
    """A record that no instrument sends: gaps, infinities, steps, constants, sizes from 1e-300 to 1e300."""
    y = rng.normal(size=samples) * 10.0 ** rng.integers(-12, 12)
    kind = rng.integers(0, 9)
    if kind == 1:
        y[rng.random(samples) < 0.3] = np.nan
    elif kind == 2:
        y[rng.random(samples) < 0.1] = np.inf
    elif kind in (3, 4):
        y = np.abs(y) * 1e290 if kind == 3 else np.round(rng.normal(size=samples))
    elif kind == 5:
        y = np.cumsum(y)
    elif kind == 6:
        y = np.where(np.arange(samples) < samples // 2, 0.0, 1e-300)
    elif kind == 7:
        y = -np.abs(y)
    elif kind == 8:
        y = np.full(samples, rng.choice([0.0, 1.0, np.nan, -5.0, np.inf, 1e308]))
    return y


def test_nothing_that_can_be_sent_raises_or_is_silent() -> None:
    rng = np.random.default_rng(9)
    for _ in range(300):
        count, samples = int(rng.integers(0, 4)), int(rng.choice([0, 1, 2, 3, 11, 12, 13, 61, 200]))
        y = np.array([wild(rng, samples) for _ in range(count)]).reshape(count, samples)
        t = np.arange(samples) * 10.0 ** rng.integers(-4, 2)
        sigma = np.full(count, rng.choice([0.0, np.nan, 1.0, 1e-9]))
        for fit in (fit_rows(t, y), fit_rows(t, y, sigma=sigma), fit_rows(t, y, noise=sigma), analysed(t, y)):
            failed = fit.status & status.FAILED != 0
            assert np.isnan(fit.values[failed]).all()
            assert np.isfinite(fit.values[~failed]).all()
        pulses = fit_pulses(t, y, positive=bool(rng.integers(0, 2)))
        assert np.all(np.isfinite(pulses.charge) | (pulses.status != status.OK))
        scale = comb.find_scale(y.ravel(), np.ones(y.size))
        assert scale.default or np.all(np.isfinite(scale.coefficients))
