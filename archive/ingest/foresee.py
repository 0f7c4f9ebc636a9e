"""What ingest would do with each source: looked at in the same way, and nothing changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from archive.catalog import Catalog
from archive.config import Settings
from archive.errors import UnreadableSource
from archive.ingest import known
from archive.ingest.recognise import recognised
from archive.ingest.report import FileReport
from archive.ingest.sources import Origin, Refused, expand
from archive.store import Home
from archive.store.fsync import file_hash


def foresee(
    catalog: Catalog, settings: Settings, paths: Iterable[Path], options: Mapping[str, Any] | None = None
) -> Iterator[FileReport]:
    """Yield what would become of each source; what is inside new files nobody knows before they are decoded.

    Parameters
    ----------
    catalog, settings
        The archive.
    paths
        Files and folders.
    options
        Options for the instruments.
    """
    seen: dict[str, str] = {}
    for one in expand(paths, Home(settings.home, settings.access()), options=options):
        if isinstance(one, Refused):
            yield FileReport(one.shown, "failed", message=one.message)
            continue
        try:
            yield _look(catalog, one, seen)
        except (OSError, UnreadableSource) as error:
            why = str(error) if isinstance(error, UnreadableSource) else f"It cannot be read: {error.strerror}."
            yield FileReport(one.shown, "failed", message=why)


def _look(catalog: Catalog, origin: Origin, seen: dict[str, str]) -> FileReport:
    with catalog.read() as conn:
        before = next(iter(known.came_in(conn, [origin.key])), None)
    if before is not None and before.state == "done" and before.file_state == "available":
        return FileReport(origin.shown, "skipped", before.file_id, before.relpath)
    sha256, size = file_hash(origin.path.resolve())
    with catalog.read() as conn:
        twin = known.find(conn, sha256)
    if twin is not None and twin.held:
        return FileReport(origin.shown, "duplicate", twin.file_id, twin.relpath, message="Its bytes came in before.")
    if twin is not None and twin.lost:
        return FileReport(origin.shown, "restored", twin.file_id, twin.relpath, message="The archive lost its bytes.")
    if sha256 in seen:
        return FileReport(origin.shown, "duplicate", message=f"It has the bytes of {seen[sha256]}.")
    seen[sha256] = origin.shown
    claim = recognised(origin.path, origin.name, size, origin.options)
    if claim is None:
        return FileReport(origin.shown, "quarantined", message="No installed instrument recognises it.")
    return FileReport(origin.shown, "new", message=f"{claim.instrument} {claim.product}, {size} bytes.")
