"""Reading analyses in bulk: the views of schema ``analysis`` with the types and comments of their columns."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Select, any_, bindparam, select, table, text
from sqlalchemy import column as plain
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection
from sqlalchemy.types import BigInteger

from archive.catalog.files import Row
from archive.catalog.schema import event, event_product
from archive.catalog.views import SCHEMA
from archive.errors import NotFound, UsageError
from archive.model import ViewColumn

#: Views of analyses that a table of scalars may be taken from.
VIEWS: Final = ("event_summary", "channel_level", "tof_line", "pulse", "composition", "fits")

_COLUMNS = text(
    """
    select a.attname as name, format_type(a.atttypid, null) as type, col_description(a.attrelid, a.attnum) as comment
    from pg_attribute a
    where a.attrelid = to_regclass(:view) and a.attnum > 0 and not a.attisdropped
    order by a.attnum
    """
)


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold of a row: a column, one of = != < <= > >=, and a value as text; None: not known."""

    column: str
    sign: str
    value: Any


def columns(conn: Connection, view: str) -> list[ViewColumn]:
    """Return the columns of a view of schema ``analysis``, in their order.

    Raises
    ------
    NotFound
        When there is no such view.
    """
    found = [ViewColumn(*row) for row in conn.execute(_COLUMNS, {"view": f"{SCHEMA}.{view}"})]
    if not found:
        raise NotFound(f"There is no view {view!r}; there are {', '.join(VIEWS)}.")
    return found


def of_events(conn: Connection, view: str, names: Sequence[str], event_ids: Sequence[int]) -> list[Row]:
    """Return rows of a view for some events, columns `names` and ``event_id``; in no order of their own."""
    wanted = dict.fromkeys(["event_id", *names])
    held = table(view, *(plain(name) for name in wanted), schema=SCHEMA)
    query: Select[Any] = select(held).where(held.c.event_id == _any(event_ids))
    return [dict(row) for row in conn.execute(query).mappings()]


def current_of(conn: Connection, file_id: int) -> list[Row]:
    """Return the analyses that count and were made from one product, in order of its records.

    Returns
    -------
    list of dict
        ``event_id``, ``record``, ``identity``, ``t``, and of the analysis ``event_analysis_id``, ``analysis``,
        ``version``, ``settings_hash``, ``inputs``, ``source``, ``origin``, ``override_id``, ``status``, ``reason``.
    """
    names = ("version", "settings_hash", "inputs", "source", "origin", "override_id", "status", "reason", "analysis")
    current = table("current_analyses", *(plain(n) for n in ("id", "event_id", "file_id", *names)), schema=SCHEMA)
    held = select(event_product.c.event_id).where(event_product.c.file_id == file_id)
    ids = list(conn.execute(held).scalars())
    query = (
        select(
            current.c.event_id, event_product.c.record, event.c.identity, event.c.t,
            current.c.id.label("event_analysis_id"), *(current.c[name] for name in names),
        )
        .join(event, event.c.id == current.c.event_id)
        .join(event_product, event_product.c.event_id == current.c.event_id)
        .where(current.c.event_id == _any(ids), current.c.file_id == file_id, event_product.c.file_id == file_id)
        .order_by(event_product.c.record)
    )  # fmt: skip
    return [dict(row) for row in conn.execute(query).mappings()]


def products_sharing(conn: Connection, file_id: int) -> list[int]:
    """Return the products that hold any event of this one, itself among them, in order of their keys."""
    mine = select(event_product.c.event_id).where(event_product.c.file_id == file_id)
    query = select(event_product.c.file_id).where(event_product.c.event_id.in_(mine)).distinct()
    return sorted({file_id, *conn.execute(query).scalars()})


def _any(ids: Sequence[int]) -> Any:
    return any_(bindparam(None, list(ids), ARRAY(BigInteger)))


def statement(
    conn: Connection,
    view: str,
    names: Sequence[str],
    conditions: Sequence[Condition] = (),
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
) -> Select[Any]:
    """Return the query for rows of a view, in order of time where it has one.

    Parameters
    ----------
    conn
        Connection.
    view
        Name of a view of schema ``analysis``.
    names
        Columns wanted, in this order.
    conditions
        What must hold of a row.
    since, until
        Keep only rows of events from this time on, and before that one, UTC.
    limit
        Most rows.

    Raises
    ------
    NotFound
        When the view or a column is not there.
    UsageError
        When a value does not fit its column.
    """
    known = {column.name: column for column in columns(conn, view)}
    bounds = [Condition("t", ">=", since), Condition("t", "<", until)]
    wanted = [*conditions, *(bound for bound in bounds if bound.value is not None)]
    for name in [*names, *(condition.column for condition in wanted)]:
        if name not in known:
            raise NotFound(f"The view {view} has no column {name!r}; there are {', '.join(known)}.")
    held = table(view, *(plain(name) for name in known), schema=SCHEMA)
    query: Select[Any] = select(*(held.c[name] for name in names))
    for condition in wanted:
        value = _fitting(known[condition.column], condition.value)
        query = query.where(_OPERATORS[condition.sign](held.c[condition.column], value))
    order = [held.c[name] for name in ("t", "event_id", "channel", "line", "relpath") if name in known]
    return query.order_by(*order).limit(limit)


def streamed(conn: Connection, query: Select[Any]) -> Iterator[Row]:
    """Return the rows of a `statement` one after the other, in bounded memory."""
    # Not an option of the connection: that would hold for every statement after this one, those that write among them.
    found = conn.execute(query, execution_options={"yield_per": 1000})
    return (dict(row) for row in found.mappings())


def scalars(
    conn: Connection,
    view: str,
    names: Sequence[str],
    conditions: Sequence[Condition] = (),
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
) -> Iterator[Row]:
    """Return rows of a view one after the other, in bounded memory; arguments and errors are those of `statement`."""
    return streamed(conn, statement(conn, view, names, conditions, since=since, until=until, limit=limit))


def shown(conn: Connection, query: Select[Any]) -> str:
    """Return a `statement` as SQL that can be run as it stands."""
    compiled = query.compile(dialect=conn.dialect, compile_kwargs={"literal_binds": True})
    return str(compiled).replace("%%", "%")  # the driver would halve them, which it does not get to do


def _fitting(column: ViewColumn, value: Any) -> Any:
    """Return a value in the type of its column; None stays."""
    if value is None or isinstance(value, datetime):
        return value
    try:
        return _TYPES.get(column.type, str)(value)
    except ValueError:
        raise UsageError(f"{value!r} is no value for {column.name}, which is {column.type}.") from None


def _truth(value: str) -> bool:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if value.lower() not in words:
        raise ValueError(value)
    return words[value.lower()]


def _time(value: str) -> datetime:
    time = datetime.fromisoformat(value)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time


_TYPES: Final[Mapping[str, Callable[[str], Any]]] = {
    "double precision": float, "integer": int, "bigint": int, "boolean": _truth, "timestamp with time zone": _time,
}  # fmt: skip

_OPERATORS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "=": lambda column, value: column.is_(None) if value is None else column == value,
    "!=": lambda column, value: column.is_not(None) if value is None else column != value,
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
