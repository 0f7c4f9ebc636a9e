"""``pinakes init``: make an archive."""

from __future__ import annotations

import click

from archive.cli.context import Context, pass_context


@click.command()
@click.option("--url", help="PostgreSQL server to use; without it the archive runs its own server.")
@pass_context
def init(context: Context, url: str | None) -> None:
    """Make an archive: the home with its folders and settings file, and an empty catalog.

    Doing it again changes nothing: folders and settings that are there stay as they are, the catalog is brought to the
    schema of this version.
    """
    from archive.catalog import Catalog, migrate
    from archive.catalog.reference import ensure_instrument
    from archive.config import load
    from archive.instruments.base import instruments
    from archive.store.home import init_home

    settings = load(context.home)
    settings.set_umask()
    init_home(settings.home, database_url=url, access=settings.access())
    settings = load(context.home)
    with Catalog.connect(settings, check=False) as catalog:
        migrate.upgrade(catalog)
        with catalog.begin() as conn:
            for instrument in instruments().values():
                ensure_instrument(conn, instrument)
    context.say(f"Archive ready at {settings.home}. Next: pinakes ingest FILE...")
