"""The archive of a space-instrument team, for Python.

>>> import archive
>>> with archive.connect("./pinakes-archive") as a:  # doctest: +SKIP
...     for event in a.events(kind="dust", limit=10):
...         tof = a.waveforms(event).channels[0]
...         print(event["t"], tof.data.max())

Rows are dictionaries, times are UTC, and a list is never longer than its ``limit``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from archive.catalog import Catalog
    from archive.instruments.idex.readers.event import Event
    from archive.model import Waveforms

__all__ = ["Archive", "connect", "read_events"]

Row = dict[str, Any]


def connect(home: str | Path | None = None) -> Archive:
    """Open an archive for reading.

    Parameters
    ----------
    home
        The archive home; None: ``PINAKES_HOME``, else ``./pinakes-archive``.

    Raises
    ------
    NoArchive, SettingsError, DatabaseUnavailable, SchemaBehind
        Each with one sentence that says what to do.
    """
    from archive.catalog import Catalog
    from archive.config import open_home

    settings = open_home(None if home is None else Path(home))
    return Archive(settings.home, Catalog.connect(settings))


def read_events(path: str | Path, *, number: int | None = None, join: str | Path | None = None) -> Iterator[Event]:
    """Read the events of a file in any layout that is known, one at a time; no archive is needed.

    >>> for event in archive.read_events("imap_idex_l2a_sci.cdf", join="imap_idex_l1b_sci.cdf"):  # doctest: +SKIP
    ...     tof = event.waveforms["TOF_High"]
    ...     print(event.time, len(event.lines or ()), event.why("lines") if tof is None else tof.unit)

    Parameters
    ----------
    path
        Level-1A, level-1B or level-2A CDF, HDF5 of this archive or of the laboratory tool; told by the bytes.
    number
        Only this event: its record, from 0, or in laboratory files the name of its group.
    join
        The file that has the waveforms of events without, found by identity or by time.

    Returns
    -------
    iterator of archive.instruments.idex.readers.event.Event
        What the file does not have is None, and ``event.why(part)`` says the reason.

    Raises
    ------
    UnreadableSource
        When a file is not there, is no file of events, or cannot be read further.
    NotFound
        When there is no event of that number.
    """
    from archive.instruments.base import read_events

    return read_events(Path(path), number=number, join=None if join is None else Path(join))


class Archive:
    """What the archive at one home holds.

    Attributes
    ----------
    home
        The archive home; every ``relpath`` of the catalog is below it.
    catalog
        The catalog, for what the methods here do not offer.
    """

    def __init__(self, home: Path, catalog: Catalog) -> None:
        self.home = home
        self.catalog = catalog

    def files(
        self,
        instrument: str | None = None,
        *,
        product: str | None = None,
        level: str | None = None,
        state: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
    ) -> list[Row]:
        """Return files, the newest row first; `since` and `until` are UTC times of the data (see `core.file`)."""
        from archive.catalog import files

        with self.catalog.read() as conn:
            return files.listing(
                conn,
                instrument_name=instrument,
                product_name=product,
                level=level,
                state=state,
                since=since,
                until=until,
                limit=limit,
            )

    def file(self, key: int | str) -> Row:
        """Return one file by id, sha256 (or its first digits), relpath, or name.

        Raises
        ------
        NotFound
            When there is none.
        """
        from archive.catalog import files

        with self.catalog.read() as conn:
            return files.get(conn, key)

    def events(
        self,
        instrument: str | None = None,
        *,
        kind: str | None = None,
        file: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
    ) -> list[Row]:
        """Return events, the newest first; `file` is the id of a raw file or product that holds them."""
        from archive.catalog import events

        with self.catalog.read() as conn:
            return events.listing(
                conn, instrument_name=instrument, kind=kind, file_id=file, since=since, until=until, limit=limit
            )

    def event(self, key: int | str) -> Row:
        """Return one event by id or identity.

        Raises
        ------
        NotFound
            When there is none.
        """
        from archive.catalog import events

        with self.catalog.read() as conn:
            return events.get(conn, key)

    def fits(
        self,
        event: int | str | None = None,
        *,
        channel: str | None = None,
        status: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
    ) -> list[Row]:
        """Return fits of the current analyses, the newest event first; each has a dictionary of named parameters.

        Parameters
        ----------
        event
            Only fits of this event: its id or identity.
        channel
            Only fits of this channel: TOF, Target_High, Target_Low or Ion_Grid.
        status
            Only fits whose status has this word, for example ``ok`` or ``saturated``.
        since, until
            Only fits of events from this time on, and before that one, UTC.
        limit
            Most rows.
        """
        from archive.catalog import events, fits

        with self.catalog.read() as conn:
            event_id = None if event is None else events.get(conn, event)["id"]
            return fits.listing(
                conn, event_id=event_id, channel=channel, status=status, since=since, until=until, limit=limit
            )

    def waveforms(self, event: int | str | Mapping[str, Any]) -> Waveforms:
        """Return the waveforms of one event: channels of shape (1, samples), in raw units, with their time axes in µs.

        Parameters
        ----------
        event
            A row of `events`, an id, or an identity.

        Raises
        ------
        NotFound
            When there is no such event, or no readable product holds it.
        """
        from archive.catalog import events
        from archive.errors import NotFound
        from archive.instruments.base import instrument

        row = event if isinstance(event, Mapping) else self.event(event)
        with self.catalog.read() as conn:
            products = events.products(conn, row["id"])
        for product in products:
            if product["format"] == "hdf5" and product["state"] == "available":
                return instrument(row["instrument"]).waveforms(self.home / product["relpath"], product["record"], 1)
        raise NotFound(
            f"No readable product holds event {row['identity']}; `pinakes verify` says which files are lost."
        )

    def open(self, file: int | str | Mapping[str, Any]) -> Any:
        """Open a file for reading: `h5py.File` for HDF5, `cdflib.CDF` for CDF, a binary stream for anything else.

        Raises
        ------
        NotFound
            When the catalog has no such file, or its bytes are not there.
        """
        from archive.errors import NotFound

        row = file if isinstance(file, Mapping) else self.file(file)
        path = self.home / row["relpath"]
        if not path.is_file():
            raise NotFound(f"The bytes of {row['relpath']} are not there; `pinakes verify` says what else is lost.")
        if row["format"] == "hdf5":
            import h5py

            return h5py.File(path, "r")
        if row["format"] == "cdf":
            import cdflib

            return cdflib.CDF(path)
        return path.open("rb")

    def sql(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Run one query as the analyst may: read only, schema ``analysis`` in front, with a time limit.

        Parameters
        ----------
        query
            SQL with ``:name`` in the place of values.
        parameters
            The values; never put them into the text.
        """
        from archive.catalog.query import ask

        with ask(self.catalog, query, parameters=parameters) as answer:
            return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]

    def close(self) -> None:
        """Close the connections to the catalog."""
        self.catalog.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
