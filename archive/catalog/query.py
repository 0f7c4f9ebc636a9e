"""One query of a person: as the analyst's role, in a transaction that cannot write, with a time limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from archive.catalog import Catalog, roles
from archive.catalog.engine import AS_IT_STANDS
from archive.catalog.roles import Duty
from archive.errors import ArchiveError


@dataclass(frozen=True)
class Answer:
    """The columns of an answer, and its rows as they are fetched."""

    columns: tuple[str, ...]
    rows: Iterator[Sequence[Any]]


@contextmanager
def ask(
    catalog: Catalog,
    query: str,
    *,
    parameters: Mapping[str, Any] | None = None,
    duty: Duty = "analyst",
    timeout: float = roles.ANALYST_TIMEOUT,
) -> Iterator[Answer]:
    """Run one SQL query and give its answer while the block lasts.

    Parameters
    ----------
    catalog
        The catalog.
    query
        SQL as the person wrote it.
    parameters
        Values for the ``:name`` places of the query; None: the query has no such places, colons stand for themselves.
    parameters
        Values for each ``:name`` in the query; None: the query is taken as it stands, colons and percent signs too.
    duty
        Whose eyes to use. An analyst finds the views without naming their schema; where the server has no such role
        for us, the query runs under our own login, still unable to write. Only the owner can write.
    timeout
        Seconds the query may take.

    Raises
    ------
    ArchiveError
        When PostgreSQL refuses the query; the message names the place in the query.
    """
    with catalog.connection() as conn:
        conn.detach()  # closed afterwards, not given to the next user of the pool
        _step_into(conn, duty, timeout)
        conn.commit()
        try:
            if parameters is None:
                result = conn.exec_driver_sql(query, execution_options=AS_IT_STANDS)
            else:
                result = conn.execute(text(query), parameters)
            yield Answer(tuple(result.keys()), iter(result)) if result.returns_rows else Answer((), iter(()))
            conn.commit()
        except DBAPIError as error:
            raise ArchiveError(explain(error, query)) from error


def _step_into(conn: Connection, duty: Duty, timeout: float) -> None:
    """Set the rights and limits for the whole session, so that a ``commit;`` in the query does not end them."""
    conn.execute(text("select set_config('statement_timeout', :ms, false)"), {"ms": str(round(timeout * 1000))})
    path = ", ".join(("analysis", "core", "ops", "public") if duty == "owner" else roles.FOR_ANALYSTS)
    conn.execute(text("select set_config('search_path', :path, false)"), {"path": path})
    if duty == "owner":
        return
    if roles.available(conn, duty):
        conn.execute(text("select set_config('role', :role, false)"), {"role": roles.role(duty)})
    conn.execute(text("select set_config('default_transaction_read_only', 'on', false)"))


def explain(error: DBAPIError, query: str) -> str:
    """Return what PostgreSQL said as one sentence, with line and column in the query where it knows them."""
    cause: Any = error.orig
    facts = getattr(cause, "diag", None)
    message = (getattr(facts, "message_primary", None) or str(cause)).strip().rstrip(".")
    where = ""
    position = getattr(facts, "statement_position", None)
    if position:
        before = query[: int(position) - 1]
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        where = f" (line {line}, column {column})"
    hint = getattr(facts, "message_hint", None)
    if getattr(cause, "pgcode", None) == "42501":  # insufficient_privilege
        hint = "the views of the schema analysis are for everyone; tables need --role owner"
    return f"The query was refused: {message}{where}{f'; {hint.strip().rstrip(chr(46))}' if hint else ''}."
