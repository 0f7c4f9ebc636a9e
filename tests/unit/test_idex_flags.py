"""Classes of events, time axes, and the dust-hit test against the peak finder of SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import find_peaks, peak_widths

from archive.instruments.idex import axes, dust
from archive.instruments.idex.flags import NOISE, PULSER, SCIENCE, classify, saturated


def kind(trigid: int, high: int = 0, low: int = 0, mid: int = 0, level: int = 0) -> int:
    return int(classify(*(np.array([value]) for value in (trigid, high, low, mid, level)))[0])


@pytest.mark.parametrize(
    ("expected", "header"),
    [
        (NOISE, {"trigid": 0}),
        (NOISE, {"trigid": 16}),
        (NOISE, {"trigid": 16, "high": 1}),
        (NOISE, {"trigid": 32, "high": 1, "level": 1000}),
        (SCIENCE, {"trigid": 16, "mid": 1}),
        (SCIENCE, {"trigid": 24}),
        (PULSER, {"trigid": 1, "high": 1, "level": 1000}),
        (SCIENCE, {"trigid": 1, "high": 2, "level": 1000}),
        (SCIENCE, {"trigid": 1, "high": 1, "level": 999}),
        (SCIENCE, {"trigid": 8}),
    ],
)
def test_events_are_classified_by_their_trigger(expected: int, header: dict[str, int]) -> None:
    assert kind(**header) == expected


def test_saturation_begins_at_95_percent_of_full_scale() -> None:
    samples = np.array([[0, 971], [0, 972], [-32768, 0]], dtype=np.int16)
    assert saturated(samples, 1023).tolist() == [False, True, False]


def test_the_delay_is_that_of_the_channel_that_triggered() -> None:
    word = np.full(5, 3 << 20 | 2 << 10 | 1)
    trigger = np.array([1, 2, 4, 6, 8])
    assert axes.delay(trigger, word).tolist() == [1, 2, 3, 2, 1]
    assert axes.delay(trigger, word, "established").tolist() == [1, 3, 2, 3, 1]
    assert axes.delay(trigger, word, "older").tolist() == [3] * 5


def test_a_delay_of_1023_means_minus_one_when_no_tof_channel_triggered() -> None:
    word, trigger = np.full(4, 1023), np.array([16, 32, 1, 17])
    assert axes.delay(trigger, word).tolist() == [-1, -1, 1023, 1023]
    assert axes.delay(trigger, word, "established").tolist() == [1023] * 4
    shift = axes.t0_high(np.array([7]), np.array([1023]))[0] - axes.t0_high(np.array([7]), np.array([-1]))[0]
    assert shift == pytest.approx(1024 / 260)


def test_trigger_sources_read_as_text() -> None:
    assert axes.trigger_text(0b001001) == "TOF High, target"
    assert axes.trigger_text(0) == "none"


def by_scipy(records: list[NDArray[np.int16]]) -> bool:
    """Tell hits in the words of the specification, for records without saturation that begin in noise."""
    wide = []
    for x in records:
        early = x[:780].astype(float)
        baseline = np.median(early)
        sigma = 1.4826 * np.median(np.abs(early - baseline)) or np.std(early)
        y = x - baseline
        peaks, _ = find_peaks(y, height=7 * sigma, prominence=5 * sigma, distance=8)
        # relative height 0.5 of the height above the baseline, not above the foot of the peak
        data: Any = (y[peaks], np.zeros(peaks.size, int), np.full(peaks.size, y.size - 1))
        wide.append(peak_widths(y, peaks, 0.5, prominence_data=data)[0] / 260)
    return any((w >= 0.020).sum() >= 2 for w in wide) or (len(wide[0]) == 1 and wide[0][0] >= 0.050)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), lines=st.integers(0, 4), width=st.floats(1, 12), noise=st.sampled_from([0.5, 2, 5])
)
def test_dust_hits_are_those_of_scipy(seed: int, lines: int, width: float, noise: float) -> None:
    rng = np.random.default_rng(seed)
    t = np.arange(4096)
    records = []
    for gain, level in ((1.0, 511), (0.1, 513), (0.01, 514)):
        signal = np.full(t.size, float(level))
        for place, height in zip(rng.uniform(1000, 4000, lines), rng.uniform(20, 350, lines), strict=True):
            signal += gain * height * np.exp(-(((t - place) / width) ** 2))
        records.append(np.clip(np.rint(signal + rng.normal(0, noise, t.size)), 0, 960).astype(np.int16))
    hit = dust.dust_hits(*(record[None] for record in records), present=np.ones((1, 3), dtype=bool))
    # sums of ties may fall either way at the exact limits; continuous noise makes them vanishingly rare
    assert bool(hit[0]) == by_scipy(records)


def pulse(place: int, height: float, width: float) -> NDArray[np.float64]:
    return height * np.exp(-(((np.arange(4096) - place) / width) ** 2))


def test_a_saturated_peak_takes_its_width_from_the_next_lower_gain() -> None:
    rng = np.random.default_rng(3)

    def record(level: int, signal: NDArray[np.float64]) -> NDArray[np.int16]:
        values = np.rint(level + signal + rng.normal(0, 2, signal.size))
        return np.clip(values, 0, 1023).astype(np.int16)[None]

    shape = pulse(1500, 1, 6) + pulse(2500, 1, 6)
    high, mid, low = record(511, 4000 * shape), record(513, 300 * shape), record(514, 3 * shape)
    every = np.ones((1, 3), dtype=bool)
    assert dust.dust_hits(high, mid, low, every)[0]
    narrow = record(513, 300 * (pulse(1500, 1, 1) + pulse(2500, 1, 1)))
    assert not dust.dust_hits(high, narrow, low, every)[0]
    assert not dust.dust_hits(high, mid, low, np.array([[True, False, True]]))[0]


def test_records_that_begin_inside_the_signal_use_the_reference_baseline() -> None:
    rng = np.random.default_rng(4)
    start = np.where(np.arange(4096) < 900, 200.0, 0.0)  # the first 3 us are far from the usual baseline
    values = 511 + start + pulse(2000, 150, 8) + pulse(3000, 150, 8) + rng.normal(0, 2, 4096)
    high = np.rint(values).astype(np.int16)[None]
    quiet = np.full((1, 4096), 513, dtype=np.int16) + (np.arange(4096) % 2).astype(np.int16)
    assert dust.dust_hits(high, quiet, quiet + np.int16(1), np.ones((1, 3), dtype=bool))[0]


def test_what_was_not_received_is_no_hit() -> None:
    nothing = np.full((2, 8192), -32768, dtype=np.int16)
    assert not dust.dust_hits(nothing, nothing, nothing, np.zeros((2, 3), dtype=bool)).any()
