"""Counts, on-time, rates and maps: the reference cases and what must not be silent."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scipy import stats

from archive.numerics import rates
from tests.data import data_path


def reference() -> dict[str, Any]:
    return dict(json.loads(data_path("idex-science/counts-rates-maps.json").read_text()))


def column(name: str) -> np.ndarray:
    return np.array([np.nan if x is None else x for x in reference()["events"][name]], dtype=float)


def test_counts_and_maps_are_those_of_the_reference() -> None:
    case = reference()
    dust = rates.dust_hits(column("dust_hit_flag"))
    quadrant = rates.spin_quadrant(column("spin_phase"))
    lon, lat = rates.pixel(column("longitude"), column("latitude"))
    grid, unplaced = rates.count_in(rates.MAP_SHAPE, lon[dust], lat[dust])
    assert [[int(i), int(j), int(grid[i, j])] for i, j in zip(*np.nonzero(grid), strict=True)] == case[
        "map_nonzero_lon_lat_count"]  # fmt: skip
    assert unplaced == int((lon[dust] < 0).sum())
    placed = dust & (lon >= 0)
    by_spin, _ = rates.count_in((4,), quadrant[placed])
    all_spin, _ = rates.count_in((4,), quadrant[dust])
    assert case["counts_by_spin"] in (by_spin.tolist(), all_spin.tolist())
    assert list(rates.CHARGE_EDGES) == case["by_charge_spin"]["edges_pC"]
    charge = rates.clipped_bin(column("target_low_impact_charge"), rates.CHARGE_EDGES)
    assert rates.count_in((10, 4), charge[placed], quadrant[placed])[0].tolist() == case["by_charge_spin"]["counts"]
    assert list(rates.MASS_EDGES) == pytest.approx(case["by_mass_spin"]["edges_kg"], rel=1e-12)
    mass = rates.clipped_bin(column("target_low_dust_mass_estimate") * 1e-15, rates.MASS_EDGES)
    assert rates.count_in((10, 4), mass[placed], quadrant[placed])[0].tolist() == case["by_mass_spin"]["counts"]


def test_on_times_are_those_of_the_reference() -> None:
    for case in reference()["uptime"]:
        found = rates.on_time(*case["window_s"], case["message_s"], case["state"])
        assert found == (pytest.approx(case["on_s"]), pytest.approx(case["total_s"]))
    assert rates.on_time(0, 100, [10, 20, 30], [1, 255, 0]).on == 20


def test_without_exposure_a_rate_is_missing_and_not_zero() -> None:
    found = rates.rate([5, 0, 3], [100.0, 100.0, 0.0], [10.0, 0.0, 0.0])
    np.testing.assert_allclose(found.rate, [5 / 90, 0.0, np.nan])
    assert found.low[1] == 0
    assert found.high[1] > 0
    assert np.isnan([found.low[2], found.high[2]]).all()


def test_missing_dust_flags_are_an_error_and_not_zero_counts() -> None:
    with pytest.raises(ValueError, match="missing"):
        rates.dust_hits(None)
    assert rates.dust_hits([0, 1, 255]).tolist() == [False, True, False]


def test_poisson_limits_leave_the_stated_probability_outside() -> None:
    low, high = rates.poisson_interval([0, 1, 7, 400])
    np.testing.assert_allclose(stats.poisson.cdf([0, 1, 7, 400], high), 0.15865525, rtol=1e-6)
    np.testing.assert_allclose(stats.poisson.sf([0, 6, 399], low[1:]), 0.15865525, rtol=1e-6)


def test_pulser_messages_count_in_pairs_within_five_seconds() -> None:
    on, off = rates.pulser_states([0.0, 100.0, 200.0], [3.0, 4.0, 110.0, 201.0])
    assert on.tolist() == [True, False, True]
    assert off.tolist() == [True, False, False, True]


def test_missing_values_have_no_bin_and_edges_belong_to_the_end_bins() -> None:
    assert rates.clipped_bin([np.nan, 1e-9, 1e9, 0.1, 1e4], rates.CHARGE_EDGES).tolist() == [-1, 0, 9, 0, 9]
    assert rates.spin_quadrant([np.nan, 359.9, -45.0, 44.9999, 45.0]).tolist() == [-1, 0, 0, 0, 1]
    assert rates.bin_centres([1.0, 100.0]).tolist() == [10.0]


def test_the_projection_keeps_areas_and_holds_the_poles() -> None:
    x, y = rates.mollweide([0, 0, 179.999999, 90], [0, 90, 0, -90])
    np.testing.assert_allclose(x, [0, 0, 2 * np.sqrt(2), 0], atol=1e-6)
    np.testing.assert_allclose(y, [0, np.sqrt(2), 0, -np.sqrt(2)], atol=1e-6)
    edges = np.linspace(-90, 90, 2001)
    _, height = rates.mollweide(np.zeros_like(edges), edges)
    right, _ = rates.mollweide(np.full_like(edges, 179.9999999), edges)
    area = np.cumsum(np.diff(height) * (right[1:] + right[:-1]))
    share = (np.sin(np.radians(edges[1:])) + 1) / 2
    np.testing.assert_allclose(area / area[-1], share, atol=1e-5)


def test_on_seconds_end_at_the_on_time_and_are_unknown_without_messages() -> None:
    for case in reference()["uptime"]:
        begin, end = case["window_s"]
        found = rates.on_seconds([begin, 0.5 * (begin + end), end], begin, end, case["message_s"], case["state"])
        if not case["state"]:
            assert np.isnan(found).all()
            continue
        assert found[0] == 0
        assert found[0] <= found[1] <= found[2] == pytest.approx(case["on_s"])


def test_samples_of_the_pointing_stand_for_the_time_nearest_to_them_and_no_more() -> None:
    times = np.array([12.0, 14.0, 40.0, 95.0])
    found = rates.exposure_by_sample(times, 0, 100, [10, 50], [1, 0], 20.0)
    np.testing.assert_allclose(found, [3.0, 11.0, 20.0, 0.0])  # on from 10 to 50; of 24 to 30 nothing is known
    dense = np.arange(0.25, 100, 0.5)
    assert rates.exposure_by_sample(dense, 0, 100, [10, 50], [1, 0], 20.0).sum() == pytest.approx(40.0)
    assert np.isnan(rates.exposure_by_sample(times, 0, 100, [], [], 20.0)).all()
    assert rates.exposure_by_sample([], 0, 100, [10], [1], 20.0).size == 0


def test_the_interval_of_a_share_covers_it_as_often_as_stated() -> None:
    low, high = rates.share_interval([0, 5, 10, 0], [10, 10, 10, 0])
    assert (low[0], high[2]) == (0.0, 1.0)
    assert high[0] == pytest.approx(1 / 11)
    assert (low[1], high[1]) == (pytest.approx(0.5 - 0.5 / np.sqrt(11)), pytest.approx(0.5 + 0.5 / np.sqrt(11)))
    assert np.isnan([low[3], high[3]]).all()
    hits = np.random.default_rng(3).binomial(60, 0.3, 4000)
    low, high = rates.share_interval(hits, np.full(hits.size, 60))
    assert np.mean((low <= 0.3) & (high >= 0.3)) == pytest.approx(0.683, abs=0.05)
