"""Every sample of a waveform comes through the text of a data script unchanged."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from monitors.site.event_data import runs
from monitors.site.waveform_text import DIGITS, encode


def decode(digits: int, text: str) -> list[int]:
    """The page's decoder in other words: base 64, high digit first."""
    codes = [0] * (len(text) // digits)
    for i, letter in enumerate(text):
        codes[i // digits] = codes[i // digits] * 64 + DIGITS.index(letter)
    return codes if digits == 2 else [code - 32768 for code in codes]


@given(arrays(np.int16, st.integers(0, 40), elements=st.integers(0, 4095)))
def test_converter_values_take_two_digits_each(samples: NDArray[np.int16]) -> None:
    digits, text = encode(samples)
    assert digits == 2
    assert decode(digits, text) == samples.tolist()


@given(arrays(np.int16, st.integers(1, 40), elements=st.integers(-32768, 32767)))
def test_any_other_value_comes_through_too(samples: NDArray[np.int16]) -> None:
    digits, text = encode(samples)
    assert len(text) == digits * samples.size
    assert decode(digits, text) == samples.tolist()


def test_a_known_record_has_a_known_text() -> None:
    assert encode(np.array([0, 1, 63, 64, 4095], dtype=np.int16)) == (2, "AAABA/BA//")


@given(st.sets(st.integers(0, 60)))
def test_runs_cover_the_records_and_nothing_else(records: set[int]) -> None:
    found = runs(sorted(records))
    assert {number for first, last in found for number in range(first, last + 1)} == records
    assert all(b[0] > a[1] + 1 for a, b in pairwise(found))
