"""Speed and mass: the reference values, the traps, and the ranges by drawing."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from archive.numerics import particle as p
from tests.data import data_path


def reference() -> dict[str, Any]:
    return dict(json.loads(data_path("idex-science/velocity-mass.json").read_text()))


def numbers(cases: list[dict[str, Any]], key: str) -> np.ndarray:
    return np.array([np.nan if case[key] is None else case[key] for case in cases], dtype=float)


def test_curves_and_their_inversion_are_those_of_the_reference() -> None:
    case, tolerance = reference(), reference()["tolerance"]
    assert list(case["calibration"]["rise_time"].values()) == list(p.RISE_CURVE)[:7]
    assert list(case["calibration"]["charge_yield"].values()) == list(p.YIELD_CURVE)[:7]
    forward = case["forward"]
    v = numbers(forward, "v_km_s")
    np.testing.assert_allclose(p.curve(v, p.RISE_CURVE), numbers(forward, "rise_us"), rtol=tolerance["rise_rel"])
    np.testing.assert_allclose(p.curve(v, p.YIELD_CURVE), numbers(forward, "yield_C_per_kg"), rtol=1e-10)
    inverse = case["inverse"]
    found = p.speed_from_rise(numbers(inverse, "rise_us"))
    np.testing.assert_allclose(found, numbers(inverse, "v_km_s"), rtol=tolerance["velocity_rel"])


def test_speed_and_mass_are_those_of_the_reference() -> None:
    tolerance = reference()["tolerance"]
    cases = reference()["estimate"]
    found = p.particle(numbers(cases, "charge_pC"), 0.0, numbers(cases, "rise_us"), 0.0)
    np.testing.assert_allclose(found.speed, numbers(cases, "v_km_s"), rtol=tolerance["velocity_rel"])
    np.testing.assert_allclose(found.mass, numbers(cases, "mass_kg"), rtol=tolerance["mass_rel"])
    cases = reference()["ion_grid"]
    target, _ = p.best_target(*(numbers(cases, key) for key in (
        "target_high_charge_pC", "target_low_charge_pC", "target_high_saturated", "target_low_saturated")))  # fmt: skip
    speed = p.speed_from_ratio(numbers(cases, "ion_grid_charge_pC"), target, numbers(cases, "ion_grid_saturated"))
    np.testing.assert_allclose(speed, numbers(cases, "v_km_s"), rtol=tolerance["velocity_rel"])
    np.testing.assert_allclose(p.particle_mass(target, speed), numbers(cases, "mass_kg"), rtol=tolerance["mass_rel"])


def test_the_slope_is_that_of_the_curve() -> None:
    v = np.logspace(-1, 2, 50)
    for law in (p.RISE_CURVE, p.YIELD_CURVE):
        step = np.log(p.curve(v * 1.0001, law) / p.curve(v / 1.0001, law)) / (2 * np.log(1.0001))
        np.testing.assert_allclose(p.slope(v, law), step, rtol=1e-5, atol=1e-6)


def test_a_yield_record_with_a_instead_of_its_logarithm_is_refused() -> None:
    p.check_yield(p.YIELD_CURVE)
    with pytest.raises(ValueError, match="log10 A"):
        p.check_yield(p.YIELD_CURVE._replace(log10_a=np.log10(0.06)))
    assert p.curve(10, p.YIELD_CURVE) / p.curve(10, p.YIELD_CURVE._replace(log10_a=np.log10(0.06))) == pytest.approx(
        19.1, abs=0.1
    )


def test_a_curve_that_rises_again_is_not_inverted() -> None:
    with pytest.raises(ValueError, match="does not fall"):
        p.speed_from_rise(1.0, p.RISE_CURVE._replace(a3=0.38))


def test_the_ranges_hold_68_percent_of_drawn_particles() -> None:
    rng = np.random.default_rng(1)
    charge, rise = 10 * np.exp(rng.normal(0, 0.05, 20000)), 4 * np.exp(rng.normal(0, 0.02, 20000))
    speed = p.speed_from_rise(rise) * np.exp(rng.normal(0, np.log(1.33), 20000))
    mass = p.particle_mass(charge, speed) * np.exp(rng.normal(0, np.log(1.47), 20000))
    found = p.particle(10.0, 0.5, 4.0, 0.08)
    assert np.mean((speed > found.speed_low) & (speed < found.speed_high)) == pytest.approx(0.68, abs=0.02)
    assert np.mean((mass > found.mass_low) & (mass < found.mass_high)) == pytest.approx(0.68, abs=0.05)


def test_missing_and_impossible_values_are_nan() -> None:
    found = p.particle([np.nan, -1.0, 0.0], 0.1, [3.0, 3.0, 3.0], 0.1)
    assert np.isnan(found.mass).all()
    assert np.isnan(p.speed_from_ratio([0.0, 1.0, np.nan, 1.0], [1.0, 0.0, 1.0, 1e-3])).all()
    assert p.best_target([np.nan], [np.nan], [False], [False])[1].tolist() == [-1]
    assert np.isnan(p.curve([-1.0, 0.0], p.RISE_CURVE)).all()
