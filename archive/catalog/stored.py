"""The tables that are there: columns, keys and what refers to what, as the database itself tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from sqlalchemy import Connection, TableClause, column, table, text

from archive.catalog.revision import VERSION_TABLE
from archive.errors import ArchiveError

_TABLES = text(
    "select c.oid, n.nspname as schema, c.relname as name "
    "from pg_class c join pg_namespace n on n.oid = c.relnamespace "
    "where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by 2, 3"
)
_COLUMNS = text(
    "select attrelid as oid, attname as name, format_type(atttypid, atttypmod) as type, "
    "attgenerated <> '' as generated, attidentity <> '' as identity "
    "from pg_attribute where attnum > 0 and not attisdropped and attrelid = any(:oids) order by attrelid, attnum"
)
_REFERENCES = text(
    "select c.conrelid as oid, a.attname as column, c.confrelid as target "
    "from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1] "
    "where c.contype = 'f' and c.conrelid = any(:oids) order by 1, 2"
)


@dataclass(frozen=True, slots=True)
class Stored:
    """A table.

    Attributes
    ----------
    schema, name
        Its name; `full` is both, as people write it.
    columns
        Type of each column that is stored, in order: not those that the server computes.
    identity
        Columns whose values a sequence gives.
    references
        Column -> full name of the table it refers to, itself included.
    """

    schema: str
    name: str
    columns: Mapping[str, str]
    identity: tuple[str, ...] = ()
    references: Mapping[str, str] = field(default_factory=dict)

    @property
    def full(self) -> str:
        """Schema and name."""
        return f"{self.schema}.{self.name}"

    @property
    def clause(self) -> TableClause:
        """What statements are made with."""
        return table(self.name, *map(column, self.columns), schema=self.schema)


def tables(conn: Connection) -> dict[str, Stored]:
    """Return every table of the archive by full name, each after those it refers to.

    Raises
    ------
    ArchiveError
        When tables refer to each other in a circle.
    """
    found = {row.oid: row for row in conn.execute(_TABLES) if f"{row.schema}.{row.name}" != VERSION_TABLE}
    names = {oid: f"{row.schema}.{row.name}" for oid, row in found.items()}
    columns: dict[int, dict[str, str]] = {oid: {} for oid in found}
    identity: dict[int, list[str]] = {oid: [] for oid in found}
    references: dict[int, dict[str, str]] = {oid: {} for oid in found}
    keys = {"oids": list(found)}
    for row in conn.execute(_COLUMNS, keys):
        if not row.generated:
            columns[row.oid][row.name] = row.type
        if row.identity:
            identity[row.oid].append(row.name)
    for row in conn.execute(_REFERENCES, keys):
        references[row.oid][row.column] = names[row.target]
    made = {
        names[oid]: Stored(row.schema, row.name, columns[oid], tuple(identity[oid]), references[oid])
        for oid, row in found.items()
    }
    graph = {
        name: sorted({target for target in one.references.values() if target != name}) for name, one in made.items()
    }
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise ArchiveError(f"Tables refer to each other in a circle: {', '.join(error.args[1])}.") from None
    return {name: made[name] for name in order}


def with_parents(found: Mapping[str, Stored], chosen: Iterable[str]) -> list[str]:
    """Return the chosen tables and all that they refer to, in the order of `found`."""
    wanted: set[str] = set()
    waiting = list(chosen)
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting += found[name].references.values()
    return [name for name in found if name in wanted]


def leads_to(found: Mapping[str, Stored], name: str, target: str) -> bool:
    """Say whether a table is, or refers to, another one, directly or over others."""
    return target in with_parents(found, [name])
