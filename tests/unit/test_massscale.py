"""The mass scale: reference series, inversion by other ways, and the bootstrap on spectra with known lines."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.numerics import comb, massscale
from archive.numerics.baseline import first3us
from archive.numerics.linefit import fit_lines
from archive.numerics.peaks import find_lines
from tests.data import data_path


def reference() -> dict[str, Any]:
    return dict(json.loads(data_path("idex-science/tof-mass.json").read_text()))


def test_series_and_their_inversion_are_those_of_the_reference() -> None:
    for case in reference()["series"]:
        series = massscale.fit_series(case["masses_u"], case["times_us"], case["weights"], order=case["order"])
        tolerance = case["tolerance"]
        np.testing.assert_allclose(
            series.coefficients, case["coefficients_us"],
            rtol=tolerance["coefficient_rel"], atol=tolerance["coefficient_abs"],
        )  # fmt: skip
        assert series.rms == pytest.approx(case["rms_residual_us"], rel=1e-4, abs=1e-12)
        assert series.monotonic == case["monotonic_0_to_400u"]
        masses = massscale.mass_of(case["query_times_us"], case["coefficients_us"])
        np.testing.assert_allclose(masses, case["masses_at_query_u"], rtol=0, atol=tolerance["mass_abs_u"])


def test_kappa_is_that_of_the_reference() -> None:
    for case in reference()["kappa"]:
        found = massscale.kappa(case["peak_masses_u"])
        expected = [case["kappa_signed_mean"], case["kappa_rms"], case["kappa_mean_abs"]]
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
    assert np.isnan(massscale.kappa([np.nan])).all()


def test_the_reference_spectrum_gets_its_scale_its_species_and_its_areas() -> None:
    spectrum = reference()["spectrum"]
    t = spectrum["t_us_start"] + spectrum["t_us_step"] * np.arange(spectrum["n"])
    y = np.array(spectrum["y"])
    level = first3us(t, y)
    signal = y - level.baseline
    fit = fit_lines(t, signal, find_lines(signal, level.sigma), noise=level.sigma)
    scale = comb.find_scale(fit.values[:, 1] - t[0], comb.peak_weights(fit.snr))
    expected = spectrum["expectations"]
    assert [scale.default, scale.ambiguous, scale.edge] == [False, False, False]
    assert scale.coefficients[1] == pytest.approx(spectrum["stretch_us_per_sqrt_u"], rel=expected["stretch_rel"])
    shift = spectrum["shift_us_from_record_start"]
    assert scale.coefficients[0] == pytest.approx(shift, abs=expected["shift_abs_us"])
    names, right = comb.reference_comb().names, 0
    masses = comb.masses_of(scale, fit.values[:, 1] - t[0])
    for line in spectrum["lines"]:
        k = int(np.argmin(np.abs(fit.values[:, 1] - line["mu_us"])))
        pair = np.flatnonzero(scale.line == k)
        if pair.size and names[scale.reference[pair[0]]] == line["species"]:
            right += 1
            assert masses[k] == pytest.approx(line["mass_u"], abs=expected["mass_of_each_assigned_line_abs_u"])
        allowed = 4.5 * line["area_standard_error"] + 0.02 * line["area"]
        assert fit.values[k, 0] == pytest.approx(line["area"], abs=allowed)
    assert right >= expected["assigned_species_at_least"]
    axis = comb.masses_of(scale, t - t[0])
    assert np.all(np.diff(axis[t - t[0] > shift + 0.01]) > 0)


@given(st.floats(1.3, 1.6), st.floats(-0.02, 0.02), st.floats(-3e-4, 3e-4), st.floats(0, 390))
@settings(max_examples=60, deadline=None)
def test_the_inversion_undoes_the_time_of_flight(a1: float, a2: float, a3: float, mass: float) -> None:
    coefficients = [0.7, a1, a2, a3]
    t = massscale.flight_time(coefficients, mass)
    assert massscale.mass_of(t, coefficients) == pytest.approx(mass, abs=1e-7)


def test_times_outside_the_range_and_missing_ones_have_their_values() -> None:
    found = massscale.mass_of([-5.0, 0.7, 1e9, np.nan, np.inf], [0.7, 1.45])
    np.testing.assert_array_equal(found, [0, 0, 400, np.nan, 400])


@pytest.mark.parametrize("coefficients", [[0.0, 0.0], [0.0, np.nan], [1.0], [0.0, 1.0, -1.0]])
def test_scales_that_cannot_be_inverted_are_refused(coefficients: list[float]) -> None:
    with pytest.raises(ValueError, match=r"stretch|rise with mass"):
        massscale.mass_of(1.0, coefficients)


def test_lines_that_do_not_make_a_scale_are_refused() -> None:
    with pytest.raises(ValueError, match="two lines"):
        massscale.fit_series([12.0], [5.0])
    with pytest.raises(ValueError, match="too alike"):
        massscale.fit_series([12.0, 12.0, 12.0], [5.0, 5.0, 5.0])
    with pytest.raises(ValueError, match="rise with mass"):
        massscale.fit_series([12.0, 24.0], [5.0, 3.0])


def test_a_higher_order_needs_a_reason() -> None:
    masses = np.array([1.008, 12.0, 22.99, 27.977, 38.964, 55.935])
    linear = massscale.flight_time([0.5, 1.45], masses) + np.array([1, -1, 1, -1, 1, -1]) * 5e-4
    assert massscale.fit_series(masses, linear).coefficients.size == 2
    curved = massscale.flight_time([0.5, 1.45, 0.02], masses)
    assert massscale.fit_series(masses, curved).coefficients.size == 3


def test_anchors_fix_the_shift_then_both_always_in_the_root_of_the_mass() -> None:
    np.testing.assert_allclose(massscale.anchor_scale([5.5], [12.0], 1.45), [5.5 - 1.45 * np.sqrt(12), 1.45])
    t = massscale.flight_time([0.4, 1.49], [12.0, 55.935])
    np.testing.assert_allclose(massscale.anchor_scale(t, [12.0, 55.935], 1.0), [0.4, 1.49])
    with pytest.raises(ValueError, match="anchor"):
        massscale.anchor_scale([], [], 1.45)


def test_errors_and_resolution_follow_from_the_slope() -> None:
    coefficients = [0.5, 1.45, 0.001]
    t = massscale.flight_time(coefficients, 28.0)
    moved = massscale.mass_of(t + 1e-5, coefficients) - 28.0
    assert massscale.mass_error(28.0, coefficients, 1e-5) == pytest.approx(moved, rel=1e-3)
    assert massscale.mass_resolution(8.0, 0.04) == 100


def drawn(rng: np.random.Generator, lines: int) -> tuple[list[str], np.ndarray, np.ndarray]:
    """A spectrum of known species: names, times and weights."""
    others = [name for name in comb.REFERENCE if name not in comb.COMMON and comb.REFERENCE[name] < 60]
    common = rng.choice(comb.COMMON, min(lines, rng.integers(3, 9)), replace=False)
    names = [*common, *rng.choice(others, lines - common.size, replace=False)]
    names.sort(key=comb.REFERENCE.__getitem__)
    roots = np.sqrt([comb.REFERENCE[name] for name in names])
    t = rng.uniform(7, 10) + rng.uniform(1.38, 1.57) * roots + rng.normal(0, 0.002, lines)
    return names, t, comb.peak_weights(10 ** rng.uniform(1, 2.5, lines))


def is_right(scale: comb.Scale, truth: list[str], t: np.ndarray) -> bool:
    """Whether every planted line gets its mass; isobars share one."""
    planted = np.array([comb.REFERENCE[name] for name in truth])
    found = comb.masses_of(scale, t)
    return bool(np.all(np.abs(found - planted) < 0.2))


def test_99_of_100_spectra_of_five_lines_and_more_get_their_masses() -> None:
    rng = np.random.default_rng(11)
    count, right, silent = 600, 0, 0
    for _ in range(count):
        truth, t, weight = drawn(rng, int(rng.integers(5, 13)))
        scale = comb.find_scale(t, weight)
        good = is_right(scale, truth, t)
        unsure = scale.default or scale.ambiguous or scale.edge
        right, silent = right + good, silent + (not good and not unsure)
    assert right >= 0.99 * count
    assert silent <= 0.005 * count


def test_a_false_peak_before_the_first_line_does_not_forbid_the_scale() -> None:
    rng = np.random.default_rng(12)
    for _ in range(20):
        truth, t, weight = drawn(rng, 9)
        false = np.concatenate([[t[0] - 2.0, t[0] - 1.0], t])
        scale = comb.find_scale(false, np.concatenate([[0.5, 0.5], weight]))
        assert is_right(scale, truth, t) or scale.ambiguous


def test_an_impact_before_the_record_is_found_where_it_is_looked_for() -> None:
    truth = ["C", "O", "Na", "24Mg", "28Si", "39K", "56Fe"]
    t = -3.2 + 1.45 * np.sqrt([comb.REFERENCE[name] for name in truth])
    weight = comb.peak_weights(np.full(t.size, 20.0))
    scale = comb.find_scale(t, weight, shifts=(-3.7, comb.latest_shift(t)))
    assert is_right(scale, truth, t)
    assert scale.coefficients[0] == pytest.approx(-3.2, abs=1e-6)


def test_too_few_peaks_give_the_default_and_say_so() -> None:
    for t in ([], [9.0], [9.0, 10.0], [np.nan] * 5):
        scale = comb.find_scale(t, np.ones(len(t)))
        assert scale.default
        assert np.isnan(scale.coefficients).all()
        assert np.isnan(comb.masses_of(scale, [3.0])).all()


def test_names_are_the_nearest_and_say_when_not_unique() -> None:
    place, unique = comb.nearest_reference([55.9, 26.0, 300.0, np.nan], [0.01, 0.01, 0.01, 0.01])
    names = comb.reference_comb().names
    assert [names[p] if p >= 0 else "" for p in place] == ["56Fe", "C2H2", "", ""]
    assert unique.tolist() == [True, False, False, False]


def test_the_comb_has_the_masses_of_its_isotopes() -> None:
    masses = comb.REFERENCE
    assert (masses["39K"], masses["56Fe"], masses["Na"]) == (38.964, 55.935, 22.990)
    for name, mass in masses.items():
        if name[:2].isdigit():
            number = int("".join(c for c in name if c.isdigit()))
            assert round(mass) == number
