"""COPY and upsert: every value comes back as it went in, or as the nearest thing PostgreSQL can hold."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB

from archive.catalog import Catalog
from archive.catalog.bulk import CHUNK, copy_rows, upsert
from archive.catalog.encode import printable
from tests.servers import TestServer

toy = Table(
    "toy 'table\"",
    MetaData(),
    Column("id", BigInteger, primary_key=True),
    Column("Name %", Text(collation="C"), unique=True),
    Column("x", Double),
    Column("n", BigInteger),
    Column("yes", Boolean),
    Column("t", DateTime(timezone=True)),
    Column("raw", LargeBinary),
    Column("doc", JSONB),
    Column("many", ARRAY(Double)),
    Column("words", ARRAY(Text)),
    Column("k", Integer, server_default="7"),
)
NAME = toy.c["Name %"]


@pytest.fixture(scope="module")
def shared(embedded_server: TestServer) -> Iterator[Catalog]:
    url = embedded_server.create("template0")
    with Catalog.from_url(url.render_as_string(hide_password=False)) as catalog:
        with catalog.begin() as conn:
            toy.create(conn)
        yield catalog
    embedded_server.drop(url)


def stored(catalog: Catalog, columns: dict[str, Any], column: str) -> list[Any]:
    """Copy the columns into the empty table and return one of them, in order; nothing is kept."""
    with catalog.engine.connect() as conn:
        conn.begin()
        size = len(next(iter(columns.values())))
        copy_rows(conn, toy, {"id": np.arange(size), **columns})
        return list(conn.execute(select(toy.c[column]).order_by(toy.c.id)).scalars())


moderate = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
texts = st.lists(st.none() | st.text(st.characters(codec=None, exclude_categories=())), min_size=1, max_size=20)


@moderate
@given(texts)
def test_any_text_comes_back_without_nul_and_with_half_surrogates_escaped(shared: Catalog, values: list[Any]) -> None:
    unique = [None if v is None else f"{i}{v}" for i, v in enumerate(values)]
    assert stored(shared, {"Name %": unique}, "Name %") == [None if v is None else printable(v) for v in unique]


@moderate
@given(st.lists(st.none() | st.floats(), min_size=1, max_size=20))
def test_any_number_comes_back(shared: Catalog, values: list[float | None]) -> None:
    for given_form in (values, np.array([math.nan if v is None else v for v in values])):
        back = stored(shared, {"x": given_form}, "x")
        for before, after in zip(given_form, back, strict=True):
            same = after is None if before is None else before == after or (math.isnan(before) and math.isnan(after))
            assert same


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [without_nul(v) for v in value]
    if isinstance(value, dict):
        return {without_nul(k): without_nul(v) for k, v in value.items()}
    return value


@moderate
@given(st.lists(st.lists(json_values, max_size=3), min_size=1, max_size=6))
def test_any_document_comes_back(shared: Catalog, values: list[Any]) -> None:
    assert stored(shared, {"doc": values}, "doc") == [without_nul(v) for v in values]


@moderate
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=10))
def test_any_bytes_come_back(shared: Catalog, values: list[bytes]) -> None:
    assert [bytes(v) for v in stored(shared, {"raw": values}, "raw")] == values


@moderate
@given(st.lists(st.none() | st.lists(st.none() | st.text(max_size=6), max_size=5), min_size=1, max_size=6))
def test_any_array_of_text_comes_back(shared: Catalog, values: list[Any]) -> None:
    expected = [None if v is None else [None if w is None else without_nul(w) for w in v] for v in values]
    assert stored(shared, {"words": values}, "words") == expected


NOON = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("t", np.array(["2026-11-20T12:00:00.123456789", "NaT"], "datetime64[ns]"), [NOON, None]),
        ("t", np.array(["2026-11-20"], "datetime64[D]"), [datetime(2026, 11, 20, tzinfo=UTC)]),
        ("t", [NOON.astimezone(timezone(timedelta(hours=5))), None], [NOON, None]),
        ("t", [np.datetime64("2026-11-20T12:00:00.123456"), np.datetime64("NaT")], [NOON, None]),
        ("t", [date(2026, 11, 20)], [datetime(2026, 11, 20, tzinfo=UTC)]),
        ("yes", np.array([True, False]), [True, False]),
        ("yes", [np.True_, None, False], [True, None, False]),
        ("n", np.array([2**63 - 1], np.uint64), [2**63 - 1]),
        ("n", [np.int16(-3), None, 5], [-3, None, 5]),
        ("x", np.array([0.1], np.float32), [float(np.float32(0.1))]),
        ("x", [np.float64(1.5), np.inf, None, 2], [1.5, math.inf, None, 2.0]),
        ("many", np.array([[1.0, np.inf], [2.0, 3.0]]), [[1.0, math.inf], [2.0, 3.0]]),
        ("many", [[], [np.float32(0.5), None], None], [[], [0.5, None], None]),
        ("Name %", np.array(["a\tb", "c"]), ["a\tb", "c"]),
        ("Name %", [Path("x/y"), "z"], ["x/y", "z"]),
        ("Name %", ["\\N", "\\.", "", "NULL"], ["\\N", "\\.", "", "NULL"]),
        ("doc", [{"a": np.float64(1.5), "b": np.arange(2), "c": math.nan, "t": NOON, 4: Path("p")}, None, "text"],
         [{"a": 1.5, "b": [0, 1], "c": None, "t": NOON.isoformat(), "4": "p"}, None, "text"]),
        ("doc", [{"nul\0": "a\0b", "half": "x\udcff"}], [{"nul": "ab", "half": "x\\udcff"}]),
    ],
)  # fmt: skip
def test_values_of_every_kind_come_back(shared: Catalog, column: str, values: Any, expected: list[Any]) -> None:
    assert stored(shared, {column: values}, column) == expected


@pytest.mark.parametrize(
    ("column", "value", "complaint"),
    [
        ("t", datetime(2026, 1, 1), "no time zone"),
        ("Name %", b"bytes", "not bytea"),
        ("n", object(), "cannot be copied"),
        ("doc", {"x": object()}, "no JSON form"),
    ],
)
def test_a_value_without_a_form_is_refused(shared: Catalog, column: str, value: Any, complaint: str) -> None:
    with pytest.raises(TypeError, match=complaint):
        stored(shared, {column: [value]}, column)


def test_columns_that_are_not_given_take_their_default(shared: Catalog) -> None:
    assert stored(shared, {"n": [1]}, "k") == [7]


def test_columns_must_be_equally_long_and_known(shared: Catalog) -> None:
    with pytest.raises(ValueError, match="differ in length"), shared.begin() as conn:
        copy_rows(conn, toy, {"id": [1, 2], "n": [1]})
    with pytest.raises(ValueError, match="no column 'nope'"), shared.begin() as conn:
        copy_rows(conn, toy, {"nope": [1]})


def test_more_rows_than_one_chunk_arrive(shared: Catalog) -> None:
    with shared.engine.connect() as conn:
        conn.begin()
        size = 2 * CHUNK + 1
        assert copy_rows(conn, toy, {"id": np.arange(size)}) == size
        assert conn.scalar(select(func.count()).select_from(toy)) == size
        assert copy_rows(conn, toy, {"id": []}) == 0


@pytest.fixture
def table_here(empty_catalog: Catalog) -> Catalog:
    with empty_catalog.begin() as conn:
        toy.create(conn)
    return empty_catalog


def test_upsert_inserts_changes_and_leaves_alone(table_here: Catalog) -> None:
    with table_here.begin() as conn:
        first = {"id": [1, 2, 3], "Name %": ["a", "b", "c"], "n": [1, 2, None], "doc": [{"x": 1}, None, []]}
        assert upsert(conn, toy, first, ["Name %"]) == 3
    with table_here.begin() as conn:
        assert upsert(conn, toy, first, ["Name %"]) == 0, "unchanged rows are not rewritten"
        again = {"id": [1, 2, 3, 4], "Name %": ["a", "b", "c", "d"], "n": [1, None, None, 9]}
        assert upsert(conn, toy, again, ["Name %"], update=["n"]) == 2
        assert conn.execute(select(toy.c.n).order_by(toy.c.id)).scalars().all() == [1, None, None, 9]
        assert upsert(conn, toy, {"id": [9, 5], "Name %": ["a", "e"], "n": [100, 5]}, ["Name %"], update=()) == 1
        assert conn.execute(select(toy.c.id).order_by(NAME)).scalars().all() == [1, 2, 3, 4, 5]


def test_of_several_rows_with_one_key_the_last_counts(table_here: Catalog) -> None:
    with table_here.begin() as conn:
        assert upsert(conn, toy, {"id": np.array([1, 2, 1]), "n": np.array([1, 2, 3])}, ["id"]) == 2
        assert conn.execute(select(toy.c.n).order_by(toy.c.id)).scalars().all() == [3, 2]
        assert upsert(conn, toy, {"id": [], "n": []}, ["id"]) == 0


def test_two_upserts_in_one_transaction_are_independent(table_here: Catalog) -> None:
    with table_here.begin() as conn:
        upsert(conn, toy, {"id": [1], "n": [1]}, ["id"])
        upsert(conn, toy, {"id": [2], "x": [1.0]}, ["id"])
        assert conn.scalar(select(func.count()).select_from(toy)) == 2


def test_a_failing_copy_leaves_nothing(table_here: Catalog) -> None:
    with pytest.raises(Exception, match="duplicate key"), table_here.begin() as conn:
        copy_rows(conn, toy, {"id": [1, 1]})
    with table_here.read() as conn:
        assert conn.scalar(select(func.count()).select_from(toy)) == 0
