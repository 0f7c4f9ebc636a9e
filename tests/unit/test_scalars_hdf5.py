"""Tables in HDF5: many slices in bounded memory, what is not known, and units from the comments of columns."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from archive.export.scalars_hdf5 import SLICE, UNKNOWN, unit_of, write
from archive.model import ViewColumn

COLUMNS = (
    ViewColumn("event_id", "bigint", "The event (core.event.id)."),
    ViewColumn("t", "timestamp with time zone", "Event time, UTC."),
    ViewColumn("t_epoch", "double precision", "A column that has this name already, s."),
    ViewColumn("charge", "double precision", "Impact charge, pC; null for a weak signal."),
    ViewColumn("charge_error", "double precision", "Standard error of charge, same unit."),
    ViewColumn("dust", "boolean", "Whether it is dust."),
    ViewColumn("status", "text", "Words."),
    ViewColumn("coefficients", "double precision[]", "t0, a1, ..., us from the first sample."),
)
START = datetime(2026, 3, 1, tzinfo=UTC)


def rows(count: int) -> Iterator[dict[str, Any]]:
    for i in range(count):
        known = i % 3 != 0
        yield {
            "event_id": 2**53 + 1 + i if known else None, "t": START + timedelta(microseconds=i) if known else None,
            "t_epoch": float(i), "charge": i / 7 if known else None, "charge_error": None, "dust": i % 2 == 0,
            "status": f"ok µ {i}" if known else None, "coefficients": [1.0, i / 3] if known else None,
        }  # fmt: skip


def test_what_is_written_reads_back_over_many_slices(tmp_path: Path) -> None:
    count = 2 * SLICE + 5
    assert write(rows(count), COLUMNS, tmp_path / "table.h5", {"view": "v"}) == count
    with h5py.File(tmp_path / "table.h5") as file:
        assert set(file) == {*(column.name for column in COLUMNS), "t_epoch_seconds"}
        assert {len(file[name]) for name in file} == {count}
        known = np.arange(count) % 3 != 0
        assert np.array_equal(file["event_id"][known], (2**53 + 1 + np.arange(count))[known])
        assert set(file["event_id"][~known].tolist()) == {UNKNOWN}
        assert np.array_equal(file["charge"][known], (np.arange(count) / 7)[known])
        assert np.isnan(file["charge"][~known]).all()
        assert set(file["dust"][:].tolist()) == {0, 1}
        assert file["status"][count - 1].decode() == f"ok µ {count - 1}" if known[-1] else True
        assert file["status"][0] == b""
        assert file["t"][1] == b"2026-03-01T00:00:00.000001Z"
        assert file["t"][0] == b""
        assert file["t_epoch_seconds"][4] == pytest.approx(START.timestamp() + 4e-6, abs=3e-7)
        assert math.isnan(file["t_epoch_seconds"][3])
        assert file["coefficients"][1].decode() == f"[1.0, {1 / 3!r}]"
        assert (file.attrs["view"], file.attrs["count"]) == ("v", count)


def test_a_table_does_not_grow_in_memory(tmp_path: Path) -> None:
    def most(count: int) -> int:
        tracemalloc.start()
        write(rows(count), COLUMNS, tmp_path / f"{count}.h5", {})
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    assert most(8 * SLICE) < 1.5 * most(2 * SLICE)


def test_a_file_that_was_not_finished_has_no_count(tmp_path: Path) -> None:
    def broken() -> Iterator[dict[str, Any]]:
        yield from rows(3)
        raise ConnectionError("the server went away")

    with pytest.raises(ConnectionError):
        write(broken(), COLUMNS, tmp_path / "half.h5", {})
    with h5py.File(tmp_path / "half.h5") as file:
        assert "count" not in file.attrs


@pytest.mark.parametrize(
    ("comment", "unit"),
    [
        ("Impact charge, pC; null for a weak signal.", "pC"),
        ("Rate of the tail, 1/us.", "1/us"),
        ("Begin of the pulse, us from the trigger.", "us"),
        ("a1 of the mass scale, us per root of u.", "us per root of u"),
        ("Lower limit of its central 68 %, km/s; null for charge_ratio.", "km/s"),
        ("100 Mg/(Mg + Fe), atoms.", ""),
        ("Event time, UTC.", ""),
        ("Total area of the line, mA us.", "mA us"),
        ("", ""),
    ],
)
def test_units_are_those_of_the_comments(comment: str, unit: str) -> None:
    assert unit_of(ViewColumn("x", "double precision", comment), ()) == unit


def test_a_standard_error_has_the_unit_of_its_quantity() -> None:
    assert unit_of(COLUMNS[4], COLUMNS) == "pC"
    assert unit_of(ViewColumn("alone_error", "double precision", "Standard error of alone, same unit."), COLUMNS) == ""
