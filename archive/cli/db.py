"""``pinakes db``: the catalog's server and schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from archive.cli.context import Context, emit, json_option, pass_context
from archive.cli.db_tables import clone, reset
from archive.cli.listing import facts

if TYPE_CHECKING:
    from archive.config import Settings


@click.group()
def db() -> None:
    """The catalog's server and schema: state, start and stop, upgrade, dump and restore, clone and reset."""


db.add_command(clone)
db.add_command(reset)


@db.command()
@json_option
@pass_context
def status(context: Context, as_json: bool) -> None:
    """Show where the catalog is, whether it answers, and the revision of its schema. Starts nothing."""
    row = _status(context.settings())
    emit([row] if as_json else facts(row), as_json=as_json)


@db.command()
@click.argument("revision", default="head")
@pass_context
def upgrade(context: Context, revision: str) -> None:
    """Bring the schema up to REVISION; without one, to what this version needs. Nothing is lost."""
    from archive.catalog import Catalog, migrate

    with Catalog.connect(context.settings(), check=False) as catalog:
        before = migrate.upgrade(catalog, revision)
        after = migrate.current(catalog)
    context.say(
        f"The schema is at {after}." if before == after else f"The schema went from {before or 'nothing'} to {after}."
    )


@db.command()
@click.argument("revision")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_context
def downgrade(context: Context, revision: str, yes: bool) -> None:
    """Take the schema down to REVISION ("base": no tables). What the dropped tables hold is lost."""
    from archive.catalog import Catalog, migrate

    with Catalog.connect(context.settings(), check=False) as catalog:
        if not yes:
            click.confirm(f"Take {catalog!r} down to {revision}? The tables above it are lost", abort=True, err=True)
        before = migrate.downgrade(catalog, revision)
        after = migrate.current(catalog)
    context.say(f"The schema went from {before or 'nothing'} to {after or 'nothing'}.")


@db.command()
@pass_context
def start(context: Context) -> None:
    """Start the archive's own server, if it does not run."""
    from archive.catalog.embedded import Server

    settings = context.settings()
    _own_server(settings)
    Server.of(settings).start()
    context.say("The database server runs.")


@db.command()
@pass_context
def stop(context: Context) -> None:
    """Stop the archive's own server; what its clients are doing is rolled back."""
    from archive.catalog.embedded import Server

    settings = context.settings()
    _own_server(settings)
    stopped = Server.of(settings).stop()
    context.say("The database server has stopped." if stopped else "The database server did not run.")


@db.command()
@click.option("--show-secret", is_flag=True, help="With the password.")
@pass_context
def url(context: Context, show_secret: bool) -> None:
    """Print the URL of the catalog, for other programs; starts the archive's own server."""
    from archive.catalog import Catalog
    from archive.catalog.url import masked

    with Catalog.connect(context.settings(), check=False) as catalog:
        click.echo(catalog.url if show_secret else masked(catalog.engine.url))


@db.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@pass_context
def dump(context: Context, file: Path) -> None:
    """Write the whole catalog into FILE (pg_dump, custom format): for backups and for another PostgreSQL version."""
    from archive.catalog import Catalog
    from archive.catalog.transfer import dump as write

    with Catalog.connect(context.settings(), check=False) as catalog:
        size = write(catalog, file)
    context.say(f"Wrote {size:,} bytes to {file}.")


@db.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@pass_context
def restore(context: Context, file: Path) -> None:
    """Read the catalog from a FILE that `dump` wrote, into a catalog that holds no files yet."""
    from archive.catalog import Catalog
    from archive.catalog.transfer import restore as read

    with Catalog.connect(context.settings(), check=False) as catalog:
        revision = read(catalog, file)
    context.say(f"Restored; the schema is at {revision}.")


def _own_server(settings: Settings) -> None:
    from archive.errors import UsageError

    if settings.database.url.get_secret_value():
        raise UsageError("database.url names a server that is not the archive's own; start and stop it where it runs.")


def _status(settings: Settings) -> dict[str, Any]:
    """Return what there is to know without starting a server."""
    from archive.catalog import Catalog, migrate
    from archive.catalog.url import masked
    from archive.errors import DatabaseUnavailable

    row: dict[str, Any] = {"server": "database.url", "state": "up", "needed": migrate.head()}
    if not settings.database.url.get_secret_value():
        from archive.catalog.embedded import Server

        row |= {"server": "embedded", **Server.of(settings).status()}
        if row["state"] != "up":
            return row
    try:
        with Catalog.connect(settings, check=False) as catalog:
            row |= {"url": masked(catalog.engine.url), "revision": migrate.current(catalog), **catalog.facts()}
    except DatabaseUnavailable as error:
        row |= {"state": "down", "error": str(error)}
    return row
