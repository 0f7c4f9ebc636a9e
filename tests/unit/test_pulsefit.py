"""The batch fit of charge pulses: the reference fits, weak and damaged records."""

from __future__ import annotations

import json

import numpy as np
import pytest

from archive.numerics import status
from archive.numerics.pulse import impact_charge, pulse
from archive.numerics.pulsefit import fit_pulses
from tests.data import data_path

T = -17.723 + np.arange(512) / 4.0625
TRUTH = np.array([0.5, -0.3, 20.0, 1.5, 70.0])


def test_the_reference_fits_are_reached() -> None:
    for case in json.loads(data_path("idex-science/impact-pulse.json").read_text())["fits"]:
        t = case["t_us_start"] + case["t_us_step"] * np.arange(case["n"])
        fit = fit_pulses(t, case["y_pC"], positive=case["channel"] != "Ion_Grid")
        expected, tolerance = np.array(list(case["reference_fit"].values())), case["tolerance"]
        assert fit.charge[0] == pytest.approx(case["impact_charge_pC"], rel=tolerance["charge_rel"])
        if case["standard_error"]:
            errors = np.array(list(case["standard_error"].values()))
            assert np.all(np.abs(fit.values[0] - expected) <= tolerance["parameter_in_standard_errors"] * errors)
            np.testing.assert_allclose(fit.errors[0], errors, rtol=0.1)
            assert fit.chi2[0] <= case["chi_square"] * (1 + tolerance["chi_square_excess_rel"])
        else:
            np.testing.assert_allclose(fit.values[0], expected, rtol=1e-5, atol=1e-5)
            assert fit.chi2[0] < 1e-9


def test_several_records_with_their_own_axes_give_what_each_gives_alone() -> None:
    rng = np.random.default_rng(4)
    t = np.array([T, T + 3.0, T])
    truth = np.array([TRUTH, TRUTH * [1, 1, 2, 1, 1], TRUTH * [1, 1, -1, 1, 1]])
    y = pulse(t, truth) + rng.normal(0, 0.1, t.shape)
    together = fit_pulses(t, y, positive=False)
    for k in range(3):
        np.testing.assert_array_equal(fit_pulses(t[k], y[k], positive=False).values[0], together.values[k])
    assert np.all(np.abs((together.values - truth) / together.errors) < 5)
    assert np.all(np.abs(together.charge - impact_charge(truth)) < 5 * together.charge_error)


def test_impact_and_rise_time_far_from_the_usual_are_found() -> None:
    truth = np.array([[40.0, 0.0, 10.0, 0.4, 40.0], [-8.0, 0.0, 10.0, 12.0, 300.0]])
    y = pulse(T, truth) + np.random.default_rng(8).normal(0, 0.02, (2, T.size))
    fit = fit_pulses(T, y, positive=True)
    np.testing.assert_allclose(fit.charge, impact_charge(truth), rtol=0.01)


def test_a_weak_signal_gives_a_limit_and_no_fit() -> None:
    y = np.random.default_rng(2).normal(0, 1.0, (20, T.size))
    fit = fit_pulses(T, y, positive=True)
    weak = fit.status & (status.WEAK | status.NO_SIGNAL) != 0
    assert weak.mean() >= 0.8
    assert np.isnan(fit.values[weak]).all()
    assert np.isnan(fit.charge[weak]).all()
    assert np.all((fit.charge_limit[weak] > 0) & (fit.charge_limit[weak] < 5))


def test_saturated_samples_are_left_out_and_the_charge_is_flagged() -> None:
    y = pulse(T, TRUTH)
    mask = y > 15
    fit = fit_pulses(T, np.minimum(y, 15), positive=True, saturated=mask[None])
    assert fit.charge[0] == pytest.approx(impact_charge(TRUTH), rel=1e-4)
    assert "saturated" in status.words(fit.status[0])


def test_a_negative_pulse_on_a_target_is_no_signal() -> None:
    fit = fit_pulses(T, pulse(T, TRUTH * [1, 1, -1, 1, 1]), positive=True)
    assert fit.status[0] & (status.NO_SIGNAL | status.WEAK | status.BAD_CHI2)
    assert not abs(fit.charge[0] - impact_charge(TRUTH)) < 1


def test_a_record_that_begins_with_the_pulse_has_no_baseline() -> None:
    fit = fit_pulses(T[68:], pulse(T[68:], TRUTH), positive=True)
    assert "no_baseline" in status.words(fit.status[0])


def test_bad_records_have_reasons_and_do_not_disturb_the_good_one() -> None:
    good = pulse(T, TRUTH)
    holes = np.where(np.arange(T.size) % 7 == 0, np.nan, good)
    few = np.where(np.arange(T.size) < 6, good, np.nan)
    y = np.array([np.full(T.size, np.nan), np.zeros(T.size), good, holes, few, np.full(T.size, 4000.0)])
    fit = fit_pulses(T, y, positive=True)
    expected = ["nonfinite", "no_signal", "ok", "ok", "too_few", "no_signal"]
    assert all(each in status.words(s) for each, s in zip(expected, fit.status, strict=True))
    np.testing.assert_allclose(fit.values[[2, 3]], [TRUTH, TRUTH], rtol=1e-5)
    assert np.isnan(fit.charge[[0, 1, 4, 5]]).all()


@pytest.mark.parametrize("shape", [(0, 512), (2, 0), (2, 1)])
def test_empty_and_one_sample_records(shape: tuple[int, int]) -> None:
    fit = fit_pulses(np.arange(shape[1], dtype=float), np.ones(shape), positive=False)
    assert fit.status.shape == (shape[0],)
    assert np.all(fit.status & status.FAILED)
