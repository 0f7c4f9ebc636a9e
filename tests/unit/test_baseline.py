"""Baselines, noise levels and signal-to-noise: the reference cases and bad records."""

from __future__ import annotations

import json

import numpy as np
import pytest

from archive.numerics import baseline
from tests.data import data_path


def test_the_reference_ratios_are_reached_with_both_deviations() -> None:
    reference = json.loads(data_path("idex-science/snr.json").read_text())
    for case in reference["cases"]:
        level = baseline.pre75(case["t_us"], case["y"])
        assert level.samples[0] == case["baseline_n"]
        expected = [case["baseline_mean"], case["sd_ddof1"], case["snr_ddof1"]]
        found = [level.baseline[0], level.sigma[0], baseline.signal_to_noise(case["y"], level)[0]]
        np.testing.assert_allclose(found, expected, rtol=reference["tolerance"]["rel"])
        population = baseline.pre75(case["t_us"], case["y"], ddof=0)
        assert baseline.signal_to_noise(case["y"], population)[0] == pytest.approx(case["snr_ddof0"], rel=1e-9)
    empty = reference["empty_window"]
    level = baseline.pre75(empty["t_us"], empty["y"])
    assert level.samples[0] == 0
    assert np.isnan(baseline.signal_to_noise(empty["y"], level)[0])


def test_windows_are_the_named_ones() -> None:
    t = np.linspace(-8, 12, 2001)
    y = t.copy()
    assert baseline.first3us(t, y).baseline[0] == pytest.approx(-6.505, abs=0.006)
    assert baseline.first1us(t, y).baseline[0] == pytest.approx(-7.505, abs=0.006)
    assert baseline.first5us(t, y).baseline[0] == pytest.approx(-5.5, abs=0.006)
    assert baseline.first50(y).baseline[0] == pytest.approx(t[:50].mean())


def test_the_robust_level_ignores_outliers_and_a_zero_mad_gives_the_deviation() -> None:
    rng = np.random.default_rng(1)
    t = np.arange(2000) * 0.01
    y = rng.normal(5, 0.1, 2000)
    y[::50] += 30
    level = baseline.first3us(t, y)
    assert level.baseline[0] == pytest.approx(5, abs=0.03)
    assert level.sigma[0] == pytest.approx(0.1, rel=0.15)
    steps = np.where(np.arange(2000) == 7, 3.0, 1.0)
    assert baseline.first3us(t, steps).sigma[0] == pytest.approx(steps[:300].std())


def test_the_quietest_window_before_the_onset_is_found() -> None:
    rng = np.random.default_rng(2)
    t = np.arange(512) * 0.25
    y = rng.normal(0, 1.0, 512)
    y[60:80] = rng.normal(2.0, 0.01, 20)
    y[200:] = 9.0
    level = baseline.quiet3us(t, y, 150)
    assert level.baseline[0] == pytest.approx(2.0, abs=0.05)
    assert level.sigma[0] < 0.05
    assert np.isnan(baseline.quiet3us(t, y, 5).baseline[0])


def test_records_that_begin_in_the_signal_are_told() -> None:
    t = np.arange(1000) * 0.01
    level = baseline.first3us(t, np.array([np.full(1000, 511.0), np.full(1000, 540.0), np.full(1000, np.nan)]))
    assert baseline.truncated(level, 511.0).tolist() == [False, True, False]


@pytest.mark.parametrize("y", [np.full((1, 30), np.nan), np.empty((1, 0)), np.ones((1, 1)), np.ones((1, 30))])
def test_bad_records_have_no_ratio(y: np.ndarray) -> None:
    t = np.linspace(-8, 0, y.shape[1])
    for level in (baseline.pre75(t, y), baseline.first3us(t, y), baseline.quiet3us(t, y, 20)):
        assert np.isnan(baseline.signal_to_noise(y, level)).all()


def test_a_level_does_not_depend_on_the_records_beside() -> None:
    t = -8 + np.arange(2000) / 260 + np.array([[0.0], [0.37], [-0.81]])
    y = np.random.default_rng(3).normal(500, 3, t.shape)
    together = baseline.pre75(t, y)
    for k in range(3):
        alone = baseline.pre75(t[k], y[k : k + 1])
        assert (alone.baseline[0], alone.sigma[0]) == (together.baseline[k], together.sigma[k])
