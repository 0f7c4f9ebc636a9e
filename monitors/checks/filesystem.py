"""The file-system monitor: how much lies where, how it grows, when it is full, and how it differs from the catalog.

One walk over all areas, full or incremental, then the comparison with the catalog. All rows of a run enter the catalog
in the transaction that closes it, or none.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from archive.catalog import run_record, scans, storage
from archive.store import Home
from archive.store.folders import Area, Folder
from archive.store.listing import storable
from archive.store.totals import Space, Totals, spaces
from archive.store.tree import SLOTS, Again, Walk, look_again
from monitors.base import Context, Metric, Monitor, Result
from monitors.checks import areas as watched
from monitors.checks import filesystem_findings as findings
from monitors.checks.differences import Differences, Reconciliation
from monitors.checks.filesystem_options import Options
from monitors.checks.folder_rows import folder_columns, folders_of, run_tables

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from archive.numerics.trend import Forecast


@dataclass(slots=True)
class Survey:
    """One walk and what it added up to."""

    mode: str
    reason: str
    slot: int
    known: dict[tuple[str, str], Folder]
    totals: Totals = field(default_factory=Totals)
    listed: list[Folder] = field(default_factory=list)
    seen: set[tuple[str, str]] = field(default_factory=set)
    n_stats: int = 0
    walk_s: float = 0.0

    def take(self, folder: Folder) -> None:
        """Add one folder."""
        self.totals.add(folder)
        if folder.inode:
            self.seen.add((folder.area, folder.path))
            if not folder.reused and storable(folder.path):
                self.listed.append(folder)

    @property
    def gone(self) -> list[tuple[str, str]]:
        """Folders of the last walk that are there no more; where not everything was looked at, nobody knows."""
        blind = {name for name, area in self.totals.areas.items() if not area.complete}
        return [name for name in self.known if name not in self.seen and name[0] not in blind]

    @property
    def changed(self) -> list[Folder]:
        """Folders that hold another number of files or bytes than at the last walk."""
        before = ((self.known.get((folder.area, folder.path)), folder) for folder in self.listed)
        return [
            folder
            for old, folder in before
            if old is None or (old.n_files, old.n_bytes) != (folder.n_files, folder.n_bytes)
        ]


class FileSystem(Monitor):
    """Walks over the areas."""

    name = "filesystem"
    title = "File system"
    schedule = "20 */6 * * *"
    grace = "30m"
    max_runtime = "5h"
    tables = (
        "ops.scan_run", "ops.scan_area", "ops.scan_count", "ops.scan_element", "ops.scan_folder", "ops.scan_growth",
        "ops.scan_difference",
    )  # fmt: skip

    def run(self, context: Context) -> Result:
        """Walk, compare, and say what needs attention."""
        options = Options.of(context)
        home = Home(context.settings.home)
        areas = watched.areas_of(home, context.options)
        declared = digest(areas, context.options)
        started = datetime.now(UTC)
        with context.catalog.read() as conn:
            last, complete = scans.newest(conn), scans.newest(conn, complete=True)
            before = scans.files_by_area(conn, complete.run_id) if complete is not None else {}
            known = {(folder.area, folder.path): folder for folder in folders_of(scans.folders(conn))}
            survey = plan(options, declared, last, scans.newest(conn, mode="full"), known, started)
        with Reconciliation(context.catalog, home, areas, started, options) as reconciliation:
            survey = walked(areas, survey, options.threads, reconciliation)
            found = reconciliation.finish(survey.totals.complete)
        space = spaces(areas, survey.totals)
        with context.catalog.read() as conn:
            elements = used_elements(conn)
        run = {"run_id": context.run_id, "at": started, "declared": declared, "threads": options.threads}
        store = partial(_store, run=run, areas=areas, survey=survey, found=found, space=space, elements=elements)
        context.at_close(store)
        with context.catalog.read() as conn:
            forecasts = {
                one.mount: storage.forecast(conn, one.mount, started, (one.used, one.available)) for one in space
            }
        totals = survey.totals
        return Result(
            message=_message(survey, found),
            n_in=sum(area.n_entries for area in totals.areas.values()),
            n_failed=sum(sum(area.n_errors.values()) for area in totals.areas.values()),
            metrics=[*_walk_metrics(survey), *_area_metrics(totals), *_space_metrics(space, forecasts),
                     *found.metrics()],
            findings=[*findings.of_walk(totals), *findings.of_space(space, forecasts, options),
                      *findings.of_drops(totals, before, options.dropped), *found.findings()],
        )  # fmt: skip


def used_elements(conn: Connection) -> dict[str, list[Any]]:
    """Return columns of ``ops.scan_element``, for the instruments that say which header keys name their elements."""
    from archive.instruments.base import instruments, optical_elements_of  # numpy: not for who only lists monitors

    columns: dict[str, list[Any]] = {"instrument": [], "element": [], "n_obs": []}
    for name, instrument in instruments().items():
        wanted = optical_elements_of(instrument)
        if wanted is not None:
            for element, count in scans.optical_elements(conn, name, wanted.keys, wanted.observation):
                for column, value in zip(columns.values(), (name, element, count), strict=True):
                    column.append(value)
    return columns


def digest(areas: Sequence[Area], options: Mapping[str, Any]) -> str:
    """Return a text that changes with the areas or with what their names mean: counts taken over are then no good."""
    roots = {area.name: str(area.root) for area in areas}
    return run_record.digest({"roots": roots, "areas": options.get("areas", {}), "version": version("pinakes")})


def plan(
    options: Options, declared: str, last: Any, last_full: Any, known: dict[tuple[str, str], Folder], now: datetime
) -> Survey:
    """Decide whether every folder is listed, and which share of the unchanged ones else.

    A full walk is due after `Options.full_every_days`, and when the areas are others than last time. Each incremental
    walk lists the next of `SLOTS` shares of the unchanged folders, so that all are listed in as many walks.
    """
    slot = 0 if last is None else (last.slot + 1) % SLOTS
    reason = ""
    if last is None or last_full is None or not known:
        reason = "first"
    elif last.declared != declared:
        reason = "settings"
    elif options.full or not any(folder.reusable for folder in known.values()):
        reason = "asked"
    elif now - last_full.at >= timedelta(days=options.full_every_days):
        reason = "due"
    return Survey("full" if reason else "incremental", reason, slot, known)


def walked(areas: Sequence[Area], survey: Survey, threads: int, reconciliation: Reconciliation) -> Survey:
    """Walk; when a new hard link makes an incremental walk doubtful, walk again and list everything.

    When something was moved meanwhile, folders that changed are looked at once more, so that nothing counts twice.
    """
    begin = time.perf_counter()
    again = Again(survey.known, survey.slot) if survey.mode == "incremental" else None
    walk = Walk(areas, again, threads=threads, sink=reconciliation.sink)
    folders = []
    for folder in walk:
        folders.append(folder)
        survey.take(folder)
        reconciliation.folder(folder)
    if walk.moved and not walk.stale:
        survey.totals, survey.listed, survey.seen = Totals(), [], set()
        for folder in look_again(areas, folders):
            survey.take(folder)
    if walk.stale:
        reconciliation.forget()
        fresh = Survey("full", "links", survey.slot, survey.known, n_stats=walk.n_stats)
        return walked(areas, fresh, threads, reconciliation)
    survey.totals.finish()
    survey.n_stats += walk.n_stats
    survey.walk_s = time.perf_counter() - begin
    return survey


def _store(
    conn: Connection,
    *,
    run: Mapping[str, Any],
    areas: Sequence[Area],
    survey: Survey,
    found: Differences,
    space: Sequence[Space],
    elements: Mapping[str, Sequence[Any]],
) -> None:
    """Write everything the run found; called in the transaction that closes it."""
    totals = survey.totals.areas.values()
    row = {
        **run, "mode": survey.mode, "reason": survey.reason, "slot": survey.slot, "walk_s": survey.walk_s,
        "reconcile_s": found.seconds,
        "n_folders": sum(area.n_folders for area in totals), "n_listed": sum(area.n_listed for area in totals),
        "n_entries": sum(area.n_entries for area in totals), "n_stats": survey.n_stats,
        "n_vanished": sum(area.n_errors["vanished"] for area in totals),
        "n_denied": sum(area.n_errors["denied"] for area in totals),
        "n_other": sum(area.n_errors["other"] for area in totals), "complete": survey.totals.complete,
        "errors": [error._asdict() for error in survey.totals.errors],
    }  # fmt: skip
    scans.store(conn, row, {**run_tables(areas, survey.totals, space), "scan_element": elements})
    changed = survey.changed
    growth: dict[str, list[Any]] = {
        "area": [folder.area for folder in changed], "path": [folder.path for folder in changed],
        "n_files": [folder.n_files for folder in changed], "n_bytes": [folder.n_bytes for folder in changed],
    }  # fmt: skip
    scans.store_folders(conn, folder_columns(survey.listed), survey.gone, run["at"], growth)
    if found.seconds is not None:
        scans.store_differences(conn, found.columns(), run["at"], whole=found.whole)


def _message(survey: Survey, found: Differences) -> str:
    areas = survey.totals.areas.values()
    folders = sum(area.n_folders for area in areas)
    files = sum(area.n_files for area in areas)
    listed = sum(area.n_listed for area in areas)
    text = f"{files} files in {folders} folders, {listed} of them listed ({survey.mode})"
    ending = "" if survey.totals.complete else ", not everything could be read"
    return f"{text}{ending}; {len(found.rows)} differences from the catalog."


def _walk_metrics(survey: Survey) -> list[Metric]:
    entries = sum(area.n_entries for area in survey.totals.areas.values())
    rate = entries / survey.walk_s if survey.walk_s else None
    return [
        Metric("walk_seconds", survey.walk_s, "s", {"mode": survey.mode}),
        Metric("walk_entries_per_second", rate, "1/s", {"mode": survey.mode}),
        Metric("walk_stat_calls", survey.n_stats),
        Metric("walk_complete", float(survey.totals.complete)),
    ]


def _area_metrics(totals: Totals) -> list[Metric]:
    found = []
    for name, area in sorted(totals.areas.items()):
        labels = {"area": name}
        found += [
            Metric("area_files", area.n_files, "", labels),
            Metric("area_used_bytes", area.n_bytes, "B", labels),
            Metric("area_allocated_bytes", area.n_alloc, "B", labels),
            Metric("area_unrecognised", area.n_unrecognised, "", labels),
            *(Metric("area_errors", count, "", {**labels, "kind": kind}) for kind, count in area.n_errors.items()),
        ]
    return found


def _space_metrics(space: Sequence[Space], forecasts: Mapping[str, Forecast]) -> list[Metric]:
    found = []
    for one in space:
        labels = {"mount": one.mount}
        forecast = forecasts.get(one.mount)
        found += [
            Metric("device_total_bytes", one.total, "B", labels),
            Metric("device_used_bytes", one.used, "B", labels),
            Metric("device_available_bytes", one.available, "B", labels),
            Metric("device_available_inodes", one.n_inodes_available, "", labels),
            Metric("device_full_in_days", None if forecast is None else forecast.days, "d", labels),
        ]
    return found
