"""lmfit as the face for people: the same minimum as the batch fitter, names, bounds, held parameters, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from archive.numerics import models
from archive.numerics.emg import emg
from archive.numerics.linefit import fit_rows
from archive.numerics.pulse import pulse
from archive.numerics.pulsefit import fit_pulses

T = 5.0 + np.arange(61) / 260
Y = emg(T, 0.01, 5.08, 0.012, 60.0) + np.random.default_rng(4).normal(0, 3e-3, T.size)


def test_a_line_reaches_the_same_minimum_as_the_batch_fitter() -> None:
    batch, person = fit_rows(T, Y), models.refit_line(T, Y)
    values = np.array([person.best_values[name] for name in models.LINE])
    assert person.chisqr == pytest.approx(batch.chi2[0], rel=1e-9)
    assert values[0] == pytest.approx(batch.values[0, 0], rel=1e-6)
    np.testing.assert_allclose(values, batch.values[0], rtol=1e-4)
    errors = [person.params[name].stderr for name in models.LINE]
    np.testing.assert_allclose(errors, batch.errors[0], rtol=0.02)
    assert "area" in person.fit_report()


def test_a_pulse_reaches_the_same_minimum_as_the_batch_fitter() -> None:
    t = -17.7 + np.arange(512) / 4.0625
    y = pulse(t, [0.4, -0.3, 20.0, 1.5, 70.0]) + np.random.default_rng(6).normal(0, 0.3, t.size)
    batch, person = fit_pulses(t, y, positive=True), models.refit_pulse(t, y, positive=True)
    assert person.chisqr == pytest.approx(batch.chi2[0], rel=1e-6)
    np.testing.assert_allclose([person.best_values[n] for n in models.PULSE], batch.values[0], rtol=1e-3)
    with pytest.raises(ValueError, match="stands out"):
        models.refit_pulse(t, np.zeros(t.size), positive=True)


def test_held_parameters_stay_and_weights_make_errors_absolute() -> None:
    held = models.refit_line(T, Y, fixed={"lam": 45.0})
    assert held.best_values["lam"] == 45.0
    assert not held.params["lam"].vary
    weighted = models.refit_line(T, Y, sigma=3e-3)
    assert weighted.redchi == pytest.approx(1.0, abs=0.5)
    batch = fit_rows(T, Y, sigma=[3e-3])
    assert weighted.params["area"].stderr == pytest.approx(batch.errors[0, 0], rel=0.02)


def test_joined_lines_and_a_constant_have_their_names() -> None:
    model = models.line_model(2, constant=True)
    assert set(model.param_names) == {f"l{i}_{n}" for i in (0, 1) for n in models.LINE} | {"c"}
    y = emg(T, 0.01, 5.06, 0.012, 60.0) + emg(T, 0.006, 5.12, 0.012, 60.0) + 0.01
    start = {"l0_area": 0.008, "l0_mu": 5.05, "l0_sigma": 0.01, "l0_lam": 50.0,
             "l1_area": 0.008, "l1_mu": 5.13, "l1_sigma": 0.01, "l1_lam": 50.0, "c": 0.0}  # fmt: skip
    result = model.fit(y, model.make_params(**start), t=T)
    assert result.best_values["l1_area"] == pytest.approx(0.006, rel=1e-4)
    assert result.best_values["c"] == pytest.approx(0.01, rel=1e-3)


def test_gamma_is_not_bounded_by_twenty() -> None:
    assert models.refit_line(T, emg(T, 0.01, 5.08, 0.012, 90.0)).best_values["lam"] == pytest.approx(90.0, rel=1e-4)


@pytest.mark.parametrize("shape", ["gaussian", "lorentzian", "voigt", "generalized_normal"])
def test_every_shape_can_be_fitted(shape: str) -> None:
    from archive.numerics.shapes import evaluate

    y = evaluate(shape, T, 0.01, 5.1, 0.015, 1.5 if shape == "generalized_normal" else 0.01)
    model = models.shape_model(shape)
    lam = 1.2 if shape == "generalized_normal" else 0.012
    result = model.fit(y, model.make_params(area=0.008, mu=5.09, sigma=0.012, lam=lam), t=T)
    assert result.best_values["area"] == pytest.approx(0.01, rel=1e-3)


def test_unknown_names_and_empty_windows_are_refused() -> None:
    with pytest.raises(ValueError, match="no parameter is called 'gamma'"):
        models.refit_line(T, Y, fixed={"gamma": 1.0})
    with pytest.raises(ValueError, match="too few"):
        models.refit_line(T, np.full(T.size, np.nan))
    with pytest.raises(ValueError, match="no line shape"):
        models.shape_model("sinc")


def test_the_image_charge_model_has_seven_parameters() -> None:
    assert tuple(models.image_pulse_model().param_names) == models.IMAGE_PULSE


def test_derivatives_give_the_error_band_of_a_fit() -> None:
    fit = fit_rows(T, Y)
    rows = models.line_derivatives(T, fit.values[0])
    band = np.sqrt(np.einsum("ij,jk,ik->i", rows, fit.covariance[0], rows))
    assert band.shape == T.shape
    assert np.all(band >= 0)
