"""A little of everything: rows in every table of a revision, so that migrations are tried with data inside."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Connection

COLUMNS = text(
    "select c.table_schema, c.table_name, c.column_name, c.data_type, c.udt_name, c.column_default, c.is_identity, "
    "c.is_generated from information_schema.columns c join information_schema.tables t "
    "using (table_schema, table_name) where t.table_type = 'BASE TABLE' "
    "and c.table_schema not in ('information_schema', 'pg_catalog') and c.table_name <> 'alembic_version' "
    "order by c.table_schema, c.table_name, c.ordinal_position"
)

CHECKS = text(
    "select conrelid::regclass::text as relation, pg_get_constraintdef(oid) as definition from pg_constraint "
    "where contype = 'c' and connamespace <> 'information_schema'::regnamespace"
)

#: Values for columns that a CHECK or a foreign key restricts; the rest follow from their types.
SPECIAL: dict[str, Any] = {
    "core.calibration_set.author": None,
    "core.calibration_set.reason": None,
    "core.calibration_set.withdraws_id": None,
    "core.event_analysis.origin": "override",
    "core.file.sha256": "0" * 64,
    "core.file.state": "available",
    "core.file_problem.severity": "error",
    "core.packet_gap.kind": "gap",
    "ops.job.state": "done",
    "ops.job.lease_until": None,
    "ops.monitor.flap_changes": 2,
    "ops.monitor_run.state": "success",
}

BY_TYPE: dict[str, Any] = {
    "bigint": 1,
    "integer": 1,
    "smallint": 1,
    "double precision": 1.5,
    "real": 1.5,
    "boolean": True,
    "text": "x",
    "timestamp with time zone": "2026-11-20 12:00+00",
    "date": "2026-11-20",
    "jsonb": "{}",
    "tstzrange": "[2026-01-01,2027-01-01)",
    "uuid": "00000000-0000-0000-0000-000000000001",
    "bytea": "\\x00",
    "ARRAY": "{}",
}


def fill(conn: Connection) -> dict[str, int]:
    """Put one row into every table and return ``{table: rows}``; constraints other than keys are kept."""
    conn.execute(text("set local session_replication_role = replica"))  # foreign keys: every key is 1
    rows: dict[str, dict[str, Any]] = {}
    for schema, table, column, kind, _, _, identity, generated in conn.execute(COLUMNS):
        name = f"{schema}.{table}"
        row = rows.setdefault(name, {})
        if generated == "ALWAYS":
            continue
        row[column] = SPECIAL.get(f"{name}.{column}", 1 if identity == "YES" else BY_TYPE[kind])
    if "core.file_parent" in rows:
        rows["core.file_parent"]["parent_id"] = 2  # a file is not its own parent
    checks: dict[str, list[str]] = {}
    for relation, definition in conn.execute(CHECKS):
        checks.setdefault(relation, []).append(definition)
    for name, row in rows.items():
        first_word(row, checks.get(name, []), name)
        columns = ", ".join(f'"{column}"' for column in row)
        values = ", ".join(f":{i}" for i in range(len(row)))
        statement = text(f"insert into {name} ({columns}) overriding system value values ({values})")
        conn.execute(statement, {str(i): value for i, value in enumerate(row.values())})
    conn.execute(text("set local session_replication_role = origin"))
    return dict.fromkeys(rows, 1)


def first_word(row: dict[str, Any], checks: list[str], table: str) -> None:
    """Give a column that must be one of several words the first of them, unless a value is set for it."""
    for definition in checks:
        if "ANY (ARRAY['" in definition:
            column = definition.split("((", 1)[1].split(" ", 1)[0].strip('("')
            if column in row and f"{table}.{column}" not in SPECIAL:
                row[column] = definition.split("ARRAY['", 1)[1].split("'", 1)[0]


def counts(conn: Connection) -> dict[str, int]:
    """Return ``{table: rows}`` of every table."""
    tables = sorted({f"{row.table_schema}.{row.table_name}" for row in conn.execute(COLUMNS)})
    return {name: int(conn.execute(text(f"select count(*) from {name}")).scalar_one()) for name in tables}
