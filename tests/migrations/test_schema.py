"""The migrated schema is the declared one, object for object, and every object says what it is for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.schema import CreateSchema

from archive.catalog import Catalog, views
from archive.catalog.engine import make_engine
from archive.catalog.revision import VERSION_NAME, VERSION_SCHEMA
from archive.catalog.schema import metadata
from archive.instruments.base import instruments
from tests.servers import TestServer

OURS = "nspname !~ '^pg_' and nspname not in ('information_schema', 'public')"

#: What PostgreSQL itself says about every object; `order by` makes the answers comparable.
QUERIES = {
    "columns": """
        select n.nspname, c.relname, c.relkind, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
               a.attidentity, a.attgenerated, coalesce(l.collname, ''), pg_get_expr(d.adbin, d.adrelid),
               col_description(c.oid, a.attnum)
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        left join pg_collation l on l.oid = a.attcollation
        left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
        where c.relkind in ('r', 'v', 'm') and {ours}""",
    "constraints": """
        select n.nspname, c.relname, k.conname, k.contype, pg_get_constraintdef(k.oid)
        from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
        where {ours}""",
    "indexes": "select schemaname, tablename, indexname, indexdef from pg_indexes where schemaname in "
    "(select nspname from pg_namespace where {ours})",
    "views": "select schemaname, viewname, definition from pg_views where schemaname in "
    "(select nspname from pg_namespace where {ours})",
    "comments": """
        select n.nspname, c.relname, obj_description(c.oid, 'pg_class')
        from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'v', 'm') and {ours}""",
}


@pytest.fixture
def declared(database_server: TestServer) -> Iterator[Catalog]:
    """A database made from the declarations, without any migration."""
    for instrument in instruments().values():
        instrument.table_metadata()
    url = database_server.create("template0")
    with Catalog(make_engine(url)) as catalog:
        with catalog.begin() as conn:
            for schema in sorted({str(table.schema) for table in metadata.tables.values()} | {views.SCHEMA}):
                conn.execute(CreateSchema(schema))
            metadata.create_all(conn)
            views.create(conn)
        yield catalog
    database_server.drop(url)


def described(catalog: Catalog, query: str) -> list[tuple[Any, ...]]:
    with catalog.read() as conn:
        rows = [tuple(row) for row in conn.execute(text(QUERIES[query].format(ours=OURS)))]
    return sorted((row for row in rows if row[1] != VERSION_NAME), key=repr)


@pytest.mark.parametrize("query", QUERIES)
def test_the_migrated_schema_is_the_declared_one(catalog: Catalog, declared: Catalog, query: str) -> None:
    assert described(catalog, query) == described(declared, query)


def test_alembic_finds_nothing_to_do(catalog: Catalog) -> None:
    for instrument in instruments().values():
        instrument.table_metadata()
    options = {
        "include_schemas": True,
        "compare_type": True,
        "compare_server_default": True,
        "version_table": VERSION_NAME,
        "version_table_schema": VERSION_SCHEMA,
    }
    with catalog.read() as conn:
        assert compare_metadata(MigrationContext.configure(conn, opts=options), metadata) == []


def test_every_schema_table_view_and_column_has_a_comment(catalog: Catalog) -> None:
    query = text(
        f"""
        select n.nspname from pg_namespace n where {OURS} and coalesce(obj_description(n.oid), '') = ''
        union all
        select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'v', 'm') and {OURS} and coalesce(obj_description(c.oid, 'pg_class'), '') = ''
        union all
        select c.oid::regclass::text || '.' || a.attname from pg_class c join pg_namespace n on n.oid = c.relnamespace
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relkind in ('r', 'v', 'm') and {OURS} and coalesce(col_description(c.oid, a.attnum), '') = ''
        """
    )
    with catalog.read() as conn:
        assert conn.execute(query).scalars().all() == []


def test_no_extension_enum_or_partition_is_used(catalog: Catalog) -> None:
    query = text(
        "select extname::text from pg_extension where extname <> 'plpgsql' union all "
        f"select typname::text from pg_type t join pg_namespace n on n.oid = t.typnamespace "
        f"where typtype = 'e' and {OURS} "
        "union all select partrelid::regclass::text from pg_partitioned_table"
    )
    with catalog.read() as conn:
        assert conn.execute(query).scalars().all() == []
