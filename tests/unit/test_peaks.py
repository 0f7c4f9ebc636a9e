"""Peaks, against scipy on random records and against the reference events."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import signal

from archive.numerics.peaks import find_lines, find_peaks, full_widths, smooth
from tests.data import data_path

RECORDS = arrays.arrays(np.float64, st.integers(0, 60), elements=st.integers(0, 6).map(float))


@given(RECORDS, st.integers(0, 4), st.integers(0, 4))
@settings(max_examples=150, deadline=None)
def test_the_peaks_are_those_of_scipy(y: np.ndarray, height: int, prominence: int) -> None:
    expected, found = signal.find_peaks(y, height=height, prominence=prominence)
    ours = find_peaks(y, height, prominence, 1)
    np.testing.assert_array_equal(ours.sample, expected)
    np.testing.assert_array_equal(ours.prominence, found["prominences"])


@given(st.integers(0, 1000), st.integers(1, 12))
@settings(max_examples=40, deadline=None)
def test_the_distance_rule_is_that_of_scipy(seed: int, distance: int) -> None:
    y = np.random.default_rng(seed).normal(size=200)
    expected, _ = signal.find_peaks(y, height=0.2, prominence=0.5, distance=distance)
    np.testing.assert_array_equal(find_peaks(y, 0.2, 0.5, distance).sample, expected)


def test_the_reference_events_have_their_peaks_and_widths() -> None:
    reference = json.loads(data_path("idex-science/event-flags.json").read_text())
    step, early = reference["t_us_step"], round(3 / reference["t_us_step"])
    for event in reference["events"]:
        y = np.array(event["record_tof_high_dn"], dtype=float)
        base = np.median(y[:early])
        sigma = 1.4826 * np.median(np.abs(y[:early] - base))
        assert sigma == pytest.approx(event["baseline_sigma_dn"], rel=reference["tolerance"]["sigma_rel"])
        saturated = y.max() >= 0.95 * 1023
        if saturated or event["name"] == "starts-in-signal":
            continue  # these are decided by further rules of the instrument
        found = find_peaks(y - base, 7 * sigma, 5 * sigma, round(0.030 / step))
        np.testing.assert_array_equal(found.sample, event["peak_indices"])
        widths = full_widths(y, found.sample, base) * step
        np.testing.assert_allclose(widths, event["fwhm_us"], atol=reference["tolerance"]["fwhm_abs_us"])


def test_half_widths_end_at_the_valley_to_a_neighbour() -> None:
    t = np.arange(120.0)
    y = np.exp(-0.5 * ((t - 50) / 4) ** 2) + 0.9 * np.exp(-0.5 * ((t - 60) / 4) ** 2)
    peaks = find_peaks(y, 0.1, 0.01, 3)
    assert peaks.left[0] == pytest.approx(4 * np.sqrt(2 * np.log(2)), abs=1)
    assert np.isnan(peaks.right[0])
    assert np.isnan(peaks.left[1])
    assert peaks.right[1] > 4


def test_lines_are_found_at_five_sigma_of_the_smoothed_signal_and_not_before_the_impact() -> None:
    rng = np.random.default_rng(5)
    y = rng.normal(0, 0.01, (3, 4000))
    t = np.arange(4000)
    for place in (500, 1500, 2500):
        y[:2] += 0.3 * np.exp(-0.5 * ((t - place) / 4.0) ** 2)
    found = find_lines(y, 0.01, earliest=[0, 1000, 0])
    assert found.record.tolist() == [0, 0, 0, 1, 1]
    np.testing.assert_allclose(found.sample, [500, 1500, 2500, 1500, 2500], atol=2)


@pytest.mark.parametrize("y", [np.empty((2, 0)), np.ones((2, 1)), np.full((2, 50), np.nan), np.ones((2, 50)),
                               np.full((2, 50), np.inf), -np.eye(2, 50, 20)])  # fmt: skip
def test_records_without_peaks_give_none(y: np.ndarray) -> None:
    assert find_lines(y, 0.01).sample.size == 0
    assert find_lines(y, np.nan).sample.size == 0


def test_without_noise_and_floor_nothing_is_significant() -> None:
    assert find_lines(np.eye(1, 50, 20), 0.0).sample.size == 0


def test_five_hundred_peaks_are_found_and_a_missing_sample_hides_none_of_the_others() -> None:
    t = np.arange(8000.0)
    y = np.cos(2 * np.pi * t / 16)
    y[4003] = np.nan
    found = find_lines(y, 0.01)
    assert found.sample.size in (499, 500)
    assert np.all(np.abs(found.left[5:200] - 16 / 6) < 0.1)


def test_smoothing_keeps_a_constant_and_bridges_missing_samples() -> None:
    y = np.full((2, 30), 3.0)
    y[0, 10] = np.nan
    np.testing.assert_array_equal(smooth(y), np.full((2, 30), 3.0))
    ramp = np.arange(30.0)
    np.testing.assert_allclose(smooth(ramp)[2:-2], ramp[2:-2])
