"""The nouns that travel between the rooms: what a decoder returns and what ingest stores.

Everything here is a plain value: no file is opened, no database is asked. Arrays are columnar: ``n`` events are
``n``-long columns, never ``n`` objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Severity = Literal["info", "warning", "error"]
Level = Literal["raw", "l0", "l1a", "l1b", "l2", "l2a", "l2b", "l2c", "preview", "report"]

#: Bits of ``core.event.flags`` that mean the same for every instrument; bits 16 and up belong to the instrument.
FLAG_INCOMPLETE = 1 << 0
FLAG_CONFLICTING = 1 << 1
FLAG_DAMAGED = 1 << 2
FLAG_CLOCK_UNSET = 1 << 3
FLAG_ASSEMBLED = 1 << 4


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a file, in one sentence for a person.

    Attributes
    ----------
    code
        Machine name of the kind of problem, for example ``crc_mismatch``.
    message
        One sentence: what is wrong and what was done about it.
    severity
        ``error`` when data are lost or doubtful, ``warning`` when something is unusual, ``info`` when worth a row only.
    offset, length
        Where in the file, in bytes from its start; ``None`` when the whole file is meant.
    packet
        Ordinal of the packet in the file, counted from 0.
    count
        How many alike were folded into this one (a bound on rows for badly damaged files).
    """

    code: str
    message: str
    severity: Severity = "error"
    offset: int | None = None
    length: int | None = None
    packet: int | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Product:
    """A kind of file: one row of ``core.product``.

    ``name`` is unique within the instrument, ``format`` is a short text such as ``ccsds``, ``hdf5`` or ``cdf``.
    """

    name: str
    level: Level
    format: str
    title: str
    description: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """A raw file to decode: where its bytes are now, and what it was called where it came from."""

    path: Path
    name: str
    sha256: str
    size: int
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OpticalElements:
    """Which keys of ``core.file.header`` say through what an observation was made (see `Instrument.optical_elements`).

    Attributes
    ----------
    keys
        Keys whose values, joined by ``/``, name the elements in use together, for example ``("filter", "pupil")``.
    observation
        Keys whose values together name an observation; its files count once.
    """

    keys: tuple[str, ...]
    observation: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """An instrument's word that a file is its own. The highest ``confidence`` (0-100) wins."""

    instrument: str
    product: str
    confidence: int


@dataclass(frozen=True, slots=True)
class NewFile:
    """A product that a decoder wrote into its work folder, not yet placed.

    ``name`` is the final file name (built from product fields only); ``t_start`` and ``t_end`` are UTC. The bytes at
    ``path`` must be a pure function of the sources and the code: the same decode twice gives the same sha256.
    """

    product: str
    name: str
    path: Path
    t_start: datetime | None
    t_end: datetime | None
    header: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1


@dataclass(slots=True)
class Events:
    """The events of one decode, in columns of equal length ``n``.

    Attributes
    ----------
    identity
        Text that names the event for ever, unique within the instrument. Empty for parts that have no identity yet
        (orphans): those get a row in ``core.event_source`` and none in ``core.event``.
    match_key
        Text that parts of one event share even when they lie in different files.
    kind
        Kind of event, for example ``dust``.
    seq
        The instrument's own event number, int64.
    t
        Event time, ``datetime64[ns]``, UTC; NaT for orphans.
    tick
        The same time in the instrument's own clock units, int64.
    flags
        Bits, int64: the ``FLAG_`` constants of this module in bits 0-15, the instrument's own from bit 16.
    complete
        Whether every part of the event is there, bool.
    parts
        How much of the event this source holds (more is better): picks the best source of an event, int64.
    digest
        Text that is equal for equal content, whatever file it came in.
    missing
        Per event, the list of missing parts (JSON-able), empty when complete.
    """

    identity: list[str]
    match_key: list[str]
    kind: list[str]
    seq: NDArray[np.int64]
    t: NDArray[np.datetime64]
    tick: NDArray[np.int64]
    flags: NDArray[np.int64]
    complete: NDArray[np.bool_]
    parts: NDArray[np.int64]
    digest: list[str]
    missing: list[list[Any]]

    def __len__(self) -> int:
        return len(self.identity)


@dataclass(slots=True)
class Rows:
    """Rows for one typed table of an instrument, in columns.

    Attributes
    ----------
    table
        Qualified name, for example ``idex.event``.
    owner
        What the rows hang on: ``event`` rows get the column ``event_id``, ``file`` rows get ``file_id``.
    index
        For each row the index of its owner: into ``Decoded.events``, or for files 0 = the raw file, ``i + 1`` = product
        ``i``.
    columns
        Column name -> ``n`` values (array or list). None and NaT become NULL.
    file_columns
        Column name -> ``n`` file indexes (as in ``index`` for files, -1 for NULL), replaced by ``core.file`` ids.
    """

    table: str
    owner: Literal["event", "file", "analysis"]
    index: NDArray[np.int64]
    columns: dict[str, Sequence[Any] | NDArray[Any]]
    file_columns: dict[str, NDArray[np.int64]] = field(default_factory=dict)


@dataclass(slots=True)
class Decoded:
    """Everything a decoder found in one source (or, for assembly, in several)."""

    product: str
    t_start: datetime | None = None
    t_end: datetime | None = None
    header: dict[str, Any] = field(default_factory=dict)
    events: Events | None = None
    products: list[NewFile] = field(default_factory=list)
    rows: list[Rows] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Channel:
    """One waveform channel of ``n`` events.

    ``data`` is ``(n, samples)`` in ``unit`` (raw DN as integers); sample ``i`` of event ``k`` was taken at
    ``t0[k] + i * dt`` microseconds from the trigger. ``present[k]`` is False where the channel was not received.
    ``full_scale`` is the largest raw value.
    """

    name: str
    title: str
    unit: str
    data: NDArray[np.int16]
    present: NDArray[np.bool_]
    t0: NDArray[np.float64]
    dt: float
    full_scale: int


@dataclass(frozen=True, slots=True)
class Waveforms:
    """The channels of ``n`` consecutive records of an event product, in drawing order."""

    channels: tuple[Channel, ...]


@dataclass(frozen=True, slots=True)
class FitModel:
    """A fitted function, one row of ``core.fit_model``: names what stands in the arrays of ``core.fit``.

    Attributes
    ----------
    name, version
        The name in `Fits.model`; a changed meaning of a parameter is a new version.
    title
        Name for people.
    parameters
        Name, unit and meaning of each parameter, in the order of the values.
    """

    name: str
    version: int
    title: str
    parameters: tuple[tuple[str, str, str], ...]


@dataclass(slots=True)
class Fits:
    """The fits of some events, in columns of equal length: rows of ``core.fit``.

    Attributes
    ----------
    index
        The event of each fit, an index into the events that were analysed, int64.
    channel, line
        What was fitted: the channel, and the number of the line from 1, or 0 where there is one fit a channel.
    model
        Names of `FitModel`.
    values, errors
        Parameters and standard errors in the order of the model; None where unknown.
    chi2, dof
        Of the whole window; NaN where there is no result.
    start, stop
        First and last time of the window, microseconds from the trigger.
    status, reason
        Words parted by blanks, ``ok`` when nothing is to be said, and a sentence.
    origin
        ``automatic`` or ``override``.
    """

    index: NDArray[np.int64]
    channel: list[str]
    line: NDArray[np.int64]
    model: list[str]
    values: list[list[float | None]]
    errors: list[list[float | None]]
    chi2: NDArray[np.float64]
    dof: NDArray[np.int64]
    start: NDArray[np.float64]
    stop: NDArray[np.float64]
    status: list[str]
    reason: list[str]
    origin: list[str]


def no_fits() -> Fits:
    """Return fits of nothing."""
    import numpy as np

    none, empty = np.zeros(0, dtype=np.int64), np.zeros(0)
    return Fits(none, [], none, [], [], [], empty, none, empty, empty, [], [], [])


def joined_fits(parts: Sequence[Fits]) -> Fits:
    """Return several fits as one list; there is at least one part."""
    import numpy as np

    columns: dict[str, Any] = {}
    for name in (each.name for each in fields(Fits)):
        held = [getattr(part, name) for part in parts]
        columns[name] = np.concatenate(held) if isinstance(held[0], np.ndarray) else [v for part in held for v in part]
    return Fits(**columns)


@dataclass(slots=True)
class Analysed:
    """What an analysis found in ``n`` events: a status and a reason for each, fits, and rows of its own tables."""

    status: list[str]
    reason: list[str]
    fits: Fits
    rows: list[Rows]


@dataclass(frozen=True, slots=True)
class Override:
    """A word of an analyst about one event, one row of ``core.fit_override``.

    Attributes
    ----------
    action
        What is done, for example ``set`` or ``refit``.
    channel, line
        What it is about; None where it is about the whole event.
    arguments
        What it is done with; JSON-able.
    """

    action: str
    channel: str | None
    line: int | None
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a product of analyses comes from.

    Attributes
    ----------
    product, sha256
        Name and hash of the product whose records were analysed.
    raw
        Name and SHA-256 of every raw file, in order of the hashes.
    state
        Hash of all that was said and computed about its events: equal for equal content.
    """

    product: str
    sha256: str
    raw: tuple[tuple[str, str], ...]
    state: str


@dataclass(frozen=True, slots=True)
class ViewColumn:
    """A column of a view: name, PostgreSQL type such as ``double precision``, and what it is for."""

    name: str
    type: str
    comment: str


@dataclass(frozen=True, slots=True)
class Interpreted:
    """The current analyses of ``n`` records of a product, all with the same calibrations.

    Attributes
    ----------
    records, identity, t
        Record in the product, name of the event, and its time, UTC; length n, ascending by record.
    calibrations
        Values by name, as the analyses had them.
    told
        Of each analysis: version, settings_hash, inputs, origin, status, reason.
    overrides
        What analysts say about each event and counts, oldest first.
    signed
        Author and reason of each of these, in the same order.
    tables
        Rows of views by name of view; each row has its ``record``.
    """

    records: list[int]
    identity: list[str]
    t: list[datetime]
    calibrations: Mapping[str, Any]
    told: list[Mapping[str, Any]]
    overrides: list[tuple[Override, ...]]
    signed: list[tuple[tuple[str, str], ...]]
    tables: Mapping[str, list[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Accumulated:
    """One window of time as it was accumulated last, with all that its products are written from.

    Attributes
    ----------
    start, stop
        Begin and end (exclusive) of the window, UTC.
    row
        The row of the window, without its key and without the time at which it was written.
    tables
        Rows of views by name of view, without the key of the window or of a file.
    sources
        Name and SHA-256 of every file that was counted, in order of the hashes.
    state
        Hash of all of this and of the code that writes: equal for equal content.
    """

    start: datetime
    stop: datetime
    row: Mapping[str, Any]
    tables: Mapping[str, list[Mapping[str, Any]]]
    sources: tuple[tuple[str, str], ...]
    state: str
