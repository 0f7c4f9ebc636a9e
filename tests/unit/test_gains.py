"""Gain merging: a clipped spectrum comes back whole, and from the right gain."""

from __future__ import annotations

import numpy as np
import pytest

from archive.numerics.gains import MASKED, merge_gains
from archive.numerics.linefit import line_curve

DT = 1 / 260
SIGMAS = [np.array([1e-4]), np.array([4e-3]), np.array([0.18])]


def gains(peak: float, ratio: float = 1.0) -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]:
    rng = np.random.default_rng(6)
    t = np.arange(2000) * DT
    truth = line_curve(t, [[peak * 0.05, 2.0, 0.02, 50.0], [peak * 0.004, 5.0, 0.02, 50.0]])[None]
    limits = (0.035, 1.4, 60.0)
    clipped = [
        np.minimum(truth / (ratio if i else 1.0) + rng.normal(0, s, truth.shape), limit)
        for i, (s, limit) in enumerate(zip(SIGMAS, limits, strict=True))
    ]
    masks = [signal >= 0.95 * limit for signal, limit in zip(clipped, limits, strict=True)]
    return truth, clipped, masks


def test_a_spectrum_within_the_first_gain_is_left_alone() -> None:
    _, signals, masks = gains(0.03)
    merged = merge_gains(signals, SIGMAS, masks, DT)
    np.testing.assert_array_equal(merged.signal, signals[0])
    assert np.all(merged.source == 0)
    assert np.isnan(merged.fitted).all()


def test_clipped_lines_come_from_the_lower_gains_with_their_noise() -> None:
    truth, signals, masks = gains(10.0)
    merged = merge_gains(signals, SIGMAS, masks, DT)
    assert set(np.unique(merged.source)) == {0, 1, 2}
    assert np.all(np.abs(merged.signal - truth) < 6 * merged.sigma)
    assert not merged.all_saturated[0]


def test_the_fitted_ratio_is_used_within_its_range_and_refused_outside() -> None:
    _, signals, masks = gains(1.2, ratio=1.1)
    merged = merge_gains(signals, SIGMAS, masks, DT)
    if np.isfinite(merged.fitted[0, 1]):
        assert merged.fitted[0, 1] == pytest.approx(1.1, rel=0.05)
    _, signals, masks = gains(1.2, ratio=1.5)
    wide = [np.zeros(1), *SIGMAS[1:]]
    broad = [np.full((1, 400), 1.0), np.full((1, 400), 0.6), np.zeros((1, 400))]
    refused = merge_gains(broad, wide, [np.zeros((1, 400), dtype=bool)] * 3, DT)
    assert refused.fitted[0, 1] == pytest.approx(1 / 0.6)
    assert refused.out_of_range[0]
    assert refused.ratio[0, 1] == 1.0


def test_the_undershoot_after_saturation_is_bridged_for_half_a_microsecond_at_most() -> None:
    high, mid, low = (np.zeros((1, 1000)) for _ in range(3))
    mask = np.zeros((1, 1000), dtype=bool)
    mask[0, 100:120] = True
    high[0, 120:150] = -0.05
    high[0, 400:] = -0.05
    merged = merge_gains([high, mid, low], SIGMAS, [mask, np.zeros_like(mask), np.zeros_like(mask)], DT)
    assert np.all(merged.source[0, 100:150] == 1)
    assert np.all(merged.source[0, 150:] == 0)
    high[0, 120:] = -0.05
    merged = merge_gains([high, mid, low], SIGMAS, [mask, np.zeros_like(mask), np.zeros_like(mask)], DT)
    assert np.all(merged.source[0, 120 : 120 + 130] == 1)
    assert np.all(merged.source[0, 251:] == 0)


def test_where_every_gain_saturates_the_mask_stays() -> None:
    full = np.ones((1, 50), dtype=bool)
    merged = merge_gains([np.ones((1, 50))] * 3, SIGMAS, [full] * 3, DT)
    assert merged.all_saturated[0]
    assert np.all(merged.source == MASKED)


def test_a_missing_first_gain_is_replaced_and_three_missing_are_masked() -> None:
    missing, open_ = np.full((1, 50), np.nan), np.zeros((1, 50), dtype=bool)
    merged = merge_gains([missing, np.ones((1, 50)), np.ones((1, 50))], SIGMAS, [open_] * 3, DT)
    assert np.all(merged.source == 1)
    assert np.all(merged.signal == 1.0)
    nothing = merge_gains([missing] * 3, SIGMAS, [open_] * 3, DT)
    assert nothing.all_saturated[0]
    assert np.isnan(nothing.signal).all()
