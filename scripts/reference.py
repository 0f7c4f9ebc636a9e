#!/usr/bin/env python3
"""Write the reference pages that are made from the program itself: commands, settings, schema.

    .venv/bin/python scripts/reference.py          writes docs/reference/*.md

The pages are committed; a test fails when one of them is not what the program says.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection, text

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"

RELATIONS = text(
    """
    select n.nspname as schema, c.relname as name, c.relkind as kind, c.oid as oid,
           obj_description(c.oid, 'pg_class') as comment
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = any(:schemas) and c.relkind in ('r', 'v', 'm')
    order by n.nspname, c.relkind, c.relname
    """
)
COLUMNS = text(
    """
    select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as required,
           col_description(a.attrelid, a.attnum) as comment
    from pg_attribute a where a.attrelid = :oid and a.attnum > 0 and not a.attisdropped order by a.attnum
    """
)
CONSTRAINTS = text(
    """
    select pg_get_constraintdef(oid) from pg_constraint
    where conrelid = :oid and contype in ('p', 'u', 'f', 'x') order by contype desc, conname
    """
)
SCHEMAS = text(
    "select nspname, obj_description(oid, 'pg_namespace') from pg_namespace where nspname = any(:schemas) order by 1"
)
OWN_SCHEMAS = ["analysis", "core", "idex", "ops"]


def main() -> None:
    REFERENCE.mkdir(parents=True, exist_ok=True)
    (REFERENCE / "commands.md").write_text(commands_page(), encoding="utf-8")
    (REFERENCE / "settings.md").write_text(settings_page(), encoding="utf-8")
    from archive.catalog import Catalog, migrate
    from archive.catalog.embedded import Server
    from archive.config import load

    with tempfile.TemporaryDirectory() as home:
        settings = load(Path(home))
        try:
            with Catalog.connect(settings, check=False) as catalog:
                migrate.upgrade(catalog)
                with catalog.read() as conn:
                    (REFERENCE / "schema.md").write_text(schema_page(conn), encoding="utf-8")
        finally:
            Server.of(settings).stop()


def commands_page() -> str:
    from archive.cli import cli

    parts = ["# Commands\n", "Made from `pinakes --help`; do not edit.\n"]
    top = click.Context(cli, info_name="pinakes", **cli.context_settings)
    for context in walk(top):
        context.max_content_width = context.terminal_width = 100
        parts.append(f"## `{context.command_path}`\n\n```text\n{context.command.get_help(context)}\n```\n")
    return "\n".join(parts)


def walk(context: click.Context) -> Iterator[click.Context]:
    """Yield the contexts of a command and of all below it; help options come down from the top as they do in use."""
    yield context
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            child = context.command.get_command(context, name)
            assert child is not None
            yield from walk(click.Context(child, parent=context, info_name=name))


def settings_page() -> str:
    from archive.config import describe

    lines = [
        "# Settings\n",
        "Made from the program; do not edit. Lowest to highest precedence: default, `pinakes.toml` in the archive",
        "home, environment variable, command-line flag.\n",
        "| setting | default | environment | meaning |",
        "|---|---|---|---|",
    ]
    for row in describe():
        lines.append(f"| `{row['setting']}` | `{row['default'] or ' '}` | `{row['environment']}` | {row['meaning']} |")
    return "\n".join(lines) + "\n"


def schema_page(conn: Connection) -> str:
    parts = ["# Schema\n", "Made from the COMMENTs of a migrated database; do not edit.\n"]
    for schema, comment in conn.execute(SCHEMAS, {"schemas": OWN_SCHEMAS}):
        parts.append(f"## {schema}\n\n{comment}\n")
        for relation in conn.execute(RELATIONS, {"schemas": [schema]}):
            parts.append(relation_section(conn, relation))
    return "\n".join(parts)


def relation_section(conn: Connection, relation: Any) -> str:
    kind = {"r": "table", "v": "view", "m": "materialised view"}[relation.kind]
    lines = [f"### {relation.schema}.{relation.name}\n", f"{kind.capitalize()}. {relation.comment or ''}\n"]
    lines += ["| column | type | null | meaning |", "|---|---|---|---|"]
    for column in conn.execute(COLUMNS, {"oid": relation.oid}):
        null = "" if column.required or relation.kind != "r" else "yes"
        lines.append(f"| `{column.name}` | {column.type} | {null} | {column.comment or ''} |")
    rules = conn.execute(CONSTRAINTS, {"oid": relation.oid}).scalars().all()
    if rules:
        lines += ["", "Keys and rules: " + "; ".join(f"`{rule}`" for rule in rules) + "."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
