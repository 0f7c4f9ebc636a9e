"""Noise diagnostics and filters: the reference record, and records that say nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest

from archive.numerics import filters, noise
from tests.data import data_path


def test_the_reference_record_has_its_numbers() -> None:
    reference = json.loads(data_path("idex-science/noise-diagnostics.json").read_text())
    y = np.array(reference["y"])
    step = reference["t_us_step"]
    found = noise.summary(reference["t_us_start"] + step * np.arange(y.size), y)
    assert found is not None
    np.testing.assert_allclose(
        [found.mean, found.sigma, found.rms, found.poisson, found.median, found.robust_sigma, found.gaussian_peak],
        [reference[key] for key in ("mean", "sd_population", "rms_about_mean", "poisson_equivalent", "median",
                                    "sd_robust_mad")] + [reference["histogram"]["gaussian_peak_counts"]],
        rtol=1e-9,
    )  # fmt: skip
    bins = noise.histogram(y)
    assert bins.counts.tolist() == reference["histogram"]["counts"]
    np.testing.assert_allclose(bins.edges[[0, -1]], reference["histogram"]["edges_first_last"])
    spectrum = noise.amplitude_spectrum(y, step)
    order = np.argsort(spectrum.value)[::-1][:4]
    np.testing.assert_allclose(spectrum.frequency[order], reference["spectrum"]["frequency_MHz"], rtol=1e-9)
    np.testing.assert_allclose(spectrum.value[order], reference["spectrum"]["magnitude"], rtol=1e-9)
    welch, expected = noise.welch_density(y, step), reference["spectrum"]["welch_hann_256"]
    np.testing.assert_allclose(welch.frequency[:20], expected["frequency_MHz"], rtol=1e-9)
    np.testing.assert_allclose(welch.value[:20], expected["density"], rtol=1e-9, atol=1e-10)
    correlation = noise.autocorrelation(y, step)
    np.testing.assert_allclose(correlation.value[:41], reference["autocorrelation"]["unbiased"], rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(correlation.lag[:41], reference["autocorrelation"]["lag_us"], rtol=1e-9)
    assert correlation.band == pytest.approx(reference["autocorrelation"]["bartlett_95"])


def test_many_records_at_once_have_the_numbers_of_each_alone() -> None:
    reference = json.loads(data_path("idex-science/noise-diagnostics.json").read_text())
    y = np.array(reference["y"])
    gap = np.where(np.arange(y.size) % 7 == 3, np.nan, y)
    rows = np.array([y, gap, np.full(y.size, np.nan), np.where(np.arange(y.size) < 19, y, np.nan), y[::-1] * 3 - 9])
    found = noise.summaries(rows, reference["t_us_step"])
    t = reference["t_us_start"] + reference["t_us_step"] * np.arange(y.size)
    assert found.samples.tolist() == [y.size, np.isfinite(gap).sum(), 0, 0, y.size]
    assert np.isnan([column[2:4] for column in found[1:]]).all()
    for k in (0, 1, 4):
        alone = noise.summary(t, rows[k])
        assert alone is not None
        for name in ("mean", "sigma", "median", "robust_sigma", "poisson", "lag1"):
            assert getattr(found, name)[k] == pytest.approx(getattr(alone, name), rel=1e-9), name
        spectrum = noise.amplitude_spectrum(rows[k], reference["t_us_step"])
        best = np.argmax(spectrum.value)
        assert found.line_frequency[k] == pytest.approx(spectrum.frequency[best])
        assert found.line_amplitude[k] == pytest.approx(2 * spectrum.value[best] / alone.samples)
    assert found.mean[0] == pytest.approx(reference["mean"], rel=1e-9)
    assert found.poisson[0] == pytest.approx(reference["poisson_equivalent"], rel=1e-9)
    assert found.line_frequency[0] == pytest.approx(reference["spectrum"]["frequency_MHz"][0], rel=1e-9)


def test_a_sine_in_noise_is_the_strongest_line_with_its_amplitude() -> None:
    t = np.arange(2048) / 260
    rng = np.random.default_rng(5)
    y = 3 + 0.5 * np.sin(2 * np.pi * 16.25 * t) + rng.normal(0, 0.2, (40, t.size))
    found = noise.summaries(y, 1 / 260)
    np.testing.assert_allclose(found.line_frequency, 16.25)
    np.testing.assert_allclose(found.line_amplitude, 0.5, atol=0.03)
    assert found.line_excess.min() > 50
    white = noise.summaries(rng.normal(size=(200, 640)), 1 / 260)
    assert np.percentile(white.line_excess, 99) < 5
    constant = noise.summaries(np.ones((2, 64)), 1.0)
    assert np.isnan([constant.lag1, constant.line_frequency, constant.line_excess]).all()


def test_the_spectrum_holds_the_variance() -> None:
    y = np.random.default_rng(3).normal(size=513)
    spectrum = noise.amplitude_spectrum(y, 0.25)
    assert 2 * np.sum(spectrum.value**2) / y.size == pytest.approx(np.sum((y - y.mean()) ** 2))


def test_short_and_constant_records_say_so() -> None:
    assert noise.summary(np.arange(19), np.arange(19)) is None
    assert noise.summary(np.arange(50), np.full(50, np.nan)) is None
    constant = noise.summary(np.arange(50), np.ones(50))
    assert constant is not None
    assert np.isnan(constant.gaussian_peak)
    assert np.isnan(constant.lag1)
    assert np.isnan(noise.time_step([1.0]))
    assert noise.histogram([]).counts.size == 0
    assert noise.amplitude_spectrum([1.0], 1.0).value.size == 0


def test_filters_are_those_of_the_reference() -> None:
    reference = json.loads(data_path("idex-science/filters.json").read_text())
    y = np.array(reference["y"])
    t = reference["t_us_start"] + reference["t_us_step"] * np.arange(y.size)
    tolerance = reference["tolerance"]["abs"]
    np.testing.assert_allclose(filters.low_pass_legacy(y), reference["legacy"]["filtered"], atol=tolerance)
    physical = filters.low_pass(y, reference["physical"]["cutoff_MHz"], reference["t_us_step"])
    np.testing.assert_allclose(physical, reference["physical"]["filtered"], atol=tolerance)
    np.testing.assert_allclose(filters.take_off_line(t, y), reference["detrended"], atol=tolerance)


def test_a_sine_is_found_before_the_pulse_and_taken_off_everywhere() -> None:
    rng = np.random.default_rng(7)
    t = np.arange(512) * 0.246
    y = 0.5 * np.sin(1.7 * t + 0.4) + rng.normal(0, 0.05, t.size)
    sine = filters.fit_sine(t, y, t < 30)
    assert sine is not None
    assert sine.angular == pytest.approx(1.7, abs=0.01)
    assert filters.take_off_sine(t, y, sine).std() < 0.08


def test_noise_and_slow_drifts_hold_no_sine() -> None:
    t = np.arange(512) * 0.246
    assert filters.fit_sine(t, np.random.default_rng(1).normal(size=512), t < 60) is None
    assert filters.fit_sine(t, np.sin(0.02 * t), t < 30) is None
    assert filters.fit_sine(t, np.full(512, np.nan), t < 30) is None


def test_a_line_fitted_before_the_pulse_leaves_the_pulse_whole() -> None:
    t = np.arange(512) * 0.246 - 20
    y = np.where(t > 0, 10.0, 0.0) + 0.01 * t
    clean = filters.take_off_line(t, y, t < 0)
    np.testing.assert_allclose(clean[t > 0], 10.0)
    assert np.abs(filters.take_off_line(t, y)[t > 0] - 10.0).max() > 3


def test_impossible_filters_are_refused_with_a_reason() -> None:
    with pytest.raises(ValueError, match="must be between"):
        filters.low_pass(np.ones(50), 5.0, 0.246)
    with pytest.raises(ValueError, match="too short"):
        filters.low_pass(np.ones(5), 0.1, 0.246)
