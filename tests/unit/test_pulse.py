"""The pulse model: reference values, and its derived quantities found by other ways."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from archive.numerics.pulse import (
    charge_error,
    charge_factor,
    image_pulse,
    impact_charge,
    pulse,
    rise_of,
    time_of_maximum,
)
from tests.data import data_path


def reference() -> dict[str, Any]:
    return dict(json.loads(data_path("idex-science/impact-pulse.json").read_text()))


def test_values_charge_maximum_and_rise_are_those_of_the_reference() -> None:
    tolerance = reference()["tolerance"]
    for case in reference()["evaluation"]:
        p = list(case["params"].values())
        np.testing.assert_allclose(
            pulse(case["t_us"], p), case["value_pC"], rtol=tolerance["value_rel"], atol=tolerance["value_abs"]
        )
        assert impact_charge(p) == pytest.approx(case["impact_charge_pC"], rel=tolerance["charge_rel"])
        assert time_of_maximum(p) == pytest.approx(case["t_max_us"], abs=tolerance["t_max_abs_us"])
        rise = rise_of(p)
        np.testing.assert_allclose(
            [rise.t10, rise.t90, rise.duration], [case["t10_us"], case["t90_us"], case["rise_10_90_us"]],
            atol=tolerance["rise_10_90_abs_us"], rtol=0,
        )  # fmt: skip
        assert charge_factor(p[3], p[4]) == pytest.approx(case["charge_over_amplitude"], rel=1e-10)


def test_the_image_charge_form_is_that_of_the_reference() -> None:
    tolerance = reference()["tolerance"]
    for case in reference()["image_charge_model"]:
        np.testing.assert_allclose(
            image_pulse(case["t_us"], list(case["params"].values())), case["value"],
            rtol=tolerance["value_rel"], atol=tolerance["value_abs"],
        )  # fmt: skip


def test_it_does_not_overflow_before_the_pulse_and_starts_at_the_offset() -> None:
    t = np.array([-1e6, -1.0, 0.0])
    np.testing.assert_array_equal(pulse(t, [0.0, 2.0, 5.0, 1e-3, 1e-2]), [2.0, 2.0, 2.0])
    np.testing.assert_array_equal(image_pulse(t, [0.0, 2.0, 5.0, 5.0, 1e-3, 1e-3, 1e-2]), [2.0, 2.0, 2.0])


@pytest.mark.parametrize(("ratio", "factor"), [(100, 0.945), (10, 0.715), (2, 0.385), (1, 0.25)])
def test_the_amplitude_is_not_the_charge(ratio: float, factor: float) -> None:
    assert charge_factor(1.0, ratio) == pytest.approx(factor, abs=6e-4)
    fine = np.linspace(0, 20, 200001)
    assert pulse(fine, [0, 0, 1, 1, ratio]).max() == pytest.approx(float(charge_factor(1.0, ratio)), abs=1e-8)


@pytest.mark.parametrize(("ratio", "expected"), [(2, 0.62), (5, 0.97), (10, 1.25), (100, 1.93), (1e7, 2.20)])
def test_the_rise_time_is_not_the_10_90_time(ratio: float, expected: float) -> None:
    assert rise_of([0, 0, 1, 1, ratio]).duration == pytest.approx(expected, abs=6e-3)


def test_negative_pulses_are_mirrored() -> None:
    up, down = rise_of([[1, 0.5, 3, 2, 50], [1, 0.5, -3, 2, 50]])[0:2]
    assert up[0] == up[1]
    assert down[0] == down[1]
    crossing = rise_of([1, 0.5, -3, 2, 50])
    assert pulse([crossing.t90], [1, 0.5, -3, 2, 50]) == pytest.approx(crossing.value90)


def test_the_charge_error_is_that_of_drawn_parameters() -> None:
    p = np.array([0.0, 0.0, 10.0, 2.0, 40.0])
    root = np.diag([0, 0, 0.05, 0.02, 0.4])
    root[3, 2] = -0.01
    covariance = root @ root.T
    draws = p + np.random.default_rng(1).normal(size=(200_000, 5)) @ root.T
    assert charge_error(p, covariance) == pytest.approx(impact_charge(draws).std(), rel=0.01)


def test_impossible_parameters_are_nan_and_wrong_lengths_are_refused() -> None:
    assert np.isnan(impact_charge([0, 0, 1, -1, 5]))
    assert np.isnan(rise_of([0, 0, 1, np.nan, 5]).t10)
    with pytest.raises(ValueError, match="5 parameters"):
        pulse([0.0], [1, 2, 3])
