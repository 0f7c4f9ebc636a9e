"""What the archive holds, from one pass over the catalog a build: totals of all pages, and what changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Connection

from monitors.site import queries
from monitors.site.queries import Row


@dataclass(frozen=True, slots=True)
class Total:
    """Some files together: how many, their bytes, the time their data span, when the newest was added."""

    files: int = 0
    bytes: int = 0
    t_first: datetime | None = None
    t_last: datetime | None = None
    added: datetime | None = None


def total(rows: Iterable[Row]) -> Total:
    """Return the sum of rows of `queries.FILE_PARTS`."""
    rows = list(rows)
    return Total(
        sum(row["files"] for row in rows),
        sum(row["bytes"] for row in rows),
        min((row["t_first"] for row in rows if row["t_first"]), default=None),
        max((row["t_last"] for row in rows if row["t_last"]), default=None),
        max((row["added"] for row in rows if row["added"]), default=None),
    )


class Holdings:
    """The files and events of the archive, counted.

    Attributes
    ----------
    products
        Rows of `queries.PRODUCTS` by key.
    event_days
        Rows of `queries.EVENT_DAYS`: UTC days with events, oldest first.
    events_per_day
        Rows of `queries.EVENTS_PER_DAY`: the same by instrument and kind.
    """

    def __init__(self, conn: Connection, bucket: int) -> None:
        self.products: dict[int, Row] = {row["id"]: row for row in queries.PRODUCTS.rows(conn)}
        parts = queries.FILE_PARTS.rows(conn, bucket=bucket)
        self._parts = [row for row in parts if row["bucket"] is not None]
        self._days = [row for row in parts if row["day"] is not None]
        #: Files by UTC day of their arrival.
        self.arrivals: dict[date, Row] = {row["arrival"]: row for row in parts if row["arrival"] is not None}
        self._beside = queries.FILE_BUCKETS.rows(conn, bucket=bucket)
        self.event_days = queries.EVENT_DAYS.rows(conn)
        self.events_per_day = queries.EVENTS_PER_DAY.rows(conn)

    @cached_property
    def instruments(self) -> list[dict[str, Any]]:
        """Instruments that have files, by name: ``id``, ``name``, ``title``."""
        used = {row["product_id"] for row in self._parts}
        found = {
            row["instrument"]: {"id": row["instrument_id"], "name": row["instrument"], "title": row["instrument_title"]}
            for key, row in self.products.items()
            if key in used
        }
        return [found[name] for name in sorted(found)]

    @cached_property
    def buckets(self) -> dict[int, str]:
        """Fingerprint of everything that pages of files show, by bucket of file numbers."""
        sums: dict[int, int] = defaultdict(int)
        for row in (*self._parts, *self._beside):
            sums[row["bucket"]] ^= row["fingerprint"]
        there = {row["bucket"] for row in self._parts}
        return {bucket: str(sums[bucket]) for bucket in sorted(there)}

    @cached_property
    def file_days(self) -> dict[date, dict[int, Row]]:
        """Files by UTC day of their data and product; files without times are left out."""
        found: dict[date, dict[int, Row]] = defaultdict(dict)
        for row in self._days:
            if row["timed"]:
                found[row["day"]][row["product_id"]] = row
        return dict(sorted(found.items()))

    @cached_property
    def months(self) -> dict[str, Total]:
        """Files by month ``2023-12`` of their data (of those without times: of their arrival), newest first."""
        found: dict[str, list[Row]] = defaultdict(list)
        for row in self._days:
            found[f"{row['day']:%Y-%m}"].append(row)
        return {month: total(found[month]) for month in sorted(found, reverse=True)}

    @cached_property
    def all(self) -> Total:
        """All files, whatever their state."""
        return total(self._parts)

    def of_product(self, key: int) -> Total:
        """Return the available files of a product."""
        return self._by_product.get(key, Total())

    @cached_property
    def _by_product(self) -> dict[int, Total]:
        rows: dict[int, list[Row]] = defaultdict(list)
        for row in self._parts:
            if row["state"] == "available":
                rows[row["product_id"]].append(row)
        return {key: total(found) for key, found in rows.items()}

    def levels(self, instrument: str) -> dict[str, Total]:
        """Return the available files of an instrument by level, raw first."""
        rows: dict[str, list[Row]] = defaultdict(list)
        for row in self._parts:
            product = self.products[row["product_id"]]
            if product["instrument"] == instrument and row["state"] == "available":
                rows[product["level"]].append(row)
        return {level: total(rows[level]) for level in sorted(rows, key=lambda level: (level != "raw", level))}

    def products_of(self, instrument: str) -> Sequence[Row]:
        """Return the products of an instrument, raw first."""
        return [row for row in self.products.values() if row["instrument"] == instrument]

    def events_of(self, instrument: str) -> Sequence[Mapping[str, Any]]:
        """Return the events of an instrument per day and kind."""
        return [row for row in self.events_per_day if row["instrument"] == instrument]
