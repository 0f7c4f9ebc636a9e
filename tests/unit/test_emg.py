"""The line model, against 60-digit values, against scipy, and against itself by other ways."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from archive.numerics import emg as line
from archive.numerics.special import erfcx, normal_cdf
from tests.data import data_path

LOGARITHMS = st.tuples(st.floats(-4, 0), st.floats(-2, 4))


def reference() -> dict[str, Any]:
    return dict(json.loads(data_path("idex-science/emg-evaluation.json").read_text()))


def of(case: dict[str, Any]) -> tuple[float, float, float, float]:
    return case["area"], case["mu_us"], case["sigma_us"], case["lambda_per_us"]


def test_values_areas_and_maxima_are_those_of_60_digit_arithmetic() -> None:
    tolerance = reference()["tolerance"]
    for case in reference()["cases"]:
        t, p = np.array(case["x_us"]), of(case)
        np.testing.assert_allclose(
            line.emg(t, *p), case["value"], rtol=tolerance["value_rel"], atol=tolerance["value_abs"]
        )
        cumulative = line.emg_cumulative(t, 1.0, *p[1:])
        np.testing.assert_allclose(cumulative, case["cdf_unit_area"], rtol=0, atol=tolerance["cdf_abs"])
        area = line.emg_area(*case["window_us"], *p)
        np.testing.assert_allclose(area, case["area_in_window"], rtol=tolerance["area_rel"])
        if case["mode_us"] is not None:
            assert abs(line.emg_profile(*p).mode - case["mode_us"]) <= tolerance["mode_abs_us"]
        mean, variance, skewness = line.emg_moments(*p[1:])
        np.testing.assert_allclose([mean, variance], [case["mean_us"], case["variance_us2"]], rtol=1e-10)
        np.testing.assert_allclose(skewness, case["skewness"], rtol=1e-9, atol=1e-12)


def test_the_scaled_error_function_has_all_digits() -> None:
    x = np.concatenate([np.linspace(0, 30, 2001), np.logspace(1, 150, 300)])
    np.testing.assert_allclose([erfcx(value) for value in x], special.erfcx(x), rtol=1e-14)
    x = np.linspace(-37, 9, 500)
    np.testing.assert_allclose([normal_cdf(value) for value in x], special.ndtr(x), rtol=1e-12)


@given(LOGARITHMS)
@settings(max_examples=60, deadline=None)
def test_the_line_is_finite_and_never_negative_over_the_whole_range_of_parameters(logs: tuple[float, float]) -> None:
    sigma, lam = 10.0 ** logs[0], 10.0 ** logs[1]
    t = 5.0 + np.concatenate([np.linspace(-60, 60, 121) * sigma, np.linspace(-20, 40, 61) / lam])
    values = line.emg(t, 1.0, 5.0, sigma, lam)
    assert np.all(np.isfinite(values))
    assert np.all(values >= 0)
    assert np.all(np.isfinite(line.emg_jacobian(t, 1.0, 5.0, sigma, lam)))


@given(LOGARITHMS)
@settings(max_examples=30, deadline=None)
def test_the_derivatives_are_those_of_complex_steps_of_the_value(logs: tuple[float, float]) -> None:
    sigma, lam = 10.0 ** logs[0], 10.0 ** min(logs[1], 0.7 - logs[0])  # a <= 5: differences still have digits
    t = 5.0 + np.linspace(-4, 6, 21) * sigma
    p = np.array([0.7, 5.0, sigma, lam])
    jacobian = line.emg_jacobian(t, *p)
    for i, step in enumerate((1e-5, 1e-5 * sigma, 1e-5 * sigma, 1e-5 * lam)):
        ahead, back = p.copy(), p.copy()
        ahead[i] += step
        back[i] -= step
        slope = (line.emg(t, *ahead) - line.emg(t, *back)) / (ahead[i] - back[i])
        np.testing.assert_allclose(jacobian[:, i], slope, rtol=2e-4, atol=2e-6 * np.abs(slope).max() + 1e-300)


@pytest.mark.parametrize(("sigma", "lam"), [(0.015, 50.0), (0.02, 2.0), (0.01, 400.0)])
def test_it_is_the_exponnorm_law_and_its_area_is_one(sigma: float, lam: float) -> None:
    t = np.linspace(4.9, 6.0, 300)
    law = stats.exponnorm(1 / (sigma * lam), 5.0, sigma)
    np.testing.assert_allclose(line.emg(t, 1.0, 5.0, sigma, lam), law.pdf(t), rtol=1e-9, atol=1e-12)
    inside = integrate.quad(lambda x: float(line.emg(x, 1.0, 5.0, sigma, lam)), 4.98, 5.1, epsrel=1e-11)[0]
    np.testing.assert_allclose(line.emg_area(4.98, 5.1, 1.0, 5.0, sigma, lam), inside, rtol=1e-9)


def test_both_limits_are_the_gaussian_and_the_exponential() -> None:
    t = np.linspace(-0.1, 0.1, 101)
    np.testing.assert_allclose(line.emg(t, 1.0, 0.0, 0.02, 1e9), stats.norm.pdf(t, 0, 0.02), rtol=1e-6)
    later = np.linspace(0.01, 0.5, 50)
    np.testing.assert_allclose(line.emg(later, 1.0, 0.0, 1e-6, 5.0), 5 * np.exp(-5 * later), rtol=1e-4)


@given(LOGARITHMS)
@settings(max_examples=40, deadline=None)
def test_maximum_and_widths_hold_on_the_curve_itself(logs: tuple[float, float]) -> None:
    sigma, lam = 10.0 ** logs[0], 10.0 ** logs[1]
    mode, height, fwhm, tail = line.emg_profile(2.0, 5.0, sigma, lam)
    assert 5.0 - 1e-12 <= mode <= 5.0 + 1 / lam + 1e-12
    around = line.emg(mode + np.array([-0.01, 0, 0.01]) * sigma, 2.0, 5.0, sigma, lam)
    assert around[1] == pytest.approx(height, rel=1e-12)
    assert np.all(around[[0, 2]] <= height * (1 + 1e-12))
    grid = np.linspace(float(mode) - 4 * sigma, float(mode) + 8 * sigma + 3 / lam, 40001)
    above = grid[line.emg(grid, 2.0, 5.0, sigma, lam) >= height / 2]
    assert fwhm == pytest.approx(above[-1] - above[0], abs=2.1 * (grid[1] - grid[0]))
    assert tail >= 1 - 1e-6


def test_impossible_parameters_give_nan_and_no_exception() -> None:
    assert np.isnan(line.emg_profile(1.0, 0.0, [-1.0, 0.0, np.nan, np.inf], 1.0).fwhm).all()
    assert np.isnan(line.emg(np.nan, 1.0, 0.0, 1.0, 1.0))
    assert line.emg(np.empty(0), 1.0, 0.0, 1.0, 1.0).shape == (0,)
