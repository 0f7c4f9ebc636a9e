"""The geometry that is simulated: perpendicular to the Sun, and read back as a level-1B file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from archive.instruments.idex import IDEX
from archive.instruments.idex.simulate.pointing import boresight, write_pointing
from archive.model import Source

NAME = "imap_idex_l1b_sci-10days_20260301_v001.cdf"


def test_the_boresight_is_perpendicular_to_the_sun() -> None:
    longitude, latitude, sun, phase = boresight(825_600_000 * 10**9 + np.arange(0, 10**12, 7 * 10**8))
    away = np.cos(np.radians(latitude)) * np.cos(np.radians(longitude - sun))
    assert np.abs(away).max() < 1e-12
    assert latitude.min() < -80
    assert latitude.max() > 80
    assert ((phase >= 0) & (phase < 360)).all()


def test_the_pointing_of_events_is_taken_in_again(tmp_path: Path) -> None:
    tt2000 = 825_600_000 * 10**9 + np.array([0, 7, 20]) * 10**9
    whole = (np.array([5, 5, 6]), np.array([510_000_000, 510_000_001, 510_000_002]), np.array([1, 2, 49_999]))
    path = tmp_path / NAME
    records = write_pointing(path, tt2000, *whole)
    found = IDEX().decode(Source(path, NAME, "0" * 64, path.stat().st_size), tmp_path)
    assert found.problems == []
    assert found.header == {"records": records, "placed": records}
    (rows,) = found.rows
    columns = {name: list(values) for name, values in rows.columns.items()}
    of_events = [i for i, aid in enumerate(columns["aid"]) if aid is not None]
    assert [columns["tt2000"][i] for i in of_events] == tt2000.tolist()
    assert [columns["shfine"][i] for i in of_events] == [1, 2, 49_999]
    assert [columns["longitude"][i] for i in of_events] == boresight(tt2000)[0].tolist()
