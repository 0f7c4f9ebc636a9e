"""The batch fit of lines: the reference fits, what must not stop it, and joint fits."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from archive.numerics import status
from archive.numerics.emg import emg
from archive.numerics.linefit import fit_lines, fit_rows, line_curve
from archive.numerics.peaks import find_lines
from archive.numerics.windows import lay_windows
from tests.data import data_path

STEP = 1 / 260


def reference(kind: str) -> list[dict[str, Any]]:
    return list(json.loads(data_path("idex-science/emg-fit.json").read_text())[kind])


def arrays(case: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(case["t_us"]), np.array([np.nan if y is None else y for y in case["y"]], dtype=float)


def test_the_reference_fits_are_reached() -> None:
    for case in reference("cases"):
        t, y = arrays(case)
        fit = fit_rows(t, y)
        area, mu, sigma, lam = fit.values[0]
        expected, tolerance = case["reference_fit"], case["tolerance"]
        assert area == pytest.approx(expected["area"], rel=tolerance["area_rel"]), case["name"]
        assert mu == pytest.approx(expected["mu_us"], abs=tolerance["mu_abs_us"])
        assert sigma == pytest.approx(expected["sigma_us"], rel=tolerance["sigma_rel"])
        if case["lambda_well_determined"]:
            assert lam == pytest.approx(expected["lambda_per_us"], rel=tolerance["lambda_rel"])
        else:
            assert fit.errors[0, 3] > 0.2 * lam
        assert fit.chi2[0] <= case["chi_square"] * (1 + tolerance["chi_square_excess_rel"]) + 1e-15
        assert fit.area_in_window[0] == pytest.approx(case["area_in_window"], rel=2 * tolerance["area_rel"])
        if case["standard_error"]:
            np.testing.assert_allclose(fit.errors[0], list(case["standard_error"].values()), rtol=0.01)
            assert fit.redchi[0] == pytest.approx(case["reduced_chi_square"], rel=1e-6)


def test_the_failures_have_their_words_and_no_numbers() -> None:
    words = {"all-zero": "no_signal", "all-nan": "nonfinite", "three-samples": "too_few",
             "negative-going": "no_signal", "plateau": "saturated"}  # fmt: skip
    for case in reference("failure_cases"):
        t, y = arrays(case)
        fit = fit_rows(t, y)
        assert words[case["name"]] in status.words(fit.status[0])
        assert status.reason(fit.status[0])
        if fit.status[0] & status.FAILED:
            assert np.isnan(fit.values).all()
            assert np.isnan([fit.area_in_window[0], fit.height[0], fit.snr[0], fit.covariance[0, 0, 0]]).all()


def spectrum(*lines: tuple[float, float, float, float], noise: float = 1e-4) -> tuple[np.ndarray, np.ndarray]:
    t = 2.0 + np.arange(600) * STEP
    return t, line_curve(t, lines) + np.random.default_rng(3).normal(0, noise, t.size)


def test_a_bad_window_in_the_middle_changes_nothing_for_the_others() -> None:
    t = np.arange(61) * STEP
    good = emg(t, 0.01, 0.08, 0.012, 60.0)
    rows = np.array([good, np.full(61, np.nan), np.ones(61), -good, np.where(np.arange(61) > 6, np.nan, good), good])
    fit = fit_rows(t, rows)
    assert [status.words(s)[0] for s in fit.status] == [
        "ok", "nonfinite", "no_signal", "no_signal", "too_few", "ok"]  # fmt: skip
    np.testing.assert_allclose(fit.values[[0, 5]], np.tile([0.01, 0.08, 0.012, 60.0], (2, 1)), rtol=1e-6)
    np.testing.assert_array_equal(fit_rows(t, good).values[0], fit.values[5])


@pytest.mark.parametrize("shape", [(0, 61), (3, 0), (3, 1), (3, 2)])
def test_empty_and_tiny_windows_give_statuses(shape: tuple[int, int]) -> None:
    fit = fit_rows(np.arange(shape[1]) * STEP, np.ones(shape))
    assert fit.status.shape == (shape[0],)
    assert np.all(fit.status & status.FAILED)


def test_missing_and_masked_samples_do_not_count() -> None:
    t = np.arange(61) * STEP
    y = emg(t, 0.01, 0.08, 0.012, 60.0)
    y[[3, 30]] = np.nan
    y[22] = 9.0
    mask = np.zeros((1, 61), dtype=bool)
    mask[0, 22] = True
    fit = fit_rows(t, y, saturated=mask, start=[[0.012, 0.07, 0.01, 50.0]])
    assert fit.values[0, 0] == pytest.approx(0.01, rel=1e-6)
    assert fit.dof[0] == 61 - 3 - 4
    assert "saturated" in status.words(fit.status[0])


def test_neighbours_are_fitted_together_and_a_lone_line_is_not() -> None:
    truth = np.array([[0.004, 2.6, 0.012, 60.0], [0.002, 2.68, 0.012, 60.0], [0.003, 3.6, 0.013, 60.0]])
    t, y = spectrum(*map(tuple, truth))
    peaks = find_lines(y, 1e-4)
    windows = lay_windows(y[None], peaks)
    assert np.diff(windows.first).tolist() == [2, 1]
    fit = fit_lines(t, y, peaks, noise=[1e-4])
    pulls = (fit.values[:, 0] - truth[:, 0]) / fit.errors[:, 0]
    assert np.all(np.abs(pulls) < 4), pulls
    assert [("overlap" in status.words(s)) for s in fit.status] == [True, True, False]
    assert fit.constant[0] != 0
    assert fit.constant[2] == 0


def test_weights_and_noise_judge_the_residuals() -> None:
    t, y = spectrum((0.004, 2.6, 0.012, 60.0))
    peaks = find_lines(y, 1e-4)
    weighted = fit_lines(t, y, peaks, sigma=[1e-4])
    assert weighted.redchi[0] == pytest.approx(1.0, abs=0.6)
    plain = fit_lines(t, y, peaks, noise=[1e-4])
    np.testing.assert_allclose(plain.values, weighted.values, rtol=1e-5)
    assert plain.snr[0] == pytest.approx(weighted.snr[0], rel=1e-4)
    assert "bad_chi2" in status.words(fit_lines(t, y, peaks, noise=[1e-5]).status[0])
    assert "bad_chi2" in status.words(fit_lines(t, y, peaks, sigma=[1e-5]).status[0])


def test_held_parameters_stay_and_have_no_error() -> None:
    t, y = spectrum((0.004, 2.6, 0.012, 60.0))
    peaks = find_lines(y, 1e-4)
    held = np.array([[False, False, True, False]])
    fit = fit_lines(t, y, peaks, start=[[0.003, 2.6, 0.014, 50.0]], held=held)
    assert fit.values[0, 2] == pytest.approx(0.014, rel=1e-12)
    assert fit.errors[0, 2] == 0
    assert fit.chi2[0] > fit_lines(t, y, peaks).chi2[0]


def test_no_peak_is_a_valid_result_with_no_rows() -> None:
    t, y = spectrum()
    fit = fit_lines(t, y, find_lines(y, 1.0))
    assert fit.values.shape == (0, 4)
    assert fit.status.shape == (0,)


def test_five_hundred_lines_are_fitted_in_groups() -> None:
    t = np.arange(16 * 502) * STEP
    mu = (16.0 * np.arange(1, 501)) * STEP
    y = line_curve(t, np.column_stack([np.full(500, 0.002), mu, np.full(500, 0.008), np.full(500, 120.0)]))
    peaks = find_lines(y, 1e-5, floor=1e-3)
    assert peaks.sample.size == 500
    assert np.diff(lay_windows(y[None], peaks).first).max() <= 8
    fit = fit_lines(t, y, peaks)
    assert np.all(np.isfinite(fit.values))


def test_lines_at_the_edges_of_the_record_end_with_a_status() -> None:
    t = 2.0 + np.arange(300) * STEP
    y = line_curve(t, [[0.004, t[1], 0.012, 60.0], [0.004, t[-2], 0.012, 60.0]])
    fit = fit_lines(t, y, find_lines(y, 1e-4))
    assert fit.status.size >= 1
    assert np.all(np.isfinite(fit.values) | (fit.status & status.FAILED != 0)[:, None])


def test_words_and_bits_are_inverse() -> None:
    for bit in status.MEANING:
        assert status.bits(" ".join(status.words(bit))) == bit
    assert status.words(0) == ("ok",)
    assert status.reason(0) == ""
    with pytest.raises(ValueError, match="no status is called nonsense"):
        status.bits("ok nonsense")
