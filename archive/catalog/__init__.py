"""The catalog: PostgreSQL, behind one class."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import text
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import OperationalError, ProgrammingError

from archive.catalog import url as urls
from archive.catalog.engine import make_engine
from archive.catalog.revision import READ_VERSION, head, revisions
from archive.errors import DatabaseUnavailable, SchemaBehind

if TYPE_CHECKING:
    from archive.config import Settings

__all__ = ["Catalog"]


class Catalog:
    """A connection to the catalog of one archive.

    Attributes
    ----------
    engine
        The SQLAlchemy engine.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def connect(cls, settings: Settings, *, check: bool = True) -> Catalog:
        """Connect to the catalog the settings name; starts the server of the archive home when that is the one.

        Parameters
        ----------
        settings
            The settings of the archive.
        check
            Whether the revision of the schema must be the one this version needs.

        Raises
        ------
        SchemaBehind
            When the schema is not the one this version needs.
        DatabaseUnavailable
            When the server cannot be reached or started.
        SettingsError
            When the URL or the password file cannot be used.
        """
        if settings.database.url.get_secret_value():
            url = urls.from_settings(settings)
            return cls._opened(url, settings, check=check)
        from archive.catalog.embedded import Server

        server = Server.of(settings)
        running = server.url()
        if running is not None:
            try:
                return cls._opened(running, settings, check=check)
            except DatabaseUnavailable:  # not running, or not well: starting finds out
                pass
        return cls._opened(server.start(), settings, check=check)

    @classmethod
    def from_url(cls, url: str) -> Catalog:
        """Return a catalog for a worker process: no pool, no check, nothing connected yet."""
        return cls(make_engine(urls.normalise(url), pool=False))

    @classmethod
    def _opened(cls, url: URL, settings: Settings, *, check: bool) -> Catalog:
        catalog = cls(make_engine(url, settings.database))
        try:
            if check:
                catalog.check_schema()
            else:
                with catalog.read():
                    pass
        except BaseException:
            catalog.close()
            raise
        return catalog

    @property
    def url(self) -> str:
        """The whole URL with its password, for worker processes. Never shown."""
        return urls.text(self.engine.url)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Open a transaction: committed at the end of the block, rolled back when it raises.

        Raises
        ------
        DatabaseUnavailable
            When no connection can be made.
        """
        with self.connection() as conn, conn.begin():
            yield conn

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that cannot write.

        Raises
        ------
        DatabaseUnavailable
            When no connection can be made.
        """
        with self.connection() as conn:
            conn.execution_options(postgresql_readonly=True)
            with conn.begin():
                yield conn

    def check_schema(self) -> None:
        """Compare the revision of the schema with the one this version needs, in one query.

        Raises
        ------
        SchemaBehind
            When they differ; the message says what to do.
        DatabaseUnavailable
            When the server cannot be reached.
        """
        try:
            with self.read() as conn:
                found = conn.execute(text(READ_VERSION)).scalar()
        except ProgrammingError:  # no such table or schema
            found = None
        if found == head():
            return
        if found is None:
            raise SchemaBehind("The database has no tables of Pinakes yet; make them with `pinakes db upgrade`.")
        if found in revisions():
            raise SchemaBehind(
                f"The database schema is at revision {found} and this version needs {head()}; run `pinakes db upgrade`."
            )
        raise SchemaBehind(f"The database schema (revision {found}) was made by a newer Pinakes; install that version.")

    def facts(self) -> dict[str, Any]:
        """Return the server's version, the size of the database in bytes, and the number of other clients."""
        query = text(
            "select current_setting('server_version') as version, pg_database_size(current_database()) as size, "
            "(select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()) "
            "as clients"
        )
        with self.read() as conn:
            return dict(conn.execute(query).mappings().one())

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Open a connection without a transaction; `begin` and `read` are what is usually wanted.

        Raises
        ------
        DatabaseUnavailable
            When no connection can be made.
        """
        try:
            conn = self.engine.connect()
        except OperationalError as error:
            reason = " ".join(str(error.orig).split()).rstrip("?.")
            raise DatabaseUnavailable(
                f"The database {urls.masked(self.engine.url)} cannot be reached: {reason}."
            ) from error
        with conn:
            yield conn

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Catalog({urls.masked(self.engine.url)!r})"
