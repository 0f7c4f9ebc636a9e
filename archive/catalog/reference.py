"""The rows that everything else refers to: instruments, products, calibrations, code versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import groupby
from typing import Any, Protocol

from sqlalchemy import func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from archive.catalog.calibrations import LOCAL, chosen, known
from archive.catalog.encode import to_json
from archive.catalog.schema import (
    calibration,
    calibration_set,
    code_version,
    instrument,
    product,
    tag_kind,
    tag_kind_instrument,
)
from archive.errors import ArchiveError
from archive.model import Product

DISTRIBUTION = "pinakes"


class Described(Protocol):
    """What an instrument tells about itself (see `archive.instruments.base.Instrument`)."""

    @property
    def name(self) -> str:
        """Short lower-case name."""

    @property
    def title(self) -> str:
        """Name for people."""

    @property
    def products(self) -> Sequence[Product]:
        """Every kind of file it reads or writes."""

    def calibrations(self) -> Sequence[Mapping[str, Any]]:
        """Calibration records that ship with the package."""


def ensure_instrument(conn: Connection, described: Described) -> int:
    """Register an instrument, its products and its calibrations; what is there already stays or is brought up to date.

    Returns
    -------
    int
        The instrument's key.

    Raises
    ------
    ArchiveError
        When a calibration that ships with the package differs from the cataloged one of the same name and version:
        calibrations are appended, never edited.
    """
    found = _ensure(conn, instrument, {"name": described.name, "title": described.title}, ["name"])
    for kind in described.products:
        values = {
            "instrument_id": found,
            "name": kind.name,
            "level": kind.level,
            "format": kind.format,
            "title": kind.title,
            "description": kind.description,
            "doi": kind.attributes.get("doi"),
            "attributes": dict(kind.attributes),
        }
        _ensure(conn, product, values, ["instrument_id", "name"])
    _ensure_calibrations(conn, found, described)
    _ensure_tag_kinds(conn, found, getattr(described, "tag_kinds", {}))
    return found


def product_ids(conn: Connection) -> dict[tuple[str, str], int]:
    """Return ``{(instrument name, product name): product id}``."""
    query = select(instrument.c.name, product.c.name, product.c.id).join(
        product, product.c.instrument_id == instrument.c.id
    )
    return {(owner, name): key for owner, name, key in conn.execute(query)}


def instrument_ids(conn: Connection) -> dict[str, int]:
    """Return ``{instrument name: instrument id}``."""
    rows = conn.execute(select(instrument.c.name, instrument.c.id))
    return {row.name: row.id for row in rows}


def code_version_id(conn: Connection, name: str = DISTRIBUTION) -> int:
    """Return the key of the installed version of a distribution, writing its row when it is the first time."""
    return _ensure(conn, code_version, {"name": name, "version": version(name)}, ["name", "version"])


def calibrations_for(conn: Connection, owner: str, name: str, at: datetime) -> dict[str, Any] | None:
    """Return the calibration of an instrument that counts for data of time `at`.

    Returns
    -------
    dict or None
        ``id``, ``version``, ``values``, ``unit`` and ``origin`` of the record that counts then
        (`archive.catalog.calibrations`); None when none does.
    """
    record = chosen(known(conn, owner, [name])[name], at)
    if record is None:
        return None
    return {"id": record.id, "version": record.label, "values": record.values, "unit": record.unit,
            "origin": record.origin}  # fmt: skip


def _ensure_tag_kinds(conn: Connection, owner: int, kinds: Mapping[str, str]) -> None:
    """Define the tags of an instrument; one that is there keeps its title, which a person may have changed."""
    for name, title in kinds.items():
        new = insert(tag_kind).values(name=name, title=title).on_conflict_do_nothing().returning(tag_kind.c.id)
        key = conn.execute(new).scalar()
        if key is None:
            key = conn.execute(select(tag_kind.c.id).where(tag_kind.c.name == name)).scalar_one()
            limited = select(tag_kind_instrument.c.tag_kind_id).where(tag_kind_instrument.c.tag_kind_id == key)
            if conn.execute(limited.limit(1)).scalar() is None:
                continue  # it applies to all instruments
        row = {"tag_kind_id": key, "instrument_id": owner}
        conn.execute(insert(tag_kind_instrument).values(**row).on_conflict_do_nothing())


def _ensure(conn: Connection, table: Any, values: Mapping[str, Any], key: Sequence[str]) -> int:
    """Return the id of the row with that key, inserted or brought up to date only when need be.

    Looked up first: an INSERT ... ON CONFLICT would use up a key value and lock the row at every call.
    """
    where = [table.c[name] == values[name] for name in key]
    query = select(table).where(*where)
    row = conn.execute(query).mappings().one_or_none()
    if row is None:
        conn.execute(insert(table).values(values).on_conflict_do_nothing(index_elements=list(key)))
        row = conn.execute(query).mappings().one()
    changed = {name: value for name, value in values.items() if row[name] != value}
    if changed:
        conn.execute(table.update().where(table.c.id == row["id"]).values(changed))
    return int(row["id"])


def _ensure_calibrations(conn: Connection, owner: int, described: Described) -> None:
    records = sorted(described.calibrations(), key=_set_key)
    for (name, number), group in groupby(records, key=_set_key):
        statement = (
            insert(calibration_set)
            .values(instrument_id=owner, name=name, version=number)
            .on_conflict_do_nothing()
            .returning(calibration_set.c.id)
        )
        where = (
            calibration_set.c.instrument_id == owner,
            calibration_set.c.source != LOCAL,
            tuple_(calibration_set.c.name, calibration_set.c.version) == tuple_(name, number),
        )
        found = conn.execute(select(calibration_set.c.id).where(*where)).scalar()
        new = None if found else conn.execute(statement).scalar()
        if new:
            for record in group:
                conn.execute(insert(calibration).values(calibration_set_id=new, **_calibration(record)))
        else:
            key = found or conn.execute(select(calibration_set.c.id).where(*where)).scalar_one()
            _refuse_edited(conn, key, f"{described.name} {name} version {number}", group)


def _set_key(record: Mapping[str, Any]) -> tuple[str, int]:
    return str(record["name"]), int(record["version"])


def _calibration(record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "valid": func.tstzrange(_time(record["valid_from"]), _time(record["valid_to"]), "[)"),
        "unit": record["unit"],
        "values": record["values"],
        "origin": record["origin"],
    }


def _refuse_edited(conn: Connection, key: int, name: str, shipped: Iterable[Mapping[str, Any]]) -> None:
    query = select(func.lower(calibration.c.valid), func.upper(calibration.c.valid), calibration.c["values"]).where(
        calibration.c.calibration_set_id == key
    )
    there = sorted((str(a), str(b), _canonical(v)) for a, b, v in conn.execute(query))
    ours = sorted((str(_time(r["valid_from"])), str(_time(r["valid_to"])), _canonical(r["values"])) for r in shipped)
    if there != ours:
        raise ArchiveError(
            f"The installed calibration {name} differs from the cataloged one; calibrations are never edited, "
            "so the package must ship it under a new version."
        )


def _canonical(value: Any) -> str:
    """Return a text that is equal for equal JSON: jsonb keeps neither the order of keys nor int beside float."""
    import json

    return json.dumps(json.loads(to_json(value), parse_int=float), sort_keys=True)


def _time(text: str | None) -> datetime | None:
    """Return an ISO 8601 text as UTC; without an offset it is UTC by our rule."""
    if text is None:
        return None
    time = datetime.fromisoformat(text)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
