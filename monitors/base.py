"""What a monitor is: a name, a schedule, and a ``run`` that looks at the archive and returns what it found.

::

    class Backlog(Monitor):
        name = "backlog"
        title = "Work that waits"
        schedule = "*/10 * * * *"

        def run(self, context: Context) -> Result:
            with context.catalog.read() as conn:
                waiting = conn.execute(WAITING).scalar_one()
            return Result(n_in=1, metrics=[Metric("jobs_waiting", waiting)])

A monitor runs in a process of its own. What it returns (and what it hands to ``context.write``) enters the catalog in
one transaction together with the end of the run and the advance of its high-water marks, or not at all.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from archive.errors import SettingsError
from monitors.guard import Means, Need, share

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

    from archive.catalog import Catalog
    from archive.catalog.sequence import NewFiles, NewKeys
    from archive.config import Settings

GROUP = "pinakes.monitors"

Severity = Literal["info", "warning", "error"]


class Status(StrEnum):
    """How a run ended."""

    SUCCESS = "success"
    NO_WORK = "no_work"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Metric:
    """One number that a run measured.

    Attributes
    ----------
    name
        Lower-case words with underscores and the unit last, for example ``area_used_bytes``.
    value
        The number; None when it could not be measured (a gap, not a zero).
    unit
        Unit for people: ``B``, ``s``, ``1/d``; empty for counts.
    labels
        What the number belongs to, for example ``{"area": "files"}``.
    """

    name: str
    value: float | None
    unit: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a person should look at.

    ``code`` is the machine name of its kind and ``subject`` what it is about (a path, a job); together they name the
    finding, so that it is known since when it is open. ``message`` is one sentence that says what to do.
    """

    code: str
    message: str
    severity: Severity = "warning"
    subject: str = ""
    count: int = 1
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Result:
    """What a run found. Without `status` a run with ``n_in == 0`` had no work, any other one succeeded."""

    status: Status | None = None
    message: str = ""
    n_in: int | None = None
    n_done: int | None = None
    n_skipped: int = 0
    n_failed: int = 0
    metrics: list[Metric] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def ended(self) -> Status:
        """The status, worked out when it was not given."""
        return self.status or (Status.NO_WORK if self.n_in == 0 else Status.SUCCESS)


@dataclass(frozen=True, slots=True)
class Trend:
    """A statistic of the data of some time, drawn on the page of the monitor by the time of the data.

    Attributes
    ----------
    name, series
        What it is of, and which of several: ``noise_sigma`` of ``TOF_High``. Each has a figure of its own.
    at, until
        The time of the data, UTC, without its end.
    value, low, high
        The number and the ends of its spread or interval; None when there is nothing to measure it from.
    n
        How many data it rests on.
    unit
        Unit for people.
    limits
        Red low, yellow low, yellow high, red high; None: no such limit.
    """

    name: str
    series: str
    at: datetime
    until: datetime
    value: float | None
    n: int
    unit: str = ""
    low: float | None = None
    high: float | None = None
    limits: tuple[float | None, float | None, float | None, float | None] = (None, None, None, None)
    message: str = ""


@dataclass(frozen=True, slots=True)
class Write:
    """Rows for one table, written when the run is closed (see `Context.write`)."""

    table: Table
    columns: Mapping[str, Sequence[Any]]
    key: Sequence[str] | None
    update: Sequence[str] | None


@dataclass(slots=True)
class Context:
    """What a run is given.

    Attributes
    ----------
    catalog
        The catalog, for reading: ``with context.catalog.read() as conn``.
    settings
        The settings of the archive.
    now
        The time the run is about, UTC: the end of the window of a back-fill, else when the run started.
    window
        Start and end of a back-fill; None in ordinary runs.
    scheduled_for
        The schedule point the run belongs to; None for a run by hand.
    options
        Whatever ``[monitor.NAME.options]`` holds in ``pinakes.toml``.
    log
        Logger of the run; its lines go to the run's log file, warnings and errors are counted.
    data
        When the data of the files begin and end that `new_files` returned; None before.
    means
        Memory and time that the run may use.
    left_out
        Findings about files that `new_files` did not return because they would take more than that.
    """

    catalog: Catalog
    settings: Settings
    run_id: UUID
    monitor_id: int
    algorithm: str
    now: datetime
    scheduled_for: datetime | None
    window: tuple[datetime, datetime] | None
    options: Mapping[str, Any]
    log: logging.Logger
    advance: bool = False
    writes: list[Write] = field(default_factory=list)
    closers: list[Callable[[Connection], object]] = field(default_factory=list)
    followers: list[Callable[[Catalog], object]] = field(default_factory=list)
    marks: dict[str, int] = field(default_factory=dict)
    data: tuple[datetime, datetime] | None = None
    means: Means = field(default_factory=Means)
    left_out: list[Finding] = field(default_factory=list)

    def new_files(
        self,
        *,
        instrument: str | None = None,
        product: str | None = None,
        level: str | None = None,
        limit: int | None = None,
        by: Literal["received", "observed"] = "received",
        need: Callable[[Any], Need] | None = None,
    ) -> NewFiles:
        """Return the files of a selection that no run of this monitor has seen, in the order in which they came in.

        The high-water mark of the selection advances when, and only when, the run ends well. It counts the order of
        ingest, not of observation: a file that is delivered late is new when it comes. In a back-fill the files whose
        time of ingest (or, ``by="observed"``, of observation) lies in the window are returned, and no mark moves unless
        that was asked for.

        Parameters
        ----------
        instrument, product, level
            What to select; None: all.
        limit
            At most so many files; the mark then advances to the last one returned, the next run goes on from there.
        by
            Which time the window of a back-fill speaks of.
        need
            Predicts from a file what it will take. One that would take more than a run may use (`max_memory`,
            `max_runtime`) is not returned: it counts as an input that was skipped, the run has a finding that names it,
            and the mark passes over it. Files are returned as long as their time together fits; the next run goes on
            from there.
        """
        from archive.catalog import sequence

        selector = sequence.Selector(instrument, product, level)
        if self.window is not None:
            found = sequence.files_in_window(self.catalog, selector, self.window, by=by, limit=limit)
        else:
            found = sequence.new_files(self.catalog, self.monitor_id, selector, self.algorithm, limit=limit)
        if need is not None:
            found = self._fitting(found, need)
        if self.window is None or (self.advance and found.mark):
            self.marks[selector.text] = found.mark
        self._note_times(found)
        return found

    def new_keys(self, table: Table, *, limit: int | None = None) -> NewKeys:
        """Return the keys of rows that no run of this monitor has seen, of a table that is only appended to.

        The mark advances as that of `new_files` does. In a back-fill there are none: its window says what it is about.
        """
        from archive.catalog import sequence

        if self.window is not None:
            return sequence.NewKeys(0, 0)
        found = sequence.new_keys(self.catalog, self.monitor_id, table, self.algorithm, limit=limit)
        self.marks[sequence.rows_of(table)] = found.mark
        return found

    def trends(self, points: Sequence[Trend]) -> None:
        """Write trends when the run is closed; a point of the same name, series and time takes the place of another."""
        from archive.catalog.schema import trend

        names = ("name", "series", "at", "until", "value", "low", "high", "n", "unit", "message")
        columns: dict[str, list[Any]] = {name: [getattr(point, name) for point in points] for name in names}
        for number, name in enumerate(("red_low", "yellow_low", "yellow_high", "red_high")):
            columns[name] = [point.limits[number] for point in points]
        every = {"monitor_id": self.monitor_id, "algorithm": self.algorithm, "run_id": str(self.run_id)}
        columns |= {name: [value] * len(points) for name, value in every.items()}
        self.write(trend, columns, key=("monitor_id", "name", "series", "at"))

    def _fitting(self, found: NewFiles, need: Callable[[Any], Need]) -> NewFiles:
        """Leave out the files that would take too much, and say so."""
        mine = share(found, need, self.means)
        self.left_out += [
            Finding("file_too_large", f"{row.relpath} {why}; it was left out.", "warning", row.relpath,
                    facts={"file_id": row.id, "bytes": row.size})
            for row, why in mine.beyond
        ]  # fmt: skip
        if mine.left and self.window is not None:
            raise SettingsError(
                f"The files of this window would take more than the {self.means.seconds:.0f} s of one run "
                f"(max_runtime): {len(mine.left)} of {len(mine.left) + len(mine.taken.rows)} are too many; run it in "
                "shorter windows."
            )
        return mine.taken

    def _note_times(self, found: NewFiles) -> None:
        """Widen the time over which the data lie that the run was given; it is information, no mark depends on it."""
        times = [t for row in found.rows for t in (row.t_start, row.t_end) if t is not None]
        if times:
            before = self.data or (times[0], times[0])
            self.data = (min(before[0], *times), max(before[1], *times))

    def write(
        self,
        table: Table,
        columns: Mapping[str, Sequence[Any]],
        *,
        key: Sequence[str] | None = None,
        update: Sequence[str] | None = None,
    ) -> None:
        """Write rows when the run is closed, in the same transaction as its results.

        Parameters
        ----------
        table, columns
            The table and its columns of equal length.
        key
            Columns of a unique constraint: rows that are there are updated. None: rows are appended.
        update
            Columns to update; None: all but the key; empty: rows that are there stay.
        """
        self.writes.append(Write(table, columns, key, update))

    def at_close(self, action: Callable[[Connection], object]) -> None:
        """Call `action` with the connection of the closing transaction, after the rows of `write`."""
        self.closers.append(action)

    def afterwards(self, action: Callable[[Catalog], object]) -> None:
        """Call `action` in the process of the run once it is closed and has ended well: work that the run asked for.

        Whatever becomes of it, the run stays as it was closed; an error is a line of its log. It must be work that
        somebody else can do when this process dies, such as jobs of the ledger. The time limit of the run goes on.
        """
        self.followers.append(action)


class Monitor(ABC):
    """A check of the archive.

    Attributes
    ----------
    name
        Lower-case name with hyphens or underscores; it is the name of the entry point too.
    title
        Name for people.
    schedule
        Cron expression or interval (see `monitors.schedule.parse`); None: runs only when asked for.
    zone
        IANA time zone of the cron expression.
    grace
        How late a start may be before it counts as missed: seconds, or text such as ``15m``.
    max_runtime
        After this the run is stopped.
    max_memory
        Bytes of address space the run may use; None: no limit.
    algorithm
        Version of the method. Marks are kept per version: a new one starts again from the first file.
    tables
        Tables the monitor is expected to write, for people.

    All of these are defaults: ``[monitor.NAME]`` in ``pinakes.toml`` overrides them.
    """

    name: str
    title: str = ""
    schedule: str | None = None
    zone: str = "UTC"
    grace: str | float = "15m"
    max_runtime: str | float = "1h"
    max_memory: int | None = None
    algorithm: str = "1"
    tables: tuple[str, ...] = ()

    @abstractmethod
    def run(self, context: Context) -> Result:
        """Look at the archive and return what was found; raise when that is not possible."""


@cache
def offered() -> Mapping[str, EntryPoint]:
    """Return the entry point of every installed monitor by name; nothing is imported."""
    return {entry.name: entry for entry in sorted(entry_points(group=GROUP), key=lambda e: e.name)}


def load(name: str) -> Monitor:
    """Import the monitor of that name and make one."""
    made = offered()[name].load()()
    assert isinstance(made, Monitor), f"The entry point {name} of {GROUP} is no Monitor."
    return made
