"""Line shapes: the reference values, unit areas, and refusals."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from archive.numerics.shapes import COLUMNS, evaluate
from tests.data import data_path

EXTRAS: dict[str, dict[str, Any]] = {
    "double_emg": {"tau2": 0.05, "weight": 0.6},
    "hyper_emg": {"taus_left": [0.02], "weights_left": [0.1], "taus_right": [0.03, 0.06], "weights_right": [0.3, 0.1]},
}


def row(case: dict[str, Any]) -> tuple[str, float, float, dict[str, Any]]:
    shape = case["shape"]
    if shape in ("emg", "emg_left_tail"):
        return "emg", case["sigma_us"], 1 / case["tau_us"], {}
    if shape == "lorentzian":
        return shape, case["gamma_us"], 0.0, {}
    if shape == "voigt":
        return shape, case["sigma_us"], case["gamma_us"], {}
    if shape == "double_emg":
        return shape, case["sigma_us"], case["tau1_us"], {"tau2": case["tau2_us"], "weight": case["weight1"]}
    if shape == "hyper_emg":
        extras = {"taus_left": case["taus_left_us"], "weights_left": case["weights_left"],
                  "taus_right": case["taus_right_us"], "weights_right": case["weights_right"]}  # fmt: skip
        return shape, case["sigma_us"], 0.0, extras
    if shape == "generalized_normal":
        return shape, case["alpha_us"], case["beta"], {}
    return shape, case["sigma_us"], 0.0, {}


def test_the_shapes_are_those_of_the_reference() -> None:
    reference = json.loads(data_path("idex-science/line-shapes.json").read_text())
    for case in reference["cases"]:
        shape, sigma, lam, extras = row(case)
        values = evaluate(shape, case["x_us"], case["area"], case["mu_us"], sigma, lam, extras)
        tolerance = reference["tolerance"]
        np.testing.assert_allclose(
            values, case["value"], rtol=tolerance["value_rel"], atol=tolerance["value_abs"], err_msg=case["shape"]
        )


@pytest.mark.parametrize("shape", COLUMNS)
def test_every_shape_holds_its_area(shape: str) -> None:
    wide = 1e4 if shape in ("lorentzian", "voigt") else 3.0
    t = 5.0 + np.sinh(np.linspace(-np.arcsinh(wide / 1e-3), np.arcsinh(wide / 1e-3), 400001)) * 1e-3
    lam = {"generalized_normal": 1.6, "emg": 40.0}.get(shape, 0.02)
    values = evaluate(shape, t, 2.0, 5.0, 0.013, lam, EXTRAS.get(shape))
    assert np.trapezoid(values, t) == pytest.approx(2.0, rel=1e-5)


@pytest.mark.parametrize(("shape", "sigma", "lam", "extras", "message"), [
    ("sinc", 1.0, 1.0, {}, "no line shape"),
    ("emg", -1.0, 1.0, {}, "width"),
    ("emg", 1.0, 0.0, {}, "not 0"),
    ("gaussian", 1.0, 1.0, {"tau2": 1.0}, "no extras"),
    ("double_emg", 1.0, 1.0, {"tau2": 1.0}, "takes tau2, weight"),
    ("double_emg", 1.0, 1.0, {"tau2": 0.0, "weight": 0.5}, "tau2 must not be 0"),
    ("hyper_emg", 1.0, 1.0, {"taus_left": [1.0], "weights_left": []}, "one weight"),
    ("hyper_emg", 1.0, 1.0, {"taus_left": [float("nan")], "weights_left": [1.0]}, "finite"),
])  # fmt: skip
def test_impossible_shapes_are_refused_with_a_reason(
    shape: str, sigma: float, lam: float, extras: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate(shape, [0.0], 1.0, 0.0, sigma, lam, extras)
