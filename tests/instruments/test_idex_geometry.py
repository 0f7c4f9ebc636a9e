"""Level-1B files give the pointing of events; whatever is wrong with one is a problem and no exception."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archive.formats.cdf import DOUBLE, INT8, TIME_TT2000, Variable, write_cdf
from archive.instruments.idex import IDEX
from archive.model import Decoded, Source

NAME = "imap_idex_l1b_sci-10days_20260301_v001.cdf"
EPOCH = np.array([826_000_000_000_000_000, -(1 << 63), 826_000_060_000_000_000])


def made(folder: Path, name: str = NAME, **more: Any) -> Path:
    """Write a level-1B file with three records, of which the second has no time."""
    held: dict[str, tuple[int, Any] | None] = {
        "epoch": (TIME_TT2000, EPOCH), "longitude": (DOUBLE, np.array([10.0, 20.0, -1e31])),
        "latitude": (DOUBLE, np.array([-5.0, 0.0, -1e31])), "spin_phase": (DOUBLE, np.array([359.0, 1.0, 2.0])),
        "aid": (INT8, np.array([7, 8, -(1 << 63)])), "shcoarse": (INT8, np.array([510_000_000, 1, 2])),
        "shfine": (INT8, np.array([49_999, 1, 1 << 16])), **more,
    }  # fmt: skip
    path = folder / name
    write_cdf(path, {"Logical_source": "imap_idex_l1b_sci"}, [
        Variable(key, *given, {}) for key, given in held.items() if given is not None
    ])  # fmt: skip
    return path


def decoded(path: Path, name: str = NAME) -> Decoded:
    return IDEX().decode(Source(path, name, "0" * 64, path.stat().st_size), path.parent)


def test_a_level_1b_file_is_claimed_by_name_and_bytes(tmp_path: Path) -> None:
    head = made(tmp_path).read_bytes()[:4096]
    claim = IDEX().claims(NAME, head, 9999, {})
    assert claim is not None
    assert (claim.product, claim.confidence) == ("l1b_sci", 90)
    assert IDEX().claims(NAME, b"no cdf at all" * 50, 9999, {}) is None
    assert IDEX().claims("imap_swe_l1b_sci_20260301_v001.cdf", head, 9999, {}) is None


def test_pointing_is_taken_over_and_fill_is_nothing(tmp_path: Path) -> None:
    found = decoded(made(tmp_path))
    (rows,) = found.rows
    assert (rows.table, rows.owner) == ("idex.pointing", "file")
    columns = {name: list(values) for name, values in rows.columns.items()}
    assert columns["record"] == [0, 2]
    assert columns["tt2000"] == [EPOCH[0], EPOCH[2]]
    assert columns["longitude"] == [10.0, None]
    assert columns["latitude"] == [-5.0, None]
    assert columns["spin_phase"] == [359.0, 2.0]
    assert columns["solar_longitude"] == [None, None]
    assert columns["aid"] == [7, None]
    assert columns["shfine"] == [49_999, None]
    assert found.t_start is not None
    assert found.t_end is not None
    assert (found.t_end - found.t_start).total_seconds() == 60
    assert [problem.code for problem in found.problems] == ["records_without_time"]
    assert found.header == {"records": 3, "placed": 1}


@pytest.mark.parametrize(("more", "code"), [
    ({"epoch": None}, "no_epoch"),
    ({"longitude": None}, "no_geometry"),
    ({"latitude": (DOUBLE, np.zeros((3, 2)))}, "no_geometry"),
    ({"epoch": (DOUBLE, np.zeros(3))}, "no_epoch"),
])  # fmt: skip
def test_what_is_missing_is_told(tmp_path: Path, more: dict[str, Any], code: str) -> None:
    found = decoded(made(tmp_path, **more))
    assert code in [problem.code for problem in found.problems]
    assert bool(found.rows) == (code == "no_geometry")


@pytest.mark.parametrize("keep", [9, 400, 1500, 3000])
def test_a_damaged_file_never_raises(tmp_path: Path, keep: int) -> None:
    whole = made(tmp_path).read_bytes()
    damaged = tmp_path / "damaged.cdf"
    damaged.write_bytes(whole[:keep])
    found = decoded(damaged)
    assert found.problems
    noise = bytearray(whole)
    noise[keep % len(whole) :: 97] = b"\xff" * len(noise[keep % len(whole) :: 97])
    damaged.write_bytes(bytes(noise))
    assert decoded(damaged).product == "l1b_sci"
