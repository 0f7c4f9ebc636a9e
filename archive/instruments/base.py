"""What an instrument must be able to do. Everything else in Pinakes is the same for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from archive.errors import NotFound, UnreadableSource
from archive.model import (
    Accumulated,
    Analysed,
    Claim,
    Decoded,
    FitModel,
    Interpreted,
    NewFile,
    OpticalElements,
    Origin,
    Override,
    Product,
    Source,
    ViewColumn,
    Waveforms,
)

GROUP = "pinakes.instruments"

#: How many bytes of the start of a file ``claims`` is shown.
HEAD_BYTES = 65536


@runtime_checkable
class Instrument(Protocol):
    """Knows bytes, arrays, records and its own tables; never sees a database connection or a final file name.

    Attributes
    ----------
    name
        Short lower-case name: the catalog's instrument, the folder below ``files/``, and the schema of its tables.
    products
        Every kind of file it reads or writes; the first one is the raw file.

    Optional attributes: ``analysis`` (`analysis_of`), ``window_products`` (`window_products_of`), ``optical_elements``
    (`optical_elements_of`), ``tag_kinds``, a mapping of name to title of what its files and events can be tagged with,
    and the methods ``check_calibration`` and ``read_events`` (see the functions of these names).
    """

    name: str
    title: str
    products: tuple[Product, ...]

    def claims(self, name: str, head: bytes, size: int, options: Mapping[str, Any]) -> Claim | None:
        """Say whether this file is ours, from its name, its first `HEAD_BYTES` bytes and its size in bytes."""

    def decode(self, source: Source, workdir: Path) -> Decoded:
        """Decode one raw file and write its products into `workdir`.

        Must not raise on damaged bytes: what can be decoded is, the rest becomes `Problem` entries.
        """

    def assemble(self, sources: Sequence[Source], match_keys: Sequence[str], workdir: Path) -> Decoded:
        """Put together events whose parts lie in several raw files; same contract as `decode`."""

    def waveforms(self, product: Path, first: int, count: int) -> Waveforms:
        """Read the waveforms of records ``first`` to ``first + count - 1`` of one of our event products."""

    def calibrations(self) -> Sequence[Mapping[str, Any]]:
        """Calibration records that ship with the package.

        Each mapping has ``name``, ``version`` (int), ``valid_from``, ``valid_to`` (ISO text or None), ``unit``,
        ``values`` (JSON-able) and ``origin`` (where the numbers come from).
        """

    def table_metadata(self) -> Any:
        """Return the `sqlalchemy.MetaData` that declares the instrument's own tables, or None."""


@runtime_checkable
class Analysis(Protocol):
    """What an instrument computes from the records of one of its products: a pure function with a name and a version.

    Attributes
    ----------
    name, version
        Its name, and a number that rises whenever other values may come out of equal inputs.
    product
        Name of the product whose records it reads.
    models
        The functions it fits.
    calibrations
        Names of the calibrations it needs.
    """

    name: str
    version: int
    product: str
    models: Sequence[FitModel]
    calibrations: Sequence[str]

    def settings(self) -> Mapping[str, Any]:
        """Return the settings it works with, JSON-able; equal settings give equal results."""

    def run(
        self,
        product: Path,
        records: Sequence[int],
        calibrations: Mapping[str, Any],
        overrides: Sequence[Sequence[Override]] = (),
    ) -> Analysed:
        """Analyse records of a product.

        Must not raise on bad data: what cannot be computed gets a status with a reason.

        Parameters
        ----------
        product
            The product file.
        records
            Records of the events, ascending and near each other.
        calibrations
            Values by name, valid at the time of these events; None for one that is missing.
        overrides
            What analysts say about each event, oldest first; nothing where not given.

        Raises
        ------
        ValueError
            When an override is impossible.
        """


class DerivedWriter(Protocol):
    """Collects the analyses of a product, in order of its records, and writes products of a higher level."""

    def add(self, part: Interpreted) -> None:
        """Take the next records."""

    def close(self) -> list[NewFile]:
        """Write what is still waiting; return every file that was written."""


@runtime_checkable
class Derivation(Protocol):
    """What is written when the events of a product are analysed: files that need the waveforms no more.

    Attributes
    ----------
    products
        Names of the products it writes.
    version
        A number that rises whenever equal analyses may give other bytes.
    views
        Views of schema ``analysis`` whose rows it wants.
    """

    products: Sequence[str]
    version: int
    views: Sequence[str]

    def begin(
        self, product: Path, origin: Origin, columns: Mapping[str, Sequence[ViewColumn]], workdir: Path
    ) -> DerivedWriter:
        """Return a writer for the analyses of one product; the bytes follow from its arguments alone."""


@runtime_checkable
class WindowProducts(Protocol):
    """What is written of windows of time once something has been accumulated in them: rates, maps, summaries.

    Attributes
    ----------
    products
        Names of the products it writes, one file each for every window.
    version
        A number that rises whenever equal rows may give other bytes.
    windows, key
        View of schema ``analysis`` with one row a window, with its begin ``t_start`` and its end ``t_stop``
        (exclusive); and the column of that view which other views know the window by. A column ``created_at`` is taken
        for the time at which the row was written.
    views
        Views whose rows it wants, by `key`.
    timed
        Views whose rows it wants by their time ``t``, as far as that lies in the window.
    sources
        Views with a column ``file_id``, whose files, by time, say something about the window. The files of the events
        in it always count.
    """

    products: Sequence[str]
    version: int
    windows: str
    key: str
    views: Sequence[str]
    timed: Sequence[str]
    sources: Sequence[str]

    def write(self, window: Accumulated, workdir: Path) -> list[NewFile]:
        """Write the products of one window; names and bytes follow from `window` alone, and each begins with it."""


def window_products_of(instrument: Instrument) -> WindowProducts | None:
    """Return what is written of windows of time, None for nothing: its optional attribute ``window_products``."""
    found: WindowProducts | None = getattr(instrument, "window_products", None)
    return found


def derivation_of(analysis: Analysis | None) -> Derivation | None:
    """Return what follows an analysis, None for one without: its optional attribute ``derivation``."""
    found: Derivation | None = getattr(analysis, "derivation", None)
    return found


def analysis_of(instrument: Instrument) -> Analysis | None:
    """Return the analysis that follows ingest, None for an instrument without: its optional attribute ``analysis``."""
    found: Analysis | None = getattr(instrument, "analysis", None)
    return found


def check_calibration(instrument: Instrument, name: str, values: Mapping[str, Any]) -> None:
    """Look at values that an analyst would write as a calibration: optional method ``check_calibration(name, values)``.

    Raises
    ------
    ValueError
        When they are impossible, or the instrument takes none of that name.
    """
    check = getattr(instrument, "check_calibration", None)
    if check is None:
        raise ValueError(f"{instrument.name} takes no calibrations from analysts")
    check(name, values)


def read_events(path: Path, *, number: int | None = None, join: Path | None = None) -> Iterator[Any]:
    """Yield the events of a file that need not be in an archive, read by the first instrument that knows its layout.

    An instrument that can do so has the method ``read_events``, with the same parameters; it raises `UnreadableSource`
    for a file that it does not know.

    Raises
    ------
    UnreadableSource
        When nobody knows it, or it cannot be read (further).
    """
    told: UnreadableSource | None = None
    for found in instruments().values():
        read = getattr(found, "read_events", None)
        if read is not None:
            try:
                events: Iterator[Any] = read(path, number=number, join=join)
            except UnreadableSource as error:
                told = error
            else:
                return events
    raise told or UnreadableSource("No installed instrument reads files of events.")


def optical_elements_of(instrument: Instrument) -> OpticalElements | None:
    """Return which header keys name its optical elements (optional attribute ``optical_elements``), None for none."""
    found: OpticalElements | None = getattr(instrument, "optical_elements", None)
    return found


@cache
def instruments() -> Mapping[str, Instrument]:
    """Every installed instrument by name, found through the entry-point group ``pinakes.instruments``."""
    found = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda e: e.name):
        instrument = entry.load()()
        found[instrument.name] = instrument
    return found


def instrument(name: str) -> Instrument:
    """Return the instrument of that name.

    Raises
    ------
    NotFound
        When no installed package offers it.
    """
    try:
        return instruments()[name]
    except KeyError:
        known = ", ".join(sorted(instruments())) or "none"
        raise NotFound(f"No instrument named {name!r} is installed (installed: {known}).") from None
