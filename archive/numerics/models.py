"""Fits for people: the lines and pulses of the archive as lmfit models, with names, bounds and reports.

The batch fitter does the bulk; an analyst who refits one line or one pulse, holds a parameter or joins lines does it
here. Both have the same functions, bounds and start values, and a test shows that they reach the same minimum.

lmfit's own exponential Gaussian bounds gamma by 20 and gives NaN where the plain formula overflows; lines of this
instrument have rates of 30 to 100 per microsecond. These models have neither limit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archive.numerics import lm, shapes
from archive.numerics.emg import emg, emg_jacobian
from archive.numerics.linefit import TOLERANCE
from archive.numerics.pulse import image_pulse, pulse
from archive.numerics.pulsefit import fit_pulses
from archive.numerics.varpro import DISCHARGE_BOUNDS, RISE_BOUNDS
from archive.numerics.windows import start_values, whole_rows

if TYPE_CHECKING:
    from lmfit import Model, Parameters
    from lmfit.model import ModelResult

Floats = NDArray[np.float64]

#: Parameter names of a line and of a pulse, in the order of the vectors that are stored.
LINE: Final = ("area", "mu", "sigma", "lam")
PULSE: Final = ("t0", "offset", "amplitude", "rise", "discharge")
IMAGE_PULSE: Final = ("t0", "offset", "image", "impact", "tau0", "tau1", "tau2")


def _line(t: Floats, area: float, mu: float, sigma: float, lam: float) -> Floats:
    return emg(t, area, mu, sigma, lam)


def _constant(t: Floats, c: float) -> Floats:
    return np.full(np.shape(t), c)


def _pulse(t: Floats, t0: float, offset: float, amplitude: float, rise: float, discharge: float) -> Floats:
    return pulse(t, [t0, offset, amplitude, rise, discharge])


def _image_pulse(
    t: Floats, t0: float, offset: float, image: float, impact: float, tau0: float, tau1: float, tau2: float
) -> Floats:
    return image_pulse(t, [t0, offset, image, impact, tau0, tau1, tau2])


def line_model(lines: int = 1, constant: bool = False) -> Model:
    """Return the model of one line, or of several with prefixes ``l0_``, ``l1_``, ..., with a constant ``c`` or not.

    Parameters are area (mA us), mu and sigma (us) and lam (1/us), within the bounds of the batch fitter. Times are the
    independent variable ``t``, us.
    """
    from lmfit import Model

    model = None
    for number in range(lines):
        each = Model(_line, ["t"], prefix=f"l{number}_" if lines > 1 else "")
        each.set_param_hint("area", min=0.0)
        each.set_param_hint("sigma", min=lm.SIGMA_BOUNDS[0], max=lm.SIGMA_BOUNDS[1])
        each.set_param_hint("lam", min=lm.LAMBDA_BOUNDS[0], max=lm.LAMBDA_BOUNDS[1])
        model = each if model is None else model + each
    return model + Model(_constant, ["t"]) if constant else model


def pulse_model(positive: bool) -> Model:
    """Return the model of a charge pulse: t0, offset, amplitude, rise, discharge in us and pC; `t` in us."""
    from lmfit import Model

    model = Model(_pulse, ["t"])
    if positive:
        model.set_param_hint("amplitude", min=0.0)
    model.set_param_hint("rise", min=RISE_BOUNDS[0], max=RISE_BOUNDS[1])
    model.set_param_hint("discharge", min=DISCHARGE_BOUNDS[0], max=DISCHARGE_BOUNDS[1])
    return model


def image_pulse_model() -> Model:
    """Return the seven-parameter pulse with image charge, for manual fits only; all times positive."""
    from lmfit import Model

    model = Model(_image_pulse, ["t"])
    for name in IMAGE_PULSE[4:]:
        model.set_param_hint(name, min=1e-3)
    return model


def shape_model(shape: str, extras: Mapping[str, object] | None = None) -> Model:
    """Return the model of any line shape with its extras fixed: area, mu, sigma and lam as in its table row.

    Raises
    ------
    ValueError
        When the shape is unknown.
    """
    from lmfit import Model

    if shape not in shapes.COLUMNS:
        raise ValueError(f"no line shape is called {shape!r}; there are {', '.join(shapes.COLUMNS)}")

    def value(t: Floats, area: float, mu: float, sigma: float, lam: float) -> Floats:
        return shapes.evaluate(shape, t, area, mu, sigma, lam, extras)

    model = Model(value, ["t"], name=shape)
    model.set_param_hint("area", min=0.0)
    model.set_param_hint("sigma", min=lm.SIGMA_BOUNDS[0], max=lm.SIGMA_BOUNDS[1])
    if shape in ("gaussian", "lorentzian", "hyper_emg"):
        model.set_param_hint("lam", value=1.0, vary=False)
    elif shape != "double_emg":
        model.set_param_hint("lam", min=shapes.LEAST_BETA if shape == "generalized_normal" else 1e-4)
    return model


def _prepared(model: Model, start: Mapping[str, float], fixed: Mapping[str, float] | None) -> Parameters:
    """Return parameters at their start, those in `fixed` held at the values given there."""
    parameters = model.make_params(**start)
    for name, held in (fixed or {}).items():
        if name not in parameters:
            raise ValueError(f"no parameter is called {name!r}; there are {', '.join(parameters)}")
        parameters[name].set(value=held, vary=False)
    return parameters


def refit_line(
    t: ArrayLike,
    y: ArrayLike,
    *,
    start: Mapping[str, float] | None = None,
    fixed: Mapping[str, float] | None = None,
    sigma: ArrayLike | None = None,
    constant: bool = False,
) -> ModelResult:
    """Return lmfit's result for one line in one window; ``result.fit_report()`` is for people.

    Parameters
    ----------
    t, y
        Times, us, and signal without baseline, mA, shape (samples,). Samples that are not finite do not count.
    start
        Start values by name; those of the batch fitter where not given.
    fixed
        Parameters to hold, with their values.
    sigma
        Noise of the samples, mA: the fit is then weighted with 1/sigma² and errors are absolute.
    constant
        Whether a constant is fitted along, named ``c``.

    Raises
    ------
    ValueError
        When the window holds too few samples, or a parameter is unknown; lmfit's own errors for impossible bounds.
    """
    times, signal = np.asarray(t, dtype=np.float64), np.asarray(y, dtype=np.float64)
    good = np.isfinite(times) & np.isfinite(signal)
    if good.sum() < 5 + constant:
        raise ValueError(f"{int(good.sum())} finite samples are too few for a line")
    times, signal = times[good], signal[good]
    peaks, windows = whole_rows(signal[None])
    first = start_values(times, np.zeros(1, dtype=np.int64), signal[None], peaks, windows)[0]
    values: dict[str, float] = dict(zip(LINE, first.tolist(), strict=True)) | dict(start or {})
    model = line_model(constant=constant)
    if constant:
        values.setdefault("c", 0.0)
    parameters = _prepared(model, values, fixed)
    if parameters["mu"].vary:
        parameters["mu"].set(min=float(times.min()), max=float(times.max()))
    weights = None if sigma is None else 1.0 / np.broadcast_to(np.asarray(sigma, dtype=np.float64), good.shape)[good]
    options = _options()
    options["fit_kws"]["Dfun"] = _line_residual_derivatives  # differences end early along the flat valley of the tail
    return model.fit(signal, parameters, t=times, weights=weights, scale_covar=sigma is None, **options)


def _line_residual_derivatives(parameters: Parameters, _: Floats, weights: Floats | None, t: Floats) -> Floats:
    """Return the derivatives of lmfit's weighted residuals by the parameters that vary, shape (samples, varying)."""
    columns = dict(zip(LINE, line_derivatives(t, [parameters[name].value for name in LINE]).T, strict=True))
    columns["c"] = np.ones_like(t)
    varying = np.column_stack([columns[name] for name, each in parameters.items() if each.vary])
    return -varying if weights is None else -varying * weights[:, None]


def refit_pulse(
    t: ArrayLike,
    y: ArrayLike,
    *,
    positive: bool,
    start: Mapping[str, float] | None = None,
    fixed: Mapping[str, float] | None = None,
) -> ModelResult:
    """Return lmfit's result for one pulse, from the minimum of the batch fitter unless `start` is complete.

    Parameters are those of `pulse_model`; the other arguments are those of `refit_line`.

    Raises
    ------
    ValueError
        When there are too few samples, the batch fitter finds no pulse to start from, or a parameter is unknown.
    """
    times, signal = np.asarray(t, dtype=np.float64), np.asarray(y, dtype=np.float64)
    good = np.isfinite(times) & np.isfinite(signal)
    if good.sum() < 6:
        raise ValueError(f"{int(good.sum())} finite samples are too few for a pulse")
    values = dict(start or {})
    if set(PULSE) - set(values):
        found = fit_pulses(times, signal, positive=positive).values[0]
        if not np.all(np.isfinite(found)):
            raise ValueError("no pulse stands out of the noise; give start values for all five parameters")
        values = dict(zip(PULSE, found.tolist(), strict=True)) | values
    model = pulse_model(positive)
    parameters = _prepared(model, values, fixed)
    if parameters["t0"].vary:
        parameters["t0"].set(min=float(times[good].min()), max=float(times[good].max()))
    return model.fit(signal[good], parameters, t=times[good], **_options())


def refit_shape(
    t: ArrayLike,
    y: ArrayLike,
    shape: str,
    extras: Mapping[str, object],
    *,
    start: Mapping[str, float],
    fixed: Mapping[str, float] | None = None,
    sigma: ArrayLike | None = None,
) -> ModelResult:
    """Return lmfit's result for one line of any shape; its extras are held.

    The arguments are those of `refit_line` and `shape_model`.

    Raises
    ------
    ValueError
        When the window holds too few samples, or a parameter is unknown.
    """
    times, signal = np.asarray(t, dtype=np.float64), np.asarray(y, dtype=np.float64)
    good = np.isfinite(times) & np.isfinite(signal)
    if good.sum() < 5:
        raise ValueError(f"{int(good.sum())} finite samples are too few for a line")
    first = dict(start)
    first.setdefault("mu", float(times[good][np.argmax(signal[good])]))
    first.setdefault("area", max(float(np.trapezoid(np.maximum(signal[good], 0.0), times[good])), 1e-9))
    first.setdefault("sigma", float(np.ptp(times[good])) / 10)
    first.setdefault("lam", 2.0 if shape == "generalized_normal" else first["sigma"])
    parameters = _prepared(shape_model(shape, extras), first, fixed)
    if shape in ("gaussian", "lorentzian", "hyper_emg"):
        parameters["lam"].set(value=first["lam"], vary=False)
    if parameters["mu"].vary:
        parameters["mu"].set(min=float(times[good].min()), max=float(times[good].max()))
    weights = None if sigma is None else 1.0 / np.broadcast_to(np.asarray(sigma, dtype=np.float64), good.shape)[good]
    model = shape_model(shape, extras)
    return model.fit(
        signal[good], parameters, t=times[good], weights=weights, scale_covar=sigma is None, max_nfev=20000
    )


def refit_image_pulse(
    t: ArrayLike, y: ArrayLike, *, positive: bool, start: Mapping[str, float], fixed: Mapping[str, float] | None = None
) -> ModelResult:
    """Return lmfit's result for one pulse with image charge, from complete start values.

    The arguments are those of `refit_pulse`; parameters are those of `image_pulse_model`.
    """
    times, signal = np.asarray(t, dtype=np.float64), np.asarray(y, dtype=np.float64)
    model = image_pulse_model()
    parameters = _prepared(model, start, fixed)
    if positive:
        parameters["impact"].set(min=0.0)
    if parameters["t0"].vary:
        parameters["t0"].set(min=float(times.min()), max=float(times.max()))
    return model.fit(signal, parameters, t=times, max_nfev=20000)


def shape_derivatives(t: Floats, values: ArrayLike, shape: str, extras: Mapping[str, object]) -> Floats:
    """Return the derivatives of a line of any shape by area, mu, sigma and lam, shape (samples, 4), by differences."""
    return _differences(lambda each: shapes.curve(shape, t, each.tolist(), extras), values)


def image_pulse_derivatives(t: Floats, values: ArrayLike) -> Floats:
    """Return the derivatives of a pulse with image charge by its parameters, shape (samples, 7), by differences."""
    return _differences(lambda each: image_pulse(t, each), values)


def _differences(function: Callable[[Floats], Floats], values: ArrayLike) -> Floats:
    """Return central differences of a curve by its parameters, shape (samples, parameters)."""
    point = np.asarray(values, dtype=np.float64)
    columns = []
    for k, value in enumerate(point.tolist()):
        step = np.zeros(point.size)
        step[k] = 1e-5 * max(abs(value), 1e-3)
        columns.append((function(point + step) - function(point - step)) / (2 * step[k]))
    return np.stack(columns, axis=1)


def _options() -> dict[str, Any]:
    """Return lmfit options that stop as late as the batch fitter does."""
    return {"fit_kws": {"ftol": TOLERANCE**2, "xtol": TOLERANCE**2, "gtol": 0.0}, "max_nfev": 20000}


def line_derivatives(t: ArrayLike, values: ArrayLike) -> Floats:
    """Return the derivatives of a line by area, mu, sigma and lam, shape (samples, 4): what error bands are made of."""
    area, mu, sigma, lam = np.asarray(values, dtype=np.float64)
    return emg_jacobian(t, area, mu, sigma, lam)
