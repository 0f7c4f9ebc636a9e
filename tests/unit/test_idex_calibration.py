"""Raw numbers to physical units: the reference case of units and housekeeping, and conversions in pieces."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from archive.instruments.idex import axes
from archive.instruments.idex.calibration import WAVEFORM_SCALE, housekeeping, newest, out_of_segments
from archive.instruments.idex.header import dead_time, met_seconds
from tests.data import data_path

PIECES = {"values": {"reading": {"word": "w", "shift": 16, "segments": [
    {"from": 100, "to": 199, "coefficients": [0.0, 2.0]}, {"from": 10, "to": 99, "coefficients": [5.0]},
    {"from": 300, "to": 400, "coefficients": [0.0, 0.0, 1.0]},
]}}}  # fmt: skip


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    return dict(json.loads(data_path("idex-science/units-housekeeping.json").read_text()))


def test_the_32_readings_are_those_of_the_reference(reference: dict[str, Any]) -> None:
    assert len(reference["housekeeping"]) == 32
    shipped = newest("header_housekeeping")["values"]
    for case in reference["housekeeping"]:
        words = np.array(case["words"], dtype=np.int64)
        word = case["word"].removeprefix("idx__")
        entry = {name: shipped[name] for name in (case["mnemonic"],)}
        assert (shipped[case["mnemonic"]]["word"], shipped[case["mnemonic"]]["shift"] == 0) == (word, case["low_half"])
        found = housekeeping({word: words}, {"values": entry})[case["mnemonic"]]
        np.testing.assert_allclose(found, case["value"], rtol=1e-9, atol=1e-9)


def test_factors_dead_time_clock_and_axes_are_those_of_the_reference(reference: dict[str, Any]) -> None:
    scale = newest(WAVEFORM_SCALE)["values"]
    for channel, case in reference["waveforms"].items():
        assert scale[channel]["unit"] == case["unit"]
        np.testing.assert_allclose(scale[channel]["factor"] * np.array(case["dn"]), case["value"], rtol=1e-9)
    blocks = np.array([case["txhdrblocks"] for case in reference["dead_time"]], dtype=np.int64)
    header = {"txhdrdeadblocksbase": blocks >> 24 & 0x3F, "txhdrdeadblocksshift": blocks >> 20 & 0xF}
    np.testing.assert_allclose(dead_time(header), [case["dead_time_s"] for case in reference["dead_time"]], rtol=1e-9)
    for case in reference["met"]:
        parts = {name: np.array([case[key]]) for name, key in (("txhdrtimesec1", "sec1"), ("txhdrtimesec2", "sec2"))}
        assert met_seconds(parts)[0] + 20e-6 * case["subs"] == pytest.approx(case["met_s"], rel=1e-11)
    for case in reference["time_axes"]:
        # the reference has the fields of Low and Mid exchanged, as established products have
        delay = axes.delay(np.array([case["trigger_id"]]), np.array([case["txhdrsampdelay"]]), "established")
        assert delay[0] == case["delay_samples"]
        assert axes.t0_high(np.array([case["high_pre_blocks"]]), delay)[0] == pytest.approx(case["high_first_us"])
        assert axes.t0_low(np.array([case["low_pre_blocks"]]))[0] == pytest.approx(case["low_first_us"])


def test_a_conversion_may_have_pieces_and_says_where_it_says_nothing() -> None:
    counts = np.array([9, 10, 99, 100, 199, 240, 270, 300, 400, 401])
    header = {"w": counts << 16 | 0xABC}
    values = housekeeping(header, PIECES)["reading"]
    np.testing.assert_allclose(values, [5, 5, 5, 200, 398, 480, 270.0**2, 300.0**2, 400.0**2, 401.0**2])
    assert out_of_segments(header, PIECES)["reading"].tolist() == [-1, 0, 0, 0, 0, 2, 2, 0, 0, 1]
