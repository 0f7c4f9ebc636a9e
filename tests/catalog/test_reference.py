"""Instruments, products and calibrations are registered once, and calibrations never change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select, text

from archive.catalog import Catalog, calibrations, reference
from archive.catalog.calibrations import Written
from archive.catalog.schema import calibration, calibration_set, product
from archive.errors import ArchiveError, NotFound
from archive.instruments.base import instruments
from archive.model import Product

RAW = Product("raw", "raw", "ccsds", "Raw", "Raw packets.", {"doi": "10.1/x"})


@dataclass(frozen=True)
class Toy:
    records: tuple[Mapping[str, Any], ...] = ()
    name: str = "toy"
    title: str = "A toy"
    products: Sequence[Product] = (RAW,)

    def calibrations(self) -> Sequence[Mapping[str, Any]]:
        return self.records


def record(
    version: int = 1, start: str | None = "2020-01-01", end: str | None = None, **values: float
) -> dict[str, Any]:
    return {
        "name": "scale", "version": version, "valid_from": start, "valid_to": end,
        "unit": "pC/dN", "values": values or {"High": 2, "Low": 0.5}, "origin": "ground test",
    }  # fmt: skip


def test_registering_twice_changes_nothing(catalog: Catalog) -> None:
    toy = Toy((record(),))
    with catalog.begin() as conn:
        first = reference.ensure_instrument(conn, toy)
        ids = reference.product_ids(conn)
    with catalog.begin() as conn:
        assert reference.ensure_instrument(conn, toy) == first
        assert reference.product_ids(conn) == ids
        assert reference.instrument_ids(conn) == {"toy": first}
        assert conn.scalar(select(func.count()).select_from(calibration)) == 1


def test_a_changed_product_is_brought_up_to_date_under_its_key(catalog_one: Catalog) -> None:
    with catalog_one.begin() as conn:
        reference.ensure_instrument(conn, Toy())
        before = reference.product_ids(conn)
        reference.ensure_instrument(conn, Toy(products=(replace(RAW, title="Raw data"),)))
        assert reference.product_ids(conn) == before
        assert conn.scalar(select(product.c.title)) == "Raw data"
        assert conn.scalar(select(product.c.doi)) == "10.1/x"


def test_a_calibration_edited_in_place_is_refused(catalog_one: Catalog) -> None:
    with catalog_one.begin() as conn:
        reference.ensure_instrument(conn, Toy((record(),)))
    with pytest.raises(ArchiveError, match="toy scale version 1 differs"), catalog_one.begin() as conn:
        reference.ensure_instrument(conn, Toy((record(High=3.0),)))


def test_the_highest_version_valid_at_the_time_counts(catalog: Catalog) -> None:
    records = (
        record(1, None, "2025-01-01", High=1.0),
        record(1, "2025-01-01", None, High=2.0),
        record(2, "2026-01-01", None, High=3.0),
    )
    with catalog.begin() as conn:
        reference.ensure_instrument(conn, Toy(records))
        found = {
            year: reference.calibrations_for(conn, "toy", "scale", datetime(year, 6, 1, tzinfo=UTC))
            for year in (2024, 2025, 2026)
        }
        assert {year: row["values"]["High"] for year, row in found.items() if row} == {2024: 1.0, 2025: 2.0, 2026: 3.0}
        assert reference.calibrations_for(conn, "toy", "nothing", datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_validity_ranges_of_one_set_cannot_overlap(catalog: Catalog) -> None:
    records = (record(1, "2020-01-01", "2022-01-01"), record(1, "2021-01-01", None))
    with pytest.raises(Exception, match="ex_calibration_no_overlap"), catalog.begin() as conn:
        reference.ensure_instrument(conn, Toy(records))
    with catalog.read() as conn:
        assert conn.scalar(select(func.count()).select_from(calibration_set)) == 0


def test_the_version_of_the_code_is_one_row(catalog_one: Catalog) -> None:
    with catalog_one.begin() as conn:
        assert reference.code_version_id(conn) == reference.code_version_id(conn)


def test_every_installed_instrument_registers(catalog_one: Catalog) -> None:
    with catalog_one.begin() as conn:
        for found in instruments().values():
            reference.ensure_instrument(conn, found)
        assert {owner for owner, _ in reference.product_ids(conn)} == set(instruments())


def local(**more: Any) -> Written:
    word = {"name": "scale", "values": {"High": 9.0}, "origin": "by hand", "begin": None, "end": None, "author": "A",
            "reason": "because"} | more  # fmt: skip
    return Written(**word)


def test_a_local_calibration_comes_before_shipped_ones_also_before_those_that_come_later(catalog: Catalog) -> None:
    before, at, after = (datetime(year, 6, 1, tzinfo=UTC) for year in (2024, 2026, 2028))

    def values() -> list[float]:
        with catalog.read() as conn:
            found = [reference.calibrations_for(conn, "toy", "scale", time) for time in (before, at, after)]
        return [each["values"]["High"] for each in found if each]

    def states() -> dict[str, str]:
        with catalog.read() as conn:
            return {row["label"]: row["state"] for row in calibrations.listing(conn, owner="toy")}

    with catalog.begin() as conn:
        reference.ensure_instrument(conn, Toy((record(1, High=1.0),)))
        begin, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
        assert calibrations.append(conn, "toy", local(begin=begin, end=end)) == "local-1"
    assert values() == [1.0, 9.0, 1.0]
    with catalog.begin() as conn:  # a newer package
        reference.ensure_instrument(conn, Toy((record(1, High=1.0), record(2, High=2.0))))
    assert values() == [2.0, 9.0, 2.0], "it stays where it holds"
    assert states() == {"local-1": "needs review", "2": "counts", "1": "superseded"}
    with catalog.read() as conn:
        query = text("select source, needs_review, author from analysis.calibrations order by source")
        assert [tuple(row) for row in conn.execute(query)] == [("local", True, "A"), ("shipped", False, None)]
    with catalog.begin() as conn:
        calibrations.withdraw(conn, "toy", "scale", "local-1", "A", "the new one is better")
    assert values() == [2.0, 2.0, 2.0]
    assert states()["local-1"] == "withdrawn"
    with catalog.begin() as conn:
        reference.ensure_instrument(conn, Toy((record(1, High=1.0), record(2, High=2.0))))
        assert calibrations.append(conn, "toy", local()) == "local-3"
    assert values() == [9.0, 9.0, 9.0]
    assert states()["local-3"] == "counts", "it was written with version 2 known"


def test_a_local_calibration_of_an_unknown_name_is_refused(catalog_one: Catalog) -> None:
    with catalog_one.begin() as conn:
        reference.ensure_instrument(conn, Toy((record(),)))
        with pytest.raises(NotFound, match="toy has no calibration 'gain'"):
            calibrations.append(conn, "toy", local(name="gain"))
        with pytest.raises(NotFound, match="other has no calibration"):
            calibrations.append(conn, "other", local())
