"""Bring sources in: from paths to jobs, through an engine, to a report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, delete, update

from archive import log
from archive.catalog import Catalog
from archive.catalog.bulk import copy_rows
from archive.catalog.schema import file_problem, job
from archive.config import Settings
from archive.errors import HashMismatch, UnreadableSource
from archive.ingest.commit import ASSEMBLE
from archive.ingest.known import KIND, came_in
from archive.ingest.recognise import recognised
from archive.ingest.report import FileReport, Report
from archive.ingest.sources import Origin, Refused, expand
from archive.jobs import Outcome, engines, ledger
from archive.jobs.drain import Drain
from archive.jobs.faults import patiently
from archive.store import Home, staging
from archive.store.dispose import Policy, dispose

_log = log.get("ingest")

#: Sources looked up in one transaction.
BATCH = 500


def ingest(
    catalog: Catalog,
    settings: Settings,
    paths: Iterable[Path],
    *,
    engine: str | None = None,
    workers: int | None = None,
    dask: str | None = None,
    after: Policy | None = None,
    options: Mapping[str, Any] | None = None,
    follow: bool = True,
    tell: Callable[[FileReport], None] | None = None,
) -> Report:
    """Bring files and folders into the archive; return when each has come in, or cannot.

    Parameters
    ----------
    catalog
        The catalog of the archive.
    settings
        Settings of the archive.
    paths
        Files and folders.
    engine, workers, after
        In place of the settings of the same names.
    dask
        Address of a Dask scheduler; implies the engine ``dask``.
    options
        Options for the instruments, for example ``{"xtce": "/path/definition.xml"}``; JSON-able.
    follow
        Whether to carry out the follow-up jobs too.
    tell
        Called with the report of each source as it ends.

    Returns
    -------
    Report
        The counts.

    Raises
    ------
    DatabaseUnavailable
        When the catalog goes away and does not come back within a lease. Nothing is lost: the same call goes on.
    """
    chosen = engines.make(
        engine or settings.ingest.engine, settings.ingest.workers if workers is None else workers, dask
    )
    with closing(chosen):
        session = Session(catalog, settings, chosen, after or settings.ingest.after, options or {}, follow)
        return session.bring_in(paths, tell)


@dataclass
class _Plan:
    """What a look at the ledger gave: sources that are settled, and jobs to run with their sources."""

    settled: list[FileReport] = field(default_factory=list)
    jobs: dict[int, str] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)


class Session:
    """Brings sources in, any number of times, on one engine."""

    def __init__(
        self,
        catalog: Catalog,
        settings: Settings,
        engine: engines.Engine,
        after: Policy,
        options: Mapping[str, Any],
        follow: bool,
    ) -> None:
        self._catalog = catalog
        self._settings = settings
        self._home = Home(settings.home, settings.access())
        self._after = after
        self._options = options
        self._follow = follow
        self._patience = settings.ingest.lease
        self._drain = Drain(catalog, engine, str(settings.home), self._patience)
        self.total = 0

    def bring_in(self, paths: Iterable[Path], tell: Callable[[FileReport], None] | None = None) -> Report:
        """Bring in what `paths` mean and tell the end of each source."""
        report = Report()

        def note(one: FileReport) -> None:
            report.add(one)
            if tell is not None:
                tell(one)

        housekeeping(self._catalog, self._home, self._patience)
        jobs: dict[int, str] = {}
        asked: list[int] = []
        found = expand(paths, self._home, self._after, self._options)
        while batch := list(islice(found, BATCH)):
            plan = patiently(partial(self._plan, batch), self._patience)
            jobs |= plan.jobs
            asked += plan.asked
            self.total = len(jobs)
            for one in plan.settled:
                note(one)
        for outcome in self._drain.run(list(jobs)):
            note(FileReport.of(jobs[outcome.job_id], outcome))
        if self._follow:
            # Of all sources, the settled ones too: a killed run may have left its follow-ups undone.
            for outcome in self._drain.follow_ups(asked):
                _count_follow_up(report, outcome)
            # A source that a killed run had disposed of cannot be named again; its events may still want assembling.
            assembled = []
            for outcome in self._drain.everything([ASSEMBLE]):
                assembled.append(outcome.job_id)
                _count_follow_up(report, outcome)
            for outcome in self._drain.follow_ups(assembled):
                _count_follow_up(report, outcome)
        housekeeping(self._catalog, self._home, self._patience)  # after workers that died on the way
        return report

    def _plan(self, batch: Sequence[Origin | Refused]) -> _Plan:
        """Ask for the jobs of a batch of sources, and see which sources are settled already."""
        plan = _Plan()
        origins = {one.key: one for one in batch if isinstance(one, Origin)}
        refused = [one for one in batch if isinstance(one, Refused)]
        attempts = self._settings.ingest.max_attempts
        with self._catalog.begin() as conn:
            _note_refused(conn, refused)
            asked = [(key, origin.to_args()) for key, origin in origins.items()]
            ledger.enqueue(conn, KIND, asked, max_attempts=attempts)
            for row in came_in(conn, list(origins)):
                origin = origins[row.key]
                plan.asked.append(row.id)
                if self._is_settled(origin, row):
                    plan.settled.append(self._skipped(origin, row))
                    continue
                plan.jobs[row.id] = origin.shown
                _reopen(conn, row, origin, attempts)
        plan.settled += [FileReport(one.shown, "failed", message=one.message) for one in refused]
        return plan

    def _is_settled(self, origin: Origin, row: Row[Any]) -> bool:
        """Whether this very file came in before and needs nothing more."""
        if row.state == "done":
            return bool(row.file_state == "available")
        if row.state != "quarantined" or row.file_state != "quarantined":
            return False
        if (row.result or {}).get("reason") == "kills_decoder":
            return True
        try:  # an instrument that was installed since may know it
            return recognised(origin.path, origin.name, origin.stamp.size, origin.options) is None
        except UnreadableSource:
            return True

    def _skipped(self, origin: Origin, row: Row[Any]) -> FileReport:
        """Report a settled source; what a killed run left undone (its disposal) is done now."""
        if origin.after != "leave":
            try:
                dispose(self._home, origin.path, origin.stamp, row.relpath, row.sha256, origin.after)
            except (OSError, HashMismatch) as error:
                _log.warning("%s was left in place: %s", origin.shown, error)
        message = "Set aside before; its bytes are in quarantine." if row.state == "quarantined" else ""
        return FileReport(origin.shown, "skipped", row.file_id, row.relpath, message=message)


def housekeeping(catalog: Catalog, home: Home, patience: float) -> list[Path]:
    """Take over the claims of the dead and sweep the staging folders nobody works in; return what was removed."""

    def look() -> list[Path]:
        entries = [entry for entry, _ in staging.claims(home)]
        with catalog.begin() as conn:
            ledger.recover(conn)
            live = ledger.live(conn)
        return staging.sweep(home, entries, live)

    return patiently(look, patience)


def _reopen(conn: Connection, row: Row[Any], origin: Origin, attempts: int) -> None:
    """Queue a job anew that ended without its bytes being safe; bring its arguments up to date."""
    if row.state not in ledger.OPEN:
        ledger.revive(conn, [row.id], attempts, ("done", "failed", "quarantined"))
    if row.state != "running" and row.args.get("after") != origin.after:
        conn.execute(update(job).where(job.c.id == row.id).values(args={**row.args, "after": origin.after}))


def _note_refused(conn: Connection, refused: Sequence[Refused]) -> None:
    """Write why paths could not even be looked at, once however often they are named."""
    if not refused:
        return
    shown = [one.shown for one in refused]
    old = file_problem.c.file_id.is_(None) & file_problem.c.job_id.is_(None) & file_problem.c.source.in_(shown)
    conn.execute(delete(file_problem).where(old))
    columns = {
        "source": shown,
        "code": [one.code for one in refused],
        "severity": ["error"] * len(refused),
        "message": [one.message for one in refused],
    }
    copy_rows(conn, file_problem, columns)


def _count_follow_up(report: Report, outcome: Outcome) -> None:
    if outcome.state == "done":
        report.assembled += int(outcome.result.get("groups", 0))
        report.products += int(outcome.result.get("products", 0))
    else:
        report.errors += 1
        _log.warning("follow-up job %d: %s: %s", outcome.job_id, outcome.state, outcome.message)
