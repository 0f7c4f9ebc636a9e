"""``pinakes sql``: ask the catalog in SQL."""

from __future__ import annotations

import csv
import itertools
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import click

from archive.cli.context import Context, emit, pass_context, plain

#: Rows printed unless told otherwise.
CAP = 10_000


@click.command()
@click.argument("query", required=False)
@click.option(
    "--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True,
    help="How to print the rows; json is one object per line.",
)  # fmt: skip
@click.option("-n", "--limit", type=click.IntRange(min=0), default=CAP, show_default=True, help="Most rows; 0: all.")
@click.option(
    "--role", type=click.Choice(["analyst", "monitor", "ingest", "owner"]), default="analyst", show_default=True,
    help="Whose rights to use. Only the owner can change anything.",
)  # fmt: skip
@click.option("--timeout", type=click.FloatRange(min=0.001), default=60, show_default=True, help="Seconds it may take.")
@pass_context
def sql(
    context: Context,
    query: str | None,
    form: Literal["table", "csv", "json"],
    limit: int,
    role: Literal["analyst", "monitor", "ingest", "owner"],
    timeout: float,
) -> int | None:
    """Run one QUERY ("-": read it from standard input), or open psql on a terminal when there is none.

    The views of the schema analysis can be named without it: pinakes sql "select * from files limit 5".
    """
    from archive.catalog import query as questions

    if query is None and sys.stdin.isatty():
        return _psql(context)
    text = sys.stdin.read() if query in (None, "-") else str(query)
    if not text.strip():
        raise click.UsageError("There is no query.")
    with context.catalog() as catalog, questions.ask(catalog, text, duty=role, timeout=timeout) as answer:
        rows = itertools.islice(answer.rows, limit) if limit else answer.rows
        _write(answer.columns, rows, form)
        if limit and next(answer.rows, None) is not None:
            context.say(f"Only the first {limit:,} rows are shown; all with --limit 0.")
    return None


def _write(columns: Sequence[str], rows: Iterable[Sequence[Any]], form: str) -> None:
    if form == "json":
        for row in rows:
            record = {name: plain(value) for name, value in zip(columns, row, strict=True)}
            click.echo(json.dumps(record, default=str))
    elif form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        if columns:
            writer.writerow(columns)
        for row in rows:
            writer.writerow(["" if value is None else _csv(value) for value in row])
    else:
        # Two columns may have one name; the table keeps both.
        names = [name if columns.index(name) == i else f"{name} ({i + 1})" for i, name in enumerate(columns)]
        table = [dict(zip(names, row, strict=True)) for row in rows]
        if table:
            emit(table, as_json=False, columns=names)
        elif names:
            click.echo("  ".join(names))


def _csv(value: Any) -> Any:
    return json.dumps(value, default=str) if isinstance(value, dict | list) else plain(value)


def _psql(context: Context) -> int:
    """Open psql on the catalog; it takes the place of this command on the terminal."""
    import os
    import subprocess

    from archive.catalog.binaries import client
    from archive.catalog.url import for_libpq

    with context.catalog() as catalog:
        target, secret = for_libpq(catalog.engine.url)
    environment = {**os.environ, **secret, "PGOPTIONS": "-c search_path=analysis,core,ops,public -c timezone=UTC"}
    return subprocess.run([str(client("psql")), target], env=environment, check=False).returncode  # noqa: S603
