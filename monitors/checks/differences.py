"""Comparing a walk with the catalog while it goes on: files on disk without a row, rows without a file, other sizes."""

from __future__ import annotations

import os
import stat
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from archive.catalog import scans
from archive.catalog.reconcile import Comparison
from archive.store import Home
from archive.store.folders import Area, Folder
from archive.store.listing import list_folder
from archive.store.names import escaped
from monitors.base import Finding, Metric
from monitors.checks.areas import prefix_of
from monitors.checks.filesystem_options import Options

if TYPE_CHECKING:
    from archive.catalog import Catalog
    from monitors.base import Severity

KINDS: Mapping[str, tuple[Severity, str, str]] = {
    "without_row": ("warning", "on disk without a row in the catalog", "take them in or set them aside"),
    "without_file": ("error", "in the catalog without a file on disk", "bring them back or make them anew"),
    "size_differs": ("error", "of another size than in the catalog", "bring the right bytes back"),
}

#: Names shown with a finding.
SHOWN = 20


@dataclass(slots=True)
class Differences:
    """What a comparison found.

    Attributes
    ----------
    rows
        kind, relpath, file_id, disk_bytes, catalog_bytes, file_state of each.
    whole
        Whether everything could be compared and all is in `rows`.
    seconds
        Duration; None: nothing was compared.
    """

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    whole: bool = True
    seconds: float | None = None

    def columns(self) -> dict[str, list[Any]]:
        """Return the columns that `archive.catalog.scans.store_differences` takes."""
        names = ("kind", "relpath", "file_id", "disk_bytes", "catalog_bytes", "file_state")
        return {name: [row[at] for row in self.rows] for at, name in enumerate(names)}

    def metrics(self) -> list[Metric]:
        """Return the number of differences of each kind."""
        if self.seconds is None:
            return []
        counts = Counter(row[0] for row in self.rows)
        numbers = [Metric("differences", counts[kind], "", {"kind": kind}) for kind in KINDS]
        return [*numbers, Metric("reconcile_seconds", self.seconds, "s")]

    def findings(self) -> list[Finding]:
        """Return one finding for each kind there is, with the command that mends it."""
        found = []
        for kind, (severity, what, how) in KINDS.items():
            names = [row[1] for row in self.rows if row[0] == kind]
            if names:
                many = "file is" if len(names) == 1 else "files are"
                more = "" if self.whole else " at least"
                text = f"{len(names)}{more} {many} {what}, first {names[0]!r}; see `pinakes verify --quick`, then "
                facts = {"first": names[:SHOWN]}
                message = f"{text}{how} with `pinakes repair`."
                found.append(Finding(f"file_{kind}", message, severity, "", len(names), facts))
        return found


class Reconciliation:
    """Follows a walk, then compares. Use as a context; without areas to compare it does nothing.

    Parameters
    ----------
    catalog, home, areas
        The archive and what is walked.
    started
        Start of the walk.
    options
        Options.
    """

    def __init__(
        self,
        catalog: Catalog,
        home: Home,
        areas: Sequence[Area],
        started: datetime,
        options: Options,
    ) -> None:
        self._catalog, self._home, self._started, self._options = catalog, home, started, options
        prefixes = {area.name: prefix_of(home, area) for area in areas}
        self._prefixes = {name: prefix for name, prefix in prefixes.items() if prefix} if options.reconcile else {}
        self._areas = {area.name: area for area in areas}
        self._places: dict[str, tuple[Area, str]] = {}
        self._folders: list[tuple[str, int, int, bool]] = []
        self._comparison: Comparison | None = None

    def __enter__(self) -> Self:
        if self._prefixes:
            self._open()
        return self

    def __exit__(self, *error: object) -> None:
        if self._comparison is not None:
            try:
                self._comparison.__exit__(*error)
            finally:
                self._conn.close()

    def _open(self) -> None:
        self._conn = self._catalog.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._comparison = Comparison(self._conn, sorted(self._prefixes.values()))

    def forget(self) -> None:
        """Begin anew: the walk does."""
        self.__exit__(None, None, None)
        self._comparison, self._folders, self._places = None, [], {}
        self.__enter__()

    def sink(self, area: Area, path: str, files: Sequence[tuple[str, int, int]]) -> None:
        """Take files of a folder that is being listed."""
        prefix = self._prefixes.get(area.name)
        if prefix is not None and self._comparison is not None:
            shown = [(name if name.isascii() else escaped(name), size, changed) for name, size, changed in files]
            self._comparison.saw(_join(prefix, path), shown)

    def folder(self, folder: Folder) -> None:
        """Take a folder of the walk."""
        prefix = self._prefixes.get(folder.area)
        if prefix is not None and folder.inode:
            relpath = _join(prefix, folder.path)
            self._folders.append((relpath, folder.n_files, folder.n_bytes, not folder.reused))
            if folder.reused:
                self._places[relpath] = (self._areas[folder.area], folder.path)

    def finish(self, complete: bool) -> Differences:
        """Compare; `complete` says whether the walk looked at everything."""
        if self._comparison is None:
            return Differences()
        begin = time.perf_counter()
        self._comparison.folders(self._folders)
        with self._catalog.read() as conn:
            doubtful = [name for name in scans.open_folders(conn) if name in self._places]
        for relpath in {*self._comparison.unsettled(), *doubtful}:
            area, path = self._places[relpath]
            list_folder(area, os.path.join(os.path.realpath(area.root), path), path, sink=self.sink)  # noqa: PTH118
        self._comparison.listed(doubtful)
        most = self._options.max_differences
        settled = self._started - timedelta(seconds=self._options.settle_s)
        rows = self._comparison.differences(self._started, settled, most=most)
        kept = [row for row in map(self._confirmed, rows) if row is not None]
        return Differences(kept, complete and len(rows) < most, time.perf_counter() - begin)

    def _confirmed(self, row: Any) -> tuple[Any, ...] | None:
        """Look again at a file that was not seen: it may have come meanwhile, or lie where we may not look."""
        if row.kind != "without_file":
            return tuple(row)
        try:
            status = os.lstat(self._home.path(row.relpath))
        except (FileNotFoundError, NotADirectoryError):
            return tuple(row)
        except OSError:
            return None
        return None if stat.S_ISREG(status.st_mode) else tuple(row)


def _join(prefix: str, path: str) -> str:
    return Path(prefix, escaped(path)).as_posix() if path else prefix
