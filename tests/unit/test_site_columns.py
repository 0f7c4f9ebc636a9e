"""Typed columns for the browser: what is packed comes back, in the smallest type that holds it."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from monitors.site.columns import Quantity, Source, encoded, encoded_words, packed
from monitors.site.idex.quantities import find, sources

TYPES = {"i1": "<i1", "u1": "<u1", "i2": "<i2", "u2": "<u2", "i4": "<i4", "f4": "<f4", "f8": "<f8"}


def decoded(column: dict[str, Any], size: int) -> np.ndarray[Any, Any]:
    """What assets/columns.js makes of a column."""
    if "all" in column:
        return np.full(size, np.nan if column["all"] is None else column["all"])
    return np.frombuffer(base64.b64decode(column["data"]), TYPES[column["type"]]).astype(np.float64)


@given(arrays(np.float64, st.integers(1, 40), elements=st.integers(-(2**53), 2**53).map(float)))
@settings(max_examples=60)
def test_whole_numbers_come_back_exactly(values: np.ndarray[Any, Any]) -> None:
    assert np.array_equal(decoded(encoded(values), values.size), values)


@given(arrays(np.float64, st.integers(1, 40), elements=st.floats(allow_infinity=False, width=64)))
@settings(max_examples=100)
def test_any_number_comes_back_to_seven_digits_and_nan_as_nan(values: np.ndarray[Any, Any]) -> None:
    found = decoded(encoded(values), values.size)
    assert np.array_equal(np.isnan(found), np.isnan(values))
    assert np.allclose(found, values, rtol=1e-7, atol=0, equal_nan=True)


@pytest.mark.parametrize("step", [1e-3, 1.0001, 86_400.25, 1e7 + 0.125])
def test_times_keep_their_microseconds_over_any_span(step: float) -> None:
    times = 1.2e9 + np.arange(50) * step
    (quantity,) = find("event.t")
    assert quantity.exact
    assert encoded(times, exact=quantity.exact)["type"] == "f8"
    assert np.array_equal(decoded(encoded(times, exact=quantity.exact), 50), times)


def test_values_close_together_for_their_size_keep_their_differences() -> None:
    values = 1e6 + np.arange(50) * 1e-3
    assert np.array_equal(decoded(encoded(values), 50), values)


@pytest.mark.parametrize(
    ("values", "kind"),
    [([0, 1, 0], "i1"), ([0, 200], "u1"), ([-300, 5], "i2"), ([0, 40_000], "u2"), ([0, 1 << 30], "i4"),
     ([0, 1 << 40], "f8"), ([0.5, 2.5], "f4"), ([1e-30, 1e-45], "f8"), ([1.0, np.nan, 3.0], "f4")],
)  # fmt: skip
def test_the_smallest_type_is_taken(values: list[float], kind: str) -> None:
    assert encoded(np.array(values))["type"] == kind


def test_a_column_of_one_value_is_that_value() -> None:
    assert encoded(np.full(7, 3.0)) == {"all": 3.0}
    assert encoded(np.full(7, np.nan)) == {"all": None}
    assert encoded(np.array([])) == {"all": None}


def test_words_are_numbered_and_made_printable() -> None:
    column = encoded_words(np.array([1, 0, 2], dtype=np.int32), ["a\nb", "<i>"])
    assert column["words"] == ["a\\nb", "<i>"]
    assert decoded(column, 3).tolist() == [1, 0, 2]
    assert encoded_words(np.array([1, 1], dtype=np.int32), ["x"]) == {"all": "x"}
    assert encoded_words(np.array([0, 0], dtype=np.int32), []) == {"all": None}
    assert "words" in encoded_words(np.array([1, 0], dtype=np.int32), ["x"])


def test_every_quantity_of_idex_has_a_name_of_its_own_that_may_be_a_file_name() -> None:
    names = [quantity.name for source in sources() for quantity in source.quantities]
    assert len(set(names)) == len(names) > 400
    assert all(name.replace(".", "").replace("_", "").isalnum() and name.isascii() for name in names)
    assert [q.unit for q in find("tof_high.noise", "target_low.baseline", "hk.temperature_1")] == ["mA", "pC", "°C"]


def test_a_block_is_packed_by_one_statement_in_order_of_the_events() -> None:
    number, word = Quantity("a", "A", "", "G", "", "e.id"), Quantity("b", "B", "", "G", "", "e.kind", words=True)
    statement = packed(Source("s", "", (number, word)), (number, word))
    assert statement.count("string_agg") == statement.count("::bytea order by id)") == 2
