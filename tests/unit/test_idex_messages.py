"""Event messages as text, and the calibration records of the package."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest

from archive.instruments.base import Instrument
from archive.instruments.idex import IDEX
from archive.instruments.idex.calibration import HOUSEKEEPING, WAVEFORM_SCALE, housekeeping, newest, records
from archive.instruments.idex.layout import CHANNELS
from archive.instruments.idex.messages import mnemonic, render, text


@pytest.mark.parametrize(
    ("number", "parameters", "expected"),
    [
        (136, "00000003", "AUT hvps state changed to hvStateDictionary(ACTIVE)"),
        (136, "00000009", "AUT hvps state changed to hvStateDictionary(0x00000009)"),
        (192, "00020003", "SCI state change: sciState16Dictionary(ACQSETUP) ==> sciState16Dictionary(ACQ)"),
        (192, "0002ffab", "SCI state change: sciState16Dictionary(ACQSETUP) ==> sciState16Dictionary(0xFFAB)"),
        (0, "0102ff04", "EMPTY 0x0102ff04"),
        (5, "00000001", "EVENT_0x05 0x00000001"),
        (21, "00000000", "CMD engine arm state expired"),
    ],
)
def test_messages_read_as_text(number: int, parameters: str, expected: str) -> None:
    assert text(number, bytes.fromhex(parameters)) == expected


def test_every_id_and_every_parameter_has_a_text() -> None:
    rng = np.random.default_rng(1)
    ids = np.tile(np.arange(256), 4)
    mnemonics, texts = render(ids, rng.integers(0, 256, (ids.size, 4), dtype=np.uint8))
    assert all("{" not in message for message in texts)
    assert mnemonics[:256] == [mnemonic(number) for number in range(256)]
    assert render(ids[:0], np.zeros((0, 4), dtype=np.uint8)) == ([], [])


def test_the_licence_of_the_message_tables_lies_beside_them() -> None:
    folder = files("archive.instruments.idex").joinpath("data")
    assert folder.joinpath("event_message_tables.LICENSE.txt").read_text(encoding="utf-8").startswith("MIT License")


def test_calibrations_are_versioned_records_with_a_validity() -> None:
    instrument: Instrument = IDEX()
    assert instrument.calibrations() == records()
    keys = [(record["name"], record["version"]) for record in records()]
    assert len(set(keys)) == len(keys)
    for record in records():
        assert record["valid_from"]
        assert record["origin"]
    scale = newest(WAVEFORM_SCALE)["values"]
    assert scale.keys() == {channel.name for channel in CHANNELS}
    assert scale["TOF_High"] == {"factor": 7.5e-5, "unit": "mA"}
    assert min(record["version"] for record in records() if record["name"] == WAVEFORM_SCALE) == 1


def test_housekeeping_takes_the_even_channel_from_the_low_half_of_a_word() -> None:
    quantities = newest(HOUSEKEEPING)["values"]
    words = {entry["word"]: np.array([0xF3E8_F7D0], dtype=np.uint32) for entry in quantities.values()}
    values = housekeeping(words)
    assert len(values) == 32
    assert values["detector_voltage"][0] == pytest.approx(1.4652 * 0x7D0)
    assert values["sensor_voltage"][0] == pytest.approx(1.4652 * 0x3E8)
    assert values["voltage_neg6v_bus"][0] == pytest.approx(-33 + 0.00886447 * 0x7D0)
    x = 0x7D0
    expected = 162.8276 - 0.2668687 * x + 3.323794e-4 * x**2 - 2.43153e-7 * x**3 + 9.034532e-11 * x**4
    assert values["temperature_1"][0] == pytest.approx(expected - 1.327735e-14 * x**5)
