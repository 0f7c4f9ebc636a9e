"""Connecting: NumPy values, UTC, time limits, read-only transactions, and errors of one sentence."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from archive.catalog import Catalog
from archive.catalog.schema import code_version
from archive.config import load, open_home
from archive.errors import DatabaseUnavailable


@pytest.mark.parametrize(
    "value",
    [np.float64(1.5), np.float32(0.25), np.float16(2), np.int64(-3), np.uint64(7), np.int8(-1),
     np.longlong(4), np.bool_(True), np.float64("-inf")],
)  # fmt: skip
def test_numpy_scalars_are_understood(catalog: Catalog, value: Any) -> None:
    with catalog.read() as conn:
        assert conn.execute(text("select :value"), {"value": value}).scalar() == value.item()


def test_a_negative_numpy_integer_is_not_read_as_a_comment(catalog_one: Catalog) -> None:
    with catalog_one.read() as conn:
        assert conn.execute(text("select 1-:n"), {"n": np.int64(-3)}).scalar() == 4


def test_nan_and_times_of_numpy_are_understood(catalog_one: Catalog) -> None:
    with catalog_one.read() as conn:
        assert math.isnan(conn.execute(text("select :x"), {"x": np.float64("nan")}).scalar_one())
        moment = np.datetime64("2026-11-20T12:00:00.5", "ns")
        query = text("select extract(epoch from :t) - 1795176000, cast(:nat as timestamptz)")
        assert tuple(conn.execute(query, {"t": moment, "nat": np.datetime64("NaT")}).one()) == (0.5, None)


def test_a_session_is_utc_named_and_limited(archive_home: Path) -> None:
    settings = load(archive_home, database={"statement_timeout": 1.5, "lock_timeout": 2})
    query = text(
        "select current_setting('timezone'), current_setting('application_name'), "
        "current_setting('statement_timeout'), current_setting('lock_timeout'), current_setting('client_encoding')"
    )
    with Catalog.connect(settings) as catalog, catalog.read() as conn:
        assert tuple(conn.execute(query).one()) == ("UTC", "pinakes", "1500ms", "2s", "UTF8")


def test_a_statement_that_takes_too_long_is_ended(archive_home: Path) -> None:
    settings = load(archive_home, database={"statement_timeout": 0.05})
    with Catalog.connect(settings) as catalog, catalog.read() as conn, pytest.raises(DBAPIError, match="timeout"):
        conn.execute(text("select pg_sleep(5)"))


def test_a_reading_transaction_cannot_write_and_the_next_one_can(catalog: Catalog) -> None:
    row = code_version.insert().values(name="x", version="1")
    with catalog.read() as conn, pytest.raises(DBAPIError, match="read-only"):
        conn.execute(row)
    with catalog.begin() as conn:
        conn.execute(row)
    with catalog.read() as conn:
        assert conn.scalar(select(code_version.c.version)) == "1"


def test_a_transaction_that_raises_leaves_nothing(catalog_one: Catalog) -> None:
    twice = code_version.insert().values([{"name": "x", "version": "1"}] * 2)
    with pytest.raises(DBAPIError, match="duplicate key"), catalog_one.begin() as conn:
        conn.execute(twice)
    with catalog_one.read() as conn:
        assert conn.scalar(select(code_version.c.id)) is None


def test_a_worker_needs_only_the_url_and_keeps_no_connection(catalog_one: Catalog) -> None:
    with Catalog.from_url(catalog_one.url) as worker:
        assert isinstance(worker.engine.pool, NullPool)
        with worker.read() as conn:
            assert conn.execute(text("select 1")).scalar() == 1
    assert catalog_one.facts()["clients"] == 0


def test_a_server_that_is_not_there_is_one_sentence_without_the_password(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "pinakes.toml").write_text('[database]\nurl = "postgresql://me:hidden@127.0.0.1:1/none"\n')
    with pytest.raises(DatabaseUnavailable) as caught:
        Catalog.connect(open_home(home))
    assert "hidden" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_password_does_not_show_in_the_representation() -> None:
    with Catalog.from_url("postgresql://me:hidden@h/d") as catalog:
        assert "hidden" not in repr(catalog)
        assert "hidden" in catalog.url
