"""The database: sizes, dead rows, age of transactions, connections, and the slowest questions of the site."""

from __future__ import annotations

from typing import Any

from archive.catalog import timings, upkeep
from monitors.base import Context, Finding, Metric, Monitor, Result

#: Tables and indexes that become metrics: the largest of them, when they are larger than this.
SHOWN = 20
WORTH = 2**20

#: A table with fewer dead bytes than this is not worth a word.
SMALL = 64 * 2**20


class Database(Monitor):
    """Looks at the server's own statistics.

    Options: ``dead_share`` (0.3): share of dead rows in a large table that is a warning; ``slow_s`` (2): time of one
    question of the site that is a warning; ``transaction_s`` (3600): age of an open transaction that is a warning.
    """

    name = "database"
    title = "Database"
    schedule = "50 */6 * * *"
    grace = "30m"
    max_runtime = "10m"

    def run(self, context: Context) -> Result:
        """Read the statistics, and say what needs care."""
        options = {"dead_share": 0.3, "slow_s": 2.0, "transaction_s": 3600.0}
        options = {name: float(context.options.get(name, default)) for name, default in options.items()}
        with context.catalog.read() as conn:
            whole = upkeep.database(conn)
            tables = upkeep.tables(conn)
            indexes = upkeep.indexes(conn, limit=SHOWN)
            slow = timings.slowest(conn, "site")
        return Result(
            message=f"{whole.n_bytes / 2**20:.0f} MiB in {len(tables)} tables.",
            n_in=len(tables),
            metrics=[
                Metric("database_bytes", whole.n_bytes, "B"),
                Metric("database_connections", whole.n_connections),
                Metric("database_transaction_age", whole.xid_age),
                Metric("database_longest_transaction_seconds", whole.longest_transaction_s, "s"),
                Metric("database_cache_hit_share", whole.cache_hits),
                *(metric for row in tables[:SHOWN] if row.table_bytes > WORTH for metric in table_metrics(row)),
                *(
                    Metric("index_bytes", row.n_bytes, "B", {"index": row.name})
                    for row in indexes
                    if row.n_bytes > WORTH
                ),
                *(Metric("site_query_seconds", row.total_s, "s", {"query": row.name}) for row in slow),
            ],
            findings=[
                *of_server(whole, options["transaction_s"]),
                *of_tables(tables, options["dead_share"]),
                *of_questions(slow, options["slow_s"]),
            ],
        )


def table_metrics(row: Any) -> list[Metric]:
    """Return the numbers of one table."""
    labels = {"table": row.name}
    return [
        Metric("table_bytes", row.table_bytes, "B", labels),
        Metric("table_index_bytes", row.index_bytes, "B", labels),
        Metric("table_rows", row.n_rows, "", labels),
        Metric("table_dead_rows", row.n_dead, "", labels),
        Metric("table_dead_bytes", row.dead_bytes, "B", labels),
    ]


def of_server(whole: Any, longest: float) -> list[Finding]:
    """Return what is wrong with the server as a whole."""
    found = []
    if whole.xid_age > 1.5 * whole.freeze_at:
        message = (
            f"The oldest transaction is {whole.xid_age} transactions old, beyond what autovacuum allows; run "
            "`vacuum freeze` in the database before it stops to take writes."
        )
        found.append(Finding("transactions_old", message, "error"))
    if whole.n_connections > 0.8 * whole.max_connections:
        message = f"{whole.n_connections} of {whole.max_connections} connections are in use; run fewer workers."
        found.append(Finding("connections_used_up", message, "warning"))
    if whole.longest_transaction_s > longest:
        message = (
            f"A transaction has been open for {whole.longest_transaction_s / 3600:.1f} h and keeps dead rows from "
            "being removed; find it in pg_stat_activity."
        )
        found.append(Finding("transaction_open", message, "warning"))
    return found


def of_tables(tables: Any, share: float) -> list[Finding]:
    """Return large tables with many dead rows."""
    found = []
    for row in tables:
        dead = row.n_dead / (row.n_live + row.n_dead) if row.n_live + row.n_dead else 0.0
        if dead > share and row.dead_bytes > SMALL:
            message = (
                f"{dead:.0%} of the rows of {row.name} are dead, about {row.dead_bytes / 2**20:.0f} MiB; run "
                f"`vacuum analyze {row.name}` and see why autovacuum does not."
            )
            found.append(Finding("table_bloated", message, "warning", row.name, facts={"dead_bytes": row.dead_bytes}))
    return found


def of_questions(slow: Any, limit: float) -> list[Finding]:
    """Return questions of the last site build that took long."""
    return [
        Finding(
            "site_query_slow",
            f"The question {row.name} took {row.longest_s:.1f} s in the last site build; see analysis.query_times.",
            "warning",
            row.name,
            row.n_calls,
            {"total_s": row.total_s, "longest_s": row.longest_s},
        )
        for row in slow
        if row.longest_s > limit
    ]
