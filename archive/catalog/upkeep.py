"""How the database itself is: sizes, dead rows, unused indexes, age of transactions. Needs no extension."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

from psycopg2 import sql
from sqlalchemy import Connection, Row, text
from sqlalchemy.engine import Engine

Rows = Sequence[Row[Any]]

DATABASE = """
select pg_database_size(current_database()) as n_bytes, age(d.datfrozenxid)::bigint as xid_age,
       current_setting('autovacuum_freeze_max_age')::bigint as freeze_at,
       current_setting('max_connections')::bigint as max_connections,
       (select count(*) from pg_stat_activity where backend_type = 'client backend') as n_connections,
       (select coalesce(max(extract(epoch from now() - xact_start)), 0)::float8 from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()) as longest_transaction_s,
       case when s.blks_hit + s.blks_read > 0 then s.blks_hit::float8 / (s.blks_hit + s.blks_read) end as cache_hits,
       s.deadlocks, s.temp_bytes
from pg_database d join pg_stat_database s on s.datid = d.oid
where d.datname = current_database()
"""

TABLES = """
select n.nspname || '.' || c.relname as name, greatest(c.reltuples, 0)::bigint as n_rows,
       pg_table_size(c.oid) as table_bytes, pg_indexes_size(c.oid) as index_bytes, s.n_live_tup as n_live,
       s.n_dead_tup as n_dead, s.n_mod_since_analyze as n_unanalyzed,
       case when s.n_live_tup + s.n_dead_tup > 0
            then (pg_relation_size(c.oid) * (s.n_dead_tup::float8 / (s.n_live_tup + s.n_dead_tup)))::bigint
            else 0 end as dead_bytes,
       greatest(s.last_vacuum, s.last_autovacuum) as last_vacuum,
       greatest(s.last_analyze, s.last_autoanalyze) as last_analyze, s.seq_scan, s.idx_scan
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_stat_user_tables s on s.relid = c.oid
where c.relkind = 'r'
order by pg_table_size(c.oid) + pg_indexes_size(c.oid) desc, name
limit :rows
"""

INDEXES = """
select s.schemaname || '.' || s.indexrelname as name, s.schemaname || '.' || s.relname as table_name,
       pg_relation_size(s.indexrelid) as n_bytes, s.idx_scan as n_scans, i.indisunique as is_unique
from pg_stat_user_indexes s join pg_index i on i.indexrelid = s.indexrelid
order by pg_relation_size(s.indexrelid) desc, name
limit :rows
"""

#: Tables of which the planner knows too little: the rule and the numbers of autovacuum, which comes within a minute.
UNLEARNED = """
select schemaname, relname from pg_stat_user_tables
where n_mod_since_analyze > 50 + 0.1 * n_live_tup and schemaname not like 'pg\\_%'
order by schemaname, relname
"""


def learn(engine: Engine) -> int:
    """Let the server count what is in tables that have just been filled, and return how many tables that were.

    Right after a large load, and before autovacuum has come, the planner takes them for empty, and a question over
    many of them takes a hundred times as long. Tables that this role may not analyse, or that somebody is at work
    on, are passed over.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        found = conn.execute(text(UNLEARNED)).all()
        with closing(conn.connection.cursor()) as cursor:
            for schema, table in found:
                cursor.execute(sql.SQL("analyze (skip_locked) {}").format(sql.Identifier(schema, table)))
    return len(found)


def database(conn: Connection) -> Row[Any]:
    """Return n_bytes, xid_age, freeze_at, n_connections, max_connections, longest_transaction_s, cache_hits, deadlocks,
    temp_bytes.
    """
    return conn.execute(text(DATABASE)).one()


def tables(conn: Connection, *, limit: int = 200) -> Rows:
    """Return the largest tables: n_rows, table_bytes, index_bytes, n_live, n_dead, dead_bytes, last_vacuum and more.

    Rows and dead rows are the estimates that the server keeps; dead_bytes is the share of the table that they take, if
    rows are alike: space that is used again after the next vacuum, not given back.
    """
    return conn.execute(text(TABLES), {"rows": limit}).all()


def indexes(conn: Connection, *, limit: int = 200) -> Rows:
    """Return the largest indexes: table_name, n_bytes, n_scans since statistics began, is_unique."""
    return conn.execute(text(INDEXES), {"rows": limit}).all()
