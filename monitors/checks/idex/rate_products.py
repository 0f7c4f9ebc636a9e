"""The level-2B and level-2C files of windows: asked for together with the windows, made once the run is closed."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from datetime import datetime

from sqlalchemy import Connection

from archive.analysis import windows
from archive.catalog import Catalog
from archive.config import Settings
from archive.instruments.base import instrument
from archive.jobs import engines
from archive.jobs.drain import Drain

OWNER = "idex"


def ask(starts: Iterable[datetime], max_attempts: int, conn: Connection) -> int:
    """Ask for the products of the windows that were looked at; return how many have something new."""
    return windows.ask(conn, instrument(OWNER), starts, max_attempts=max_attempts)


def make(settings: Settings, catalog: Catalog) -> None:
    """Ask for windows without products too, and carry out the jobs that wait; each has its own row in the ledger."""
    with catalog.read() as conn:
        wanting = windows.wanting(conn, instrument(OWNER))
    for start in wanting:
        with catalog.begin() as conn:
            ask([start], settings.ingest.max_attempts, conn)
    with closing(engines.Inline()) as engine:
        list(Drain(catalog, engine, str(settings.home), settings.ingest.lease).everything([windows.KIND]))
