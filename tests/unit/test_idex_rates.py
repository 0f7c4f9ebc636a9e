"""One window of ten days as a pure function: edges, dead time, and what is not known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from archive.instruments.idex.analysis.rates import (
    OFF,
    ON,
    Accumulated,
    Dust,
    Messages,
    Pointing,
    Settings,
    Window,
    accumulate,
    science_state,
    window_of,
)

NOTHING = np.zeros(0)
START = datetime(2026, 3, 1, tzinfo=UTC)
WHOLE = Window(START, START + timedelta(days=10), START + timedelta(days=10))


def dust(**columns: Any) -> Dust:
    held = {name: np.array([1.0, np.nan]) for name in Dust._fields} | {"analysed": np.array([True, False])}
    return Dust(**(held | {name: np.asarray(values) for name, values in columns.items()}))


def made(found: Dust, on: float = 1000.0, settings: Settings | None = None, **more: Any) -> Accumulated:
    messages = Messages(np.array([0.0, on]), np.array([1, 0]))
    return accumulate(WHOLE, found, messages, Pointing(NOTHING, NOTHING, NOTHING), settings or Settings(), **more)


@pytest.mark.parametrize(("day", "start", "stop"), [
    ("2025-12-06", "2025-12-06", "2025-12-16"), ("2025-12-31", "2025-12-26", "2026-01-01"),
    ("2026-01-01", "2026-01-01", "2026-01-10"), ("2026-01-10", "2026-01-10", "2026-01-20"),
    ("2024-12-31", "2024-12-25", "2025-01-01"),
])  # fmt: skip
def test_windows_begin_on_day_1_10_20_and_end_with_the_year(day: str, start: str, stop: str) -> None:
    found = window_of(datetime.fromisoformat(day).replace(hour=23, tzinfo=UTC))
    assert [f"{edge:%Y-%m-%d}" for edge in found] == [start, stop]


def test_what_is_not_known_has_bins_of_its_own() -> None:
    found = made(dust())
    assert found.counts == {"spin_quadrant": [-1, 0], "charge_bin": [-1, 2], "mass_bin": [-1, 9], "counts": [1, 1]}
    row = found.window
    assert (row["dust"], row["no_charge"], row["no_mass"], row["no_phase"], row["unplaced"], row["unanalysed"]) == (
        2, 1, 1, 1, 1, 1,
    )  # fmt: skip
    assert row["status"] == "unanalysed unplaced no_pointing"
    assert sum(found.map_counts["counts"]) == 1
    by_charge = [(b, c) for name, spin, b, c in zip(*(found.rates[k] for k in (
        "binning", "spin_quadrant", "bin", "counts")), strict=True) if name == "charge" and spin is None]  # fmt: skip
    assert len(by_charge) == 11
    assert sum(count for _, count in by_charge) == 2


def test_dead_time_is_taken_off_when_asked_and_no_rate_is_left_when_it_is_all() -> None:
    for settings, dead, live in ((None, 500.0, 1000.0), (Settings(subtract_dead_time=True), 500.0, 500.0)):
        found = made(dust(), settings=settings, dead_time=dead)
        assert found.rates["rate"][0] == pytest.approx(2 / live)
        assert found.window["exposure"] == 1000.0
    found = made(dust(), settings=Settings(subtract_dead_time=True), dead_time=2000.0)
    assert found.rates["rate"][0] is None


def test_without_messages_or_on_time_there_is_no_rate_and_no_zero() -> None:
    for messages, exposure, word in (
        (Messages(NOTHING, NOTHING.astype(int)), None, "no_messages"),
        (Messages(np.array([0.0]), np.array([0])), 0.0, "never_on"),
    ):
        found = accumulate(WHOLE, dust(), messages, Pointing(NOTHING, NOTHING, NOTHING), Settings())
        assert (found.window["exposure"], found.window["quality"]) == (exposure, 0)
        assert word in found.window["status"]
        assert set(found.rates["rate"]) == {None}
        assert found.rates["counts"][0] == 2


def test_a_window_of_nothing_has_rows_for_every_bin_and_true_zeros() -> None:
    found = made(Dust(NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING > 0))
    assert len(found.rates["counts"]) == 6 * (1 + 11 + 11)
    assert set(found.rates["counts"]) == {0}
    assert set(found.rates["rate"]) == {0.0}
    assert min(found.rates["rate_high"]) > 0
    assert found.counts["counts"] == found.map_counts["counts"] == found.pixels["counts"] == []


def test_messages_are_on_off_or_neither() -> None:
    assert science_state(np.array([ON, OFF, (0, 0, 0, 2)])).tolist() == [1, 0, 255]
    assert science_state(np.zeros((0, 4), dtype=np.int64)).size == 0
