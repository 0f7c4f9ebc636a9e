"""Which calibration counts for which time, and how analysts write their own beside those that ship with the package.

The rule of choice: at a time the local record that holds then counts; where none does, the shipped one of the highest
version whose range contains the time. At most one local record of a calibration holds at any time. It holds until it is
taken back, also when a later version of the package ships newer values; `analysis.calibrations.needs_review` says so
then. Nothing is edited or deleted: a record is taken back by a set of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, text

from archive.catalog.schema import calibration, calibration_set, instrument
from archive.errors import NotFound, UsageError

LOCAL = "local"

#: A version as people and analyses name it: the number of a shipped set, or ``local-`` and the number of a local one.
Label = int | str

#: Key of the advisory lock beside that of the instrument: "cali" as bytes, an arbitrary constant.
LOCK = 0x63616C69


@dataclass(frozen=True, slots=True)
class Record:
    """A calibration for a range of time.

    Attributes
    ----------
    id
        Its key in ``core.calibration``.
    version, source
        Of its set.
    begin, end
        First time it is for, and the first it is no longer for; None: without limit.
    values, unit, origin
        The numbers, their unit, where they come from.
    withdrawn
        Number of the local set that took it back; None while it holds.
    """

    id: int
    version: int
    source: str
    begin: datetime | None
    end: datetime | None
    values: Any
    unit: str | None
    origin: str
    withdrawn: int | None

    @property
    def label(self) -> Label:
        """Its version, as `Label` says."""
        return label(self.source, self.version)

    def covers(self, at: datetime) -> bool:
        """Say whether it is for a time."""
        return (self.begin is None or self.begin <= at) and (self.end is None or at < self.end)


#: Records by the name of the calibration: local ones first, then the shipped, each with the highest version first.
Known = Mapping[str, Sequence[Record]]


@dataclass(frozen=True, slots=True)
class Written:
    """What an analyst writes.

    Attributes
    ----------
    name
        The calibration.
    values, origin
        The numbers, and where they come from.
    begin, end
        The range they are for; None: without limit.
    author, reason
        Who says so, and why.
    basis
        What they rest on, JSON-able; None: nothing that the archive knows.
    """

    name: str
    values: Mapping[str, Any]
    origin: str
    begin: datetime | None
    end: datetime | None
    author: str
    reason: str
    basis: Mapping[str, Any] | None = None


def label(source: str, version: int) -> Label:
    """Return how a version is named."""
    return f"{LOCAL}-{version}" if source == LOCAL else version


def known(conn: Connection, owner: str, names: Sequence[str]) -> Known:
    """Return every record of these calibrations of an instrument, also those that were taken back."""
    taking = calibration_set.alias("taking")
    query = (
        select(
            calibration.c.id, calibration_set.c.name, calibration_set.c.version, calibration_set.c.source,
            func.lower(calibration.c.valid).label("begin"), func.upper(calibration.c.valid).label("end"),
            calibration.c["values"].label("held"), calibration.c.unit, calibration.c.origin,
            taking.c.version.label("withdrawn"),
        )
        .join(calibration_set, calibration_set.c.id == calibration.c.calibration_set_id)
        .join(instrument, instrument.c.id == calibration_set.c.instrument_id)
        .outerjoin(taking, taking.c.withdraws_id == calibration_set.c.id)
        .where(instrument.c.name == owner, calibration_set.c.name.in_(names))
        .order_by(calibration_set.c.source != LOCAL, calibration_set.c.version.desc())
    )  # fmt: skip
    found: dict[str, list[Record]] = {name: [] for name in names}
    for row in conn.execute(query):
        found[row.name].append(
            Record(
                row.id, row.version, row.source, row.begin, row.end, row.held, row.unit, row.origin, row.withdrawn
            )
        )  # fmt: skip
    return found


def chosen(records: Sequence[Record], at: datetime) -> Record | None:
    """Return the record that counts at a time, None without one; `records` as `known` gives them."""
    return next((record for record in records if record.withdrawn is None and record.covers(at)), None)


def taken_back(records: Sequence[Record], at: datetime) -> int | None:
    """Return the number of the newest local set that took back a record for a time, None without one."""
    return max((record.withdrawn for record in records if record.withdrawn and record.covers(at)), default=None)


def hold(conn: Connection, owner: str, *, alone: bool = False) -> None:
    """Keep local records from being written until this transaction ends; `alone`: in order to write one."""
    lock = func.pg_advisory_xact_lock if alone else func.pg_advisory_xact_lock_shared
    conn.execute(select(lock(LOCK, func.hashtext(owner))))


def append(conn: Connection, owner: str, new: Written) -> Label:
    """Write a local record of an instrument; return its version.

    Raises
    ------
    UsageError
        When it is not signed, its range is empty, or another local record holds in a part of it.
    NotFound
        When no calibration of that name is shipped.
    """
    author, reason = _signature(new.author, new.reason)
    if new.begin is not None and new.end is not None and new.begin >= new.end:
        raise UsageError("A calibration must be valid for some time: its end is not after its begin.")
    hold(conn, owner, alone=True)
    shipped = _shipped(conn, owner, new.name)
    valid = func.tstzrange(new.begin, new.end, "[)")
    for record in known(conn, owner, [new.name])[new.name]:
        if record.source == LOCAL and record.withdrawn is None and _meet(record, new):
            raise UsageError(
                f"{record.label} of {new.name} holds {_told(record)}; take it back first "
                f"(`pinakes calibrations withdraw {new.name} {record.label}`) or name another range."
            )
    key, version = _new_set(
        conn, shipped.instrument_id, new.name, author, reason,
        basis=None if new.basis is None else dict(new.basis), shipped_version=shipped.version,
    )  # fmt: skip
    values = insert(calibration).values(
        calibration_set_id=key, valid=valid, unit=shipped.unit, values=dict(new.values), origin=new.origin
    )
    conn.execute(values)
    return label(LOCAL, version)


def withdraw(conn: Connection, owner: str, name: str, version: Label, author: str, reason: str) -> Record:
    """Take a local record back, for ever: it stays where it is and counts no more; return it.

    Raises
    ------
    UsageError
        When it is not signed, was shipped, or is taken back already.
    NotFound
        When there is no such record.
    """
    author, reason = _signature(author, reason)
    hold(conn, owner, alone=True)
    record = next((each for each in known(conn, owner, [name])[name] if str(each.label) == str(version)), None)
    if record is None:
        raise NotFound(f"There is no version {version} of {name}; `pinakes calibrations list` names them.")
    if record.source != LOCAL:
        raise UsageError(f"Version {version} of {name} ships with the package; only a local one can be taken back.")
    if record.withdrawn is not None:
        raise UsageError(f"{record.label} of {name} is taken back already.")
    ids = select(calibration.c.calibration_set_id).where(calibration.c.id == record.id)
    owner_id, set_id = conn.execute(
        select(calibration_set.c.instrument_id, calibration_set.c.id).where(calibration_set.c.id.in_(ids))
    ).one()
    _new_set(conn, owner_id, name, author, reason, withdraws_id=set_id)
    return record


_LISTED = text("""
    select i.name as instrument, s.name, s.source, s.version,
           case when s.source = 'local' then 'local-' || s.version else s.version::text end as label,
           lower(c.valid) as valid_from, upper(c.valid) as valid_to, c.unit, c."values", c.origin, s.author, s.reason,
           s.basis, s.shipped_version, s.created_at,
           case when s.source = 'shipped' and s.version < newest.version then 'superseded'
                when t.id is not null then 'withdrawn'
                when s.source = 'local' and s.shipped_version < newest.version then 'needs review'
                else 'counts' end as state,
           t.author as withdrawn_by, t.reason as withdrawn_because, t.created_at as withdrawn_at
    from core.calibration_set s
    join core.instrument i on i.id = s.instrument_id
    join core.calibration c on c.calibration_set_id = s.id
    left join core.calibration_set t on t.withdraws_id = s.id
    left join lateral (select max(o.version) as version from core.calibration_set o
                       where o.instrument_id = s.instrument_id and o.name = s.name and o.source = 'shipped') newest
              on true
    where i.name = coalesce(:owner, i.name) and s.name = coalesce(:name, s.name)
    order by i.name, s.name, s.source <> 'local', s.version desc, c.valid
""")


def listing(conn: Connection, *, owner: str | None = None, name: str | None = None) -> list[dict[str, Any]]:
    """Return every record, local ones first, with its state: counts, needs review, withdrawn or superseded."""
    return [dict(row) for row in conn.execute(_LISTED, {"owner": owner, "name": name}).mappings()]


def _signature(author: str, reason: str) -> tuple[str, str]:
    if not author.strip() or not reason.strip():
        raise UsageError("A calibration needs an author and a reason.")
    return author.strip(), reason.strip()


def _shipped(conn: Connection, owner: str, name: str) -> Row[Any, Any, Any]:
    """Return instrument, version and unit of the newest shipped set."""
    query = (
        select(calibration_set.c.instrument_id, calibration_set.c.version, calibration.c.unit)
        .join(calibration, calibration.c.calibration_set_id == calibration_set.c.id)
        .join(instrument, instrument.c.id == calibration_set.c.instrument_id)
        .where(instrument.c.name == owner, calibration_set.c.name == name, calibration_set.c.source != LOCAL)
        .order_by(calibration_set.c.version.desc())
    )
    found = conn.execute(query.limit(1)).one_or_none()
    if found is None:
        raise NotFound(f"{owner} has no calibration {name!r}; `pinakes calibrations list` names those it has.")
    return found


def _meet(record: Record, new: Written) -> bool:
    starts = new.end is None or record.begin is None or record.begin < new.end
    return starts and (record.end is None or new.begin is None or new.begin < record.end)


def _told(record: Record) -> str:
    if record.begin is None and record.end is None:
        return "for all times"
    parts = [f"{word} {at:%Y-%m-%dT%H:%M:%S}Z" for word, at in (("from", record.begin), ("until", record.end)) if at]
    return " ".join(parts)


def _new_set(conn: Connection, instrument_id: int, name: str, author: str, reason: str, **more: Any) -> tuple[int, int]:
    same = (calibration_set.c.instrument_id == instrument_id, calibration_set.c.name == name)
    last = select(func.coalesce(func.max(calibration_set.c.version), 0)).where(*same, calibration_set.c.source == LOCAL)
    version = int(conn.execute(last).scalar_one()) + 1
    values = {"instrument_id": instrument_id, "name": name, "version": version, "source": LOCAL, "author": author,
              "reason": reason, **more}  # fmt: skip
    statement = insert(calibration_set).values(values).returning(calibration_set.c.id)
    return int(conn.execute(statement).scalar_one()), version
