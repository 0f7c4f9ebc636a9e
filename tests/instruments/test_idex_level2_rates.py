"""Level-2B rates and level-2C maps: the established layout, and no zero that nobody counted."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cdflib
import numpy as np

from archive.instruments.idex.level2_rates import write_map, write_rates
from archive.instruments.idex.lineage import Lineage

LINEAGE = Lineage(("raw.pkts",), ("a" * 64,), "")
STATE = "0123456789abcdef"
WINDOW: dict[str, Any] = {
    "t_start": datetime(2026, 3, 1, tzinfo=UTC), "t_stop": datetime(2026, 3, 11, tzinfo=UTC),
    "t_until": datetime(2026, 3, 11, tzinfo=UTC), "version": 1, "settings_hash": "1f", "settings": {"source": "best"},
    "status": "ok", "reason": "", "quality": 1, "exposure": 1000.0, "dead_time": 0.5, "events": 9, "dust": 6,
    "no_charge": 1, "no_mass": 1, "no_phase": 2, "unplaced": 1,
}  # fmt: skip
MESSAGES = [
    {"t": datetime(2026, 3, 1, 1, tzinfo=UTC), "science_on": True},
    {"t": datetime(2026, 3, 2, tzinfo=UTC), "science_on": False},
]


def rates() -> list[dict[str, Any]]:
    rows = []
    for binning, bins in (("total", [None]), ("charge", [*range(10), -1]), ("mass", [*range(10), -1])):
        for number in bins:
            for quadrant in (None, -1, 0, 1, 2, 3):
                count = 4 if quadrant is None else max(quadrant, 0)
                rows.append({"binning": binning, "bin": number, "spin_quadrant": quadrant, "counts": count,
                             "rate": count / 1000})  # fmt: skip
    return rows


def values(path: Path, name: str) -> Any:
    held = cdflib.CDF(path, validate=True).varget(name)
    return np.where(held == -1e31, np.nan, held)


def test_rates_stand_in_the_established_layout(tmp_path: Path) -> None:
    path = write_rates(tmp_path, WINDOW, rates(), MESSAGES, LINEAGE, STATE)
    assert path.name == "imap_idex_l2b_sci-10days_20260301_v001.cdf"
    assert values(path, "counts").tolist() == [[0, 1, 2, 3]]
    np.testing.assert_allclose(values(path, "rate"), [[0, 1e-3, 2e-3, 3e-3]])
    for name in ("counts_by_charge", "rate_by_charge", "counts_by_mass", "rate_by_mass"):
        assert values(path, name).shape == (1, 10, 4)
    assert values(path, "pinakes_counts_by_charge").tolist() == [[4] * 10]
    assert values(path, "pinakes_no_phase").tolist() == [2]
    assert cdflib.CDF(path).varget("on_off_events").tolist() == [1, 0]
    assert cdflib.CDF(path).varget("epoch_delta_plus").tolist() == [10 * 86400 * 10**9]
    assert str(cdflib.cdfepoch.to_datetime(cdflib.CDF(path).varget("epoch"))[0]).startswith("2026-03-01T00:00:00")
    np.testing.assert_allclose(values(path, "impact_charge")[:2], [np.sqrt(0.0316), np.sqrt(0.316)])


def test_the_file_says_what_it_was_made_from_and_a_tag_tells_states_apart(tmp_path: Path) -> None:
    tagged = Lineage(LINEAGE.names, LINEAGE.hashes, STATE[:8])
    path = write_rates(tmp_path, WINDOW, rates(), MESSAGES, tagged, STATE)
    assert path.name == "imap_idex_l2b_sci-10days_20260301_01234567_v001.cdf"
    attributes = cdflib.CDF(path).globalattsget()
    assert attributes["Logical_file_id"] == [path.stem]
    assert attributes["Accumulation_state"] == [STATE]
    assert attributes["Accumulation_settings"] == ['{"source": "best"}']
    assert attributes["Parents"] == [f"raw.pkts>sha256:{'a' * 64}"]
    assert "accumulated to 2026-03-11T00:00:00Z: ok" in attributes["TEXT"][0]


def test_without_any_spin_phase_quadrants_are_filled_and_not_zero(tmp_path: Path) -> None:
    path = write_rates(tmp_path, WINDOW | {"no_phase": 6}, rates(), [], LINEAGE, STATE)
    assert np.isnan(values(path, "counts")).all()
    assert np.isnan(values(path, "rate_by_mass")).all()
    assert values(path, "pinakes_counts").tolist() == [4]
    assert cdflib.CDF(path).varget("on_off_events").tolist() == [255]


def test_maps_have_counts_exposure_and_rates(tmp_path: Path) -> None:
    pixels: list[dict[str, Any]] = [{"lon_pixel": 3, "lat_pixel": 4, "exposure": 50.0, "counts": 5},
              {"lon_pixel": 3, "lat_pixel": 5, "exposure": None, "counts": 1}]  # fmt: skip
    counts = [{"lon_pixel": 3, "lat_pixel": 4, "charge_bin": 2, "mass_bin": -1, "counts": 5}]
    path = write_map(tmp_path, WINDOW, pixels, counts, LINEAGE, STATE)
    assert path.name == "imap_idex_l2c_rectangular-map-10days_20260301_v001.cdf"
    assert values(path, "counts_map").shape == (1, 60, 30)
    assert values(path, "counts_map").sum() == 6
    assert values(path, "rate_map")[0, 3, 4] == 0.1
    assert np.isnan(values(path, "rate_map")[0, 3, 5])
    assert np.isfinite(values(path, "rate_map")).sum() == 1
    assert values(path, "counts_by_charge_map")[0, 2, 3, 4] == 5
    assert values(path, "counts_by_mass_map").sum() == 0
    attributes = cdflib.CDF(path).globalattsget()
    assert attributes["sky_tiling_type"] == ["RECTANGULAR"]
    assert attributes["Spice_reference_frame"] == ["ECLIPJ2000"]


def test_without_any_place_the_map_is_filled_and_not_zero(tmp_path: Path) -> None:
    path = write_map(tmp_path, WINDOW | {"unplaced": 6}, [], [], LINEAGE, STATE)
    assert np.isnan(values(path, "counts_map")).all()


def test_equal_windows_give_equal_bytes(tmp_path: Path) -> None:
    paths = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        paths.append(write_rates(tmp_path / name, WINDOW, rates(), MESSAGES, LINEAGE, STATE))
    assert paths[0].read_bytes() == paths[1].read_bytes()
