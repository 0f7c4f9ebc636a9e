"""The pickup tube: the model is continuous, a known transit comes back, bad records say why."""

from __future__ import annotations

import numpy as np
import pytest

from archive.numerics.pickup import fit_transit, particle_mass, transit

T = np.linspace(0, 2e-4, 2000)


def test_the_model_is_continuous_and_zero_before_the_particle() -> None:
    fine = np.linspace(0, 2e-4, 400_001)
    y = transit(fine, 3e-5, 1.0, 5e5)
    assert np.abs(np.diff(y)).max() < 1e-3
    assert np.all(y[fine <= 3e-5] == 0)
    assert y.min() < 0


@pytest.mark.parametrize("q", [0.4, -0.4])
def test_a_known_transit_comes_back_within_its_errors(q: float) -> None:
    y = transit(T, 3e-5, q, 5e5) + np.random.default_rng(1).normal(0, 0.01, T.size)
    found = fit_transit(T, y)
    assert not found.poor
    assert np.all(np.abs(found.values - [3e-5, q, 5e5]) < 5 * found.errors)
    assert found.speed == pytest.approx(5.0, rel=0.01)
    assert found.charge == pytest.approx(0.02, rel=0.02)
    assert found.mass == pytest.approx(2 * 0.02e-12 * 2.2e6 / 5e3**2, rel=0.05)


def test_noise_is_called_poor_and_bad_records_have_reasons() -> None:
    assert fit_transit(T, np.random.default_rng(2).normal(size=T.size)).poor
    for y in (np.full(T.size, np.nan), np.ones(T.size)):
        found = fit_transit(T, y)
        assert found.poor
        assert found.reason
        assert np.isnan(found.values).all()
    assert "fewer than 20" in fit_transit([], []).reason


def test_the_mass_follows_from_charge_and_energy() -> None:
    assert particle_mass(1.0, 1e5) == pytest.approx(2 * 0.05e-12 * 2.2e6 / 1e6)
