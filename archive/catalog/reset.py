"""Removing rows that can be made again: what monitors wrote, analyses, chosen tables; with counts, in one transaction.

What cannot be made again is left alone unless it is asked for by its own flag: files and events, and what people said
(overrides, tags, bad data). Bytes on disk are never touched. That the guarded tables kept their rows is looked at
before the commit, whatever referred to what.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Select, delete, func, or_, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from archive.catalog import Catalog, stored
from archive.catalog.clone import REGISTERED
from archive.catalog.schema import event, event_analysis, file, instrument, monitor, monitor_run, product
from archive.catalog.stored import Stored
from archive.errors import ArchiveError, Locked, NotFound, UsageError


class Kind(StrEnum):
    """What the rows of a table are."""

    REGISTERED = "registered"
    FILES = "files"
    JUDGEMENTS = "judgements"
    ANALYSES = "analyses"
    MONITORS = "monitors"
    DERIVED = "derived"


#: Files, events and the work on them.
FILES = frozenset(
    {
        "core.file",
        "core.file_parent",
        "core.file_problem",
        "core.file_apid",
        "core.packet_gap",
        "core.event",
        "core.event_source",
        "core.event_product",
        "ops.job",
        "ops.quarantine",
    }
)

MONITOR, RUN, ANALYSIS = "ops.monitor", "ops.monitor_run", "core.event_analysis"

#: A table with such a column holds what a person said, and signed.
SIGNED = frozenset({"author", "tagged_by", "flagged_by"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be removed.

    Attributes
    ----------
    monitors
        Names of monitors: their runs, metrics, findings, changes of state, notices, marks, and tables of their own.
    tables
        Tables by full name: all their rows.
    analyses
        Automatic analyses of events and their fits.
    files
        Rows of files, events and jobs. Their bytes stay on disk.
    judgements
        What people said: overrides, tags, bad data. Without it nothing of that is removed, whatever else is.
    instrument
        Only of this instrument; None: of all. It narrows `analyses`, `files` and `judgements`.
    """

    monitors: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    analyses: bool = False
    files: bool = False
    judgements: bool = False
    instrument: str | None = None


def reset(catalog: Catalog, wanted: Wanted, *, dry: bool = False) -> dict[str, int]:
    """Remove rows, and return how many of each table; tables that lost none are left out.

    Parameters
    ----------
    catalog
        The catalog.
    wanted
        What.
    dry
        Only say what would be removed; nothing is changed.

    Raises
    ------
    NotFound
        For a monitor, table or instrument that is not there.
    UsageError
        When a guarded table would lose rows that were not asked for.
    Locked
        When a chosen monitor runs.
    ArchiveError
        When something else refers to the rows, or changes them at the same time.
    """
    try:
        with catalog.connection() as conn:
            conn.execution_options(isolation_level="REPEATABLE READ")
            with conn.begin() as transaction:
                conn.execute(text("set local statement_timeout = 0"))
                removed = _removed(conn, wanted)
                if dry:
                    transaction.rollback()
                return removed
    except IntegrityError as error:
        reason = " ".join(str(error.orig).partition("DETAIL:")[2].split()).rstrip(".")
        raise ArchiveError(f"Nothing was removed: other rows refer to these. {reason}.") from None
    except DBAPIError as error:
        if getattr(error.orig, "pgcode", "") not in ("40001", "40P01"):
            raise
        raise ArchiveError("Nothing was removed: the catalog changed meanwhile. Do it again.") from None


def every_monitor(catalog: Catalog) -> tuple[str, ...]:
    """Return the names of all monitors and jobs that were ever declared."""
    with catalog.read() as conn:
        return tuple(conn.execute(select(monitor.c.name).order_by(monitor.c.name)).scalars())


def kinds(found: Mapping[str, Stored]) -> dict[str, Kind]:
    """Return what the rows of each table are; a table of `core` that is not known is guarded like judgements."""
    return {name: _kind(found, one) for name, one in found.items()}


def _kind(found: Mapping[str, Stored], table: Stored) -> Kind:
    above = set(stored.with_parents(found, [table.full])) - {table.full}
    if table.full in REGISTERED or table.full == MONITOR:
        return Kind.REGISTERED
    if table.full in FILES:
        return Kind.FILES
    if table.full == ANALYSIS or ANALYSIS in above:
        return Kind.ANALYSES
    if SIGNED & set(table.columns):
        return Kind.JUDGEMENTS
    if MONITOR in above:
        return Kind.MONITORS
    if table.schema == "core":
        return Kind.JUDGEMENTS
    return Kind.FILES if above & {"core.file", "core.event"} else Kind.DERIVED


def _removed(conn: Connection, wanted: Wanted) -> dict[str, int]:
    found = stored.tables(conn)
    kind = kinds(found)
    allowed = {Kind.MONITORS, Kind.ANALYSES, Kind.DERIVED}
    allowed |= {Kind.FILES} if wanted.files else set()
    allowed |= {Kind.JUDGEMENTS} if wanted.judgements else set()
    before = _counts(conn, found.values())
    if wanted.instrument is not None:
        _require_instrument(conn, wanted.instrument)
    if wanted.monitors:
        _remove_monitors(conn, found, kind, wanted.monitors)
    for name in wanted.tables:
        if name not in found:
            raise NotFound(f"There is no table {name!r}; name it with its schema, as in ops.metric.")
        if kind[name] not in allowed:
            raise UsageError(f"{name} is not removed so: {_why(kind[name])}.")
        conn.execute(delete(found[name].clause))
    if wanted.judgements:
        _remove_kind(conn, found, kind, Kind.JUDGEMENTS, wanted.instrument)
    if wanted.analyses:
        _remove_analyses(conn, wanted.instrument)
    if wanted.files:
        _remove_kind(conn, found, kind, Kind.FILES, wanted.instrument)
    after = _counts(conn, found.values())
    removed = {name: before[name] - after[name] for name in sorted(found) if before[name] != after[name]}
    for name, count in removed.items():
        if kind[name] not in allowed:
            raise UsageError(f"That would remove {count} rows of {name}, and nothing was removed: {_why(kind[name])}.")
    return removed


def _why(kind: Kind) -> str:
    return {
        Kind.FILES: "files and events go only with --files",
        Kind.JUDGEMENTS: "what people said goes only with --judgements",
    }.get(kind, "the code registers these rows and needs them")


def _counts(conn: Connection, tables: Iterable[Stored]) -> dict[str, int]:
    names = list(tables)
    parts = [select(func.count()).select_from(one.clause).scalar_subquery() for one in names]
    return dict(zip([one.full for one in names], conn.execute(select(*parts)).one(), strict=True))


def _require_instrument(conn: Connection, name: str) -> None:
    if conn.execute(select(instrument.c.id).where(instrument.c.name == name)).first() is None:
        raise NotFound(f"There is no instrument named {name!r}.")


def _remove_monitors(
    conn: Connection, found: Mapping[str, Stored], kind: Mapping[str, Kind], names: tuple[str, ...]
) -> None:
    rows = conn.execute(select(monitor.c.id, monitor.c.name, monitor.c.tables)).all()
    unknown = sorted(set(names) - {row.name for row in rows})
    if unknown:
        raise NotFound(f"There is no monitor named {unknown[0]!r}; `pinakes monitor list` names them.")
    chosen = {row.id: row.name for row in rows if row.name in names}
    run = monitor_run.c
    running = conn.execute(select(run.monitor_id).where(run.state == "running", run.monitor_id.in_(chosen))).first()
    if running is not None:
        raise Locked(f"The monitor {chosen[running.monitor_id]} runs; wait until it has ended.")
    own = {table for row in rows if row.id in chosen for table in row.tables}
    shared = {table for row in rows if row.id not in chosen for table in row.tables}
    for name in reversed(list(found)):  # what refers to others first
        rows_of = found[name].clause
        columns = [column for column, target in found[name].references.items() if target == MONITOR]
        if columns:
            conn.execute(delete(rows_of).where(rows_of.c[columns[0]].in_(chosen)))
        elif name in own - shared and kind[name] is Kind.DERIVED:
            conn.execute(delete(rows_of))
    # It begins anew: what was due before is not asked for.
    anew = {"declared_at": func.now(), "evaluated_to": None, "alarmed_at": None, "flapping_at": None}
    conn.execute(update(monitor).where(monitor.c.id.in_(chosen)).values(anew))


def _remove_analyses(conn: Connection, name: str | None) -> None:
    rows = event_analysis.c
    statement = delete(event_analysis).where(rows.origin == "automatic")
    conn.execute(statement if name is None else statement.where(rows.event_id.in_(_of_instrument(name)["core.event"])))


def _of_instrument(name: str) -> dict[str, Select[int]]:
    """Return how rows are told apart by instrument: the table they refer to, and the keys there of one instrument."""
    one = select(instrument.c.id).where(instrument.c.name == name)
    products = select(product.c.id).where(product.c.instrument_id.in_(one))
    return {
        "core.instrument": one,
        "core.product": products,
        "core.event": select(event.c.id).where(event.c.instrument_id.in_(one)),
        "core.file": select(file.c.id).where(file.c.product_id.in_(products)),
    }


def _remove_kind(
    conn: Connection, found: Mapping[str, Stored], kind: Mapping[str, Kind], which: Kind, owner: str | None
) -> None:
    for name in reversed([name for name in found if kind[name] is which]):
        rows = found[name].clause
        if owner is None:
            conn.execute(delete(rows))
            continue
        keys = _of_instrument(owner)
        parts = [
            rows.c[column].in_(keys[target]) for column, target in found[name].references.items() if target in keys
        ]
        if parts:  # a row that refers to nothing of an instrument stays
            conn.execute(delete(rows).where(or_(*parts)))
