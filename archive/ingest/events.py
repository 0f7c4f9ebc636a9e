"""Events of a decode into the catalog: the best source of an event owns it, whatever the order of arrival."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    DateTime,
    Integer,
    MetaData,
    Table,
    Text,
    func,
    literal,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.schema import CreateTable, DropTable

from archive.catalog.bulk import copy_rows, upsert
from archive.catalog.schema import event, event_source, file, product
from archive.model import FLAG_CONFLICTING, Events

#: In ``core.event.preference`` of an assembled event: sorts after every digit, so that one whole file wins a draw.
ASSEMBLED = "~"

# What an INSERT takes its events from; lives as long as the transaction. Text is compared by bytes, as in core.event.
_incoming = Table(
    "incoming_event",
    MetaData(),
    Column("row", Integer),
    Column("identity", Text(collation="C")),
    Column("match_key", Text(collation="C")),
    Column("file_id", BigInteger),
    Column("kind", Text(collation="C")),
    Column("seq", BigInteger),
    Column("t", DateTime(timezone=True)),
    Column("tick", BigInteger),
    Column("flags", BigInteger),
    Column("preference", Text(collation="C")),
    Column("complete", Boolean),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DROP",
)

_FACTS = ("file_id", "kind", "seq", "t", "tick", "flags", "preference")


@dataclass(frozen=True, slots=True)
class Stored:
    """Where the events of a decode ended up.

    Attributes
    ----------
    ids
        ``core.event.id`` per event, int64; -1 for orphans.
    owned
        Whether this source is now the one whose rows count, bool.
    replaced
        Events that another source owned before.
    """

    ids: NDArray[np.int64]
    owned: NDArray[np.bool_]
    replaced: list[int]


def preferences(events: Events, tail: str) -> list[str]:
    """Return the order keys of the events: most parts first, then the smallest `tail`."""
    return [f"{10**9 - parts:010d}{tail}" for parts in events.parts.tolist()]


def store(conn: Connection, instrument_id: int, events: Events, file_ids: Sequence[int], tail: str) -> Stored:
    """Write the events of one decode; of several copies in one decode the one with most parts counts.

    Parameters
    ----------
    conn
        Connection in a transaction.
    instrument_id
        Whose events they are.
    events
        ``n`` events.
    file_ids
        ``n`` raw files, the best source of each event.
    tail
        SHA-256 of the source, or for assembled events `ASSEMBLED` and a text.
    """
    _load(conn, events, file_ids, preferences(events, tail))
    written = _write(conn, instrument_id)
    found = conn.execute(
        select(_incoming.c.row, event.c.id, event.c.preference == _incoming.c.preference)
        .join(event, event.c.identity == _incoming.c.identity)
        .where(event.c.instrument_id == instrument_id, _incoming.c.identity != "")
    ).all()
    best = _best_copies(events)
    ids = np.full(len(events), -1, np.int64)
    owned = np.zeros(len(events), bool)
    for row, key, ours in found:
        ids[row] = key
        owned[row] = ours and row in best
    return Stored(ids, owned, [key for key, fresh in written if not fresh])


def _load(conn: Connection, events: Events, file_ids: Sequence[int], order: Sequence[str]) -> None:
    conn.execute(CreateTable(_incoming))
    columns: dict[str, Any] = {
        "row": np.arange(len(events)),
        "identity": events.identity,
        "match_key": events.match_key,
        "file_id": list(file_ids),
        "kind": events.kind,
        "seq": events.seq,
        "t": events.t,
        "tick": events.tick,
        "flags": events.flags,
        "preference": order,
        "complete": events.complete,
    }
    copy_rows(conn, _incoming, columns)


def _write(conn: Connection, instrument_id: int) -> list[tuple[int, bool]]:
    """Insert new events and take over those we hold more of; return (id, whether it is new) of each."""
    chosen = (
        select(literal(instrument_id, BigInteger), _incoming.c.identity, *(_incoming.c[name] for name in _FACTS))
        .where(_incoming.c.identity != "")
        .ext(distinct_on(_incoming.c.identity))
        # Sorted by the unique key, so that two workers with the same events take their locks in one order.
        .order_by(_incoming.c.identity, _incoming.c.preference, _incoming.c.row)
    )
    statement = insert(event).from_select(["instrument_id", "identity", *_FACTS], chosen)
    new = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=["instrument_id", "identity"],
        set_={name: new[name] for name in _FACTS},
        where=or_(
            new.preference < event.c.preference,
            # A later assembly knows all the parts an earlier one knew.
            new.preference.contains(ASSEMBLED) & event.c.preference.contains(ASSEMBLED),
        ),
    )
    fresh = literal_column("xmax = 0", Boolean)
    return [(row.id, row.fresh) for row in conn.execute(statement.returning(event.c.id, fresh.label("fresh")))]


def _best_copies(events: Events) -> set[int]:
    best: dict[str, int] = {}
    for row, identity in enumerate(events.identity):
        kept = best.setdefault(identity, row)
        if events.parts[row] > events.parts[kept]:
            best[identity] = row
    return set(best.values())


def write_sources(conn: Connection, file_id: int, events: Events, stored: Stored) -> None:
    """Write which parts of which events a raw file holds."""
    columns: dict[str, Any] = {
        "file_id": [file_id] * len(events),
        "event_id": [key if key >= 0 else None for key in stored.ids.tolist()],
        "match_key": events.match_key,
        "complete": events.complete,
        "parts": events.parts,
        "digest": events.digest,
        "missing": events.missing,
    }
    upsert(conn, event_source, columns, ["file_id", "match_key", "digest"], update=())


def attach_orphans(conn: Connection, instrument_id: int) -> None:
    """Give parts without a header the event that another file names, for the match keys of the events just stored."""
    named = (
        select(event_source.c.match_key, func.min(event_source.c.event_id).label("event_id"))
        .join(event, event.c.id == event_source.c.event_id)
        .where(event.c.instrument_id == instrument_id, event_source.c.match_key.in_(select(_incoming.c.match_key)))
        .group_by(event_source.c.match_key)
        .subquery()
    )
    own_files = (
        select(file.c.id)
        .join(product, product.c.id == file.c.product_id)
        .where(product.c.instrument_id == instrument_id, file.c.id == event_source.c.file_id)
    )
    conn.execute(
        update(event_source)
        .where(event_source.c.match_key == named.c.match_key, event_source.c.event_id.is_(None), own_files.exists())
        .values(event_id=named.c.event_id)
    )


def flag_conflicts(conn: Connection, instrument_id: int) -> None:
    """Flag those of the events just stored of which two complete sources differ."""
    stored = (
        select(event.c.id)
        .join(_incoming, _incoming.c.identity == event.c.identity)
        .where(event.c.instrument_id == instrument_id)
    )
    twice = (
        select(event_source.c.event_id)
        .where(event_source.c.event_id.in_(stored), event_source.c.complete)
        .group_by(event_source.c.event_id)
        .having(func.count(event_source.c.digest.distinct()) > 1)
    )
    bit = literal(FLAG_CONFLICTING, BigInteger)
    conn.execute(
        update(event)
        .where(event.c.id.in_(twice), event.c.flags.op("&")(bit) == 0)
        .values(flags=event.c.flags.op("|")(bit))
    )


def wants_assembly(conn: Connection, file_id: int, events: Events) -> bool:
    """Whether parts of the events just stored lie, or may come to lie, in several files."""
    if not events.complete.all():
        return True
    elsewhere = (
        select(event_source.c.id)
        .join(_incoming, _incoming.c.match_key == event_source.c.match_key)
        .where(~event_source.c.complete, event_source.c.file_id != file_id)
    )
    return conn.execute(elsewhere.limit(1)).one_or_none() is not None


def forget(conn: Connection) -> None:
    """Make room for another decode in the same transaction."""
    conn.execute(DropTable(_incoming))
