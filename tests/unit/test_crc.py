"""The checksum of CCSDS packets against a slow version that can be read at a glance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.numerics.crc import crc16, crc16_many, extend_prefix_crc, multiply, readonly, shift_table


def bitwise(text: bytes, value: int = 0xFFFF) -> int:
    for byte in text:
        value ^= byte << 8
        for _ in range(8):
            value = ((value << 1) ^ 0x1021 if value & 0x8000 else value << 1) & 0xFFFF
    return value


def array(text: bytes) -> np.ndarray:
    return readonly(np.frombuffer(text, dtype=np.uint8))


def test_the_check_value_of_the_algorithm_comes_out() -> None:
    assert crc16(array(b"123456789"), 0, 9) == 0x29B1


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.data())
def test_a_piece_has_the_checksum_of_the_slow_version(text: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(start, len(text)))
    assert crc16(array(text), start, stop) == bitwise(text[start:stop])


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200))
def test_a_text_with_its_own_checksum_has_checksum_zero(text: bytes) -> None:
    whole = text + bitwise(text).to_bytes(2, "big")
    assert crc16(array(whole), 0, len(whole)) == 0


@settings(max_examples=40, deadline=None)
@given(st.binary(min_size=1, max_size=300), st.data())
def test_a_piece_follows_from_the_checksums_of_the_beginnings(text: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(start, len(text)))
    table = np.zeros(len(text) + 1, dtype=np.uint16)
    half = len(text) // 2
    extend_prefix_crc(array(text), 0, table, 0, half)
    extend_prefix_crc(array(text), 0, table, half, len(text))
    shift = shift_table(len(text) + 1)
    moved = multiply(np.int64(shift[stop - start]), np.int64(table[start]) ^ 0xFFFF)
    assert int(table[stop]) ^ int(moved) == bitwise(text[start:stop])


def test_many_pieces_at_once_may_overlap_and_be_empty() -> None:
    text = bytes(range(256)) * 3
    offsets, lengths = np.array([0, 5, 700, 3]), np.array([768, 100, 0, 17])
    expected = [bitwise(text[o : o + n]) for o, n in zip(offsets, lengths, strict=True)]
    assert crc16_many(array(text), offsets, lengths).tolist() == expected


@pytest.mark.parametrize(("offset", "length"), [(-1, 3), (8, 3), (0, -1)])
def test_a_piece_outside_the_data_is_refused(offset: int, length: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        crc16_many(array(b"0123456789"), np.array([offset]), np.array([length]))
