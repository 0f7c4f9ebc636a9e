"""The packed samples of uncompressed channels, against a version written with Python integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.numerics import bits

WIDTHS = pytest.mark.parametrize("width", [10, 12])


def packed_with_integers(values: list[int], width: int) -> bytes:
    """Section 7.1 of the packet definition, word by word."""
    per_word = {10: 3, 12: 2}[width]
    words = []
    for first in range(0, len(values), per_word):
        word = 0
        for value in values[first : first + per_word]:
            word = word << width | value
        words.append(word.to_bytes(4, "big"))
    return b"".join(words)


@WIDTHS
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_packing_agrees_with_integers_and_unpacking_undoes_it(width, data):
    records = data.draw(st.integers(1, 4))
    samples = data.draw(st.integers(1, 40))
    values = data.draw(st.lists(st.integers(0, 2**width - 1), min_size=records * samples, max_size=records * samples))
    array = np.array(values, dtype=np.int16).reshape(records, samples)

    packed = bits.pack(array, width)

    assert packed.shape == (records, bits.packed_size(samples, width))
    assert [row.tobytes() for row in packed] == [packed_with_integers(row.tolist(), width) for row in array]
    offsets = np.arange(records) * packed.shape[1]
    assert np.array_equal(bits.unpack(packed.ravel(), offsets, width, samples), array)


def test_last_word_of_8192_samples_is_right_aligned():
    samples = np.arange(8192, dtype=np.int16)[np.newaxis] % 1024
    packed = bits.pack(samples, 10)
    assert packed.shape == (1, 4 * 2731)
    assert int.from_bytes(packed[0, -4:].tobytes(), "big") == (8190 % 1024) << 10 | 8191 % 1024


def test_pad_bits_are_ignored():
    words = np.frombuffer(bytes.fromhex("FFFFFFFF FFFFFFFF"), dtype=np.uint8)
    assert bits.unpack(words, np.array([0]), 10, 6).tolist() == [[1023] * 6]
    assert bits.unpack(words, np.array([0]), 12, 4).tolist() == [[4095] * 4]


def test_absent_records_leave_their_rows_alone():
    packed = bits.pack(np.full((1, 6), 7, dtype=np.int16), 10).ravel()
    out = np.full((3, 6), -5, dtype=np.int16)
    bits.unpack(packed, np.array([-1, 0, -1]), 10, 6, out)
    assert out.tolist() == [[-5] * 6, [7] * 6, [-5] * 6]


@WIDTHS
def test_records_beyond_the_data_are_refused(width):
    data = np.zeros(bits.packed_size(12, width) + 3, dtype=np.uint8)
    assert bits.unpack(data, np.array([3]), width, 12).tolist() == [[0] * 12]
    with pytest.raises(ValueError, match="ends beyond"):
        bits.unpack(data, np.array([0, 4]), width, 12)
    with pytest.raises(ValueError, match="ends beyond"):
        bits.unpack(np.zeros(3, np.uint8), np.array([0]), width, 1)


def test_output_of_the_wrong_shape_is_refused():
    with pytest.raises(ValueError, match="shape"):
        bits.unpack(np.zeros(8, np.uint8), np.array([0]), 10, 6, np.zeros((1, 5), np.int16))


@pytest.mark.parametrize("value", [-1, 1024])
def test_samples_that_do_not_fit_are_refused(value):
    with pytest.raises(ValueError, match="do not fit in 10 bits"):
        bits.pack(np.array([[value]], dtype=np.int16), 10)


def test_other_widths_are_refused():
    with pytest.raises(ValueError, match="10 or 12"):
        bits.packed_size(8, 11)
