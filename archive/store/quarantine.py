"""Quarantine: files set aside with a reason, each with a manifest that a person can read without the catalog."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from archive.access import Access
from archive.errors import UsageError
from archive.store.fsync import file_hash, sync_file, sync_folders
from archive.store.home import Home
from archive.store.place import place

MANIFEST = ".json"
DATA = ".data"
PART = ".part"


@dataclass(frozen=True, slots=True)
class Manifest:
    """Why a file was set aside.

    Attributes
    ----------
    source
        Where it came from (bytes that are not UTF-8 escaped).
    reason
        Machine name, for example ``not_recognised``.
    message
        One sentence for a person: why, and what to do.
    sha256, size
        Of the bytes; size in bytes.
    at
        When, UTC, ISO 8601.
    """

    source: str
    reason: str
    message: str
    sha256: str
    size: int
    at: str


def relpath_of(sha256: str) -> str:
    """Return where bytes of this hash lie when they are set aside: a function of the bytes alone."""
    return f"quarantine/{sha256[:32]}{DATA}"


def set_aside(
    home: Home, path: Path, *, source: str, reason: str, message: str, sha256: str, size: int, now: datetime
) -> str:
    """Link a staged (or stray) file into quarantine with its manifest; return its path below the home.

    Doing it twice changes nothing but the manifest's time. `path` itself stays where it is.
    """
    relpath = relpath_of(sha256)
    final = home.path(relpath)
    manifest = Manifest(source, reason, message, sha256, size, now.isoformat())
    place(home, path, relpath, sha256)
    write_manifest(final, manifest, home.access)
    sync_folders([home.quarantine])
    return relpath


def divert(home: Home, path: Path, *, reason: str, message: str, now: datetime) -> tuple[str, str, int]:
    """Move a file below the home that no row speaks of into quarantine.

    Returns
    -------
    tuple
        (path in quarantine below the home, sha256, size in bytes).
    """
    sha256, size = file_hash(path)
    source = home.relpath(path)
    to = set_aside(home, path, source=source, reason=reason, message=message, sha256=sha256, size=size, now=now)
    path.unlink()
    sync_folders([path.parent])
    return to, sha256, size


def write_manifest(final: Path, manifest: Manifest, access: Access) -> None:
    """Write the manifest beside the set-aside file, complete or not at all."""
    target = final.with_suffix(MANIFEST)
    part = target.with_name(f".{target.name}.{os.getpid()}{PART}")
    part.unlink(missing_ok=True)
    with os.fdopen(access.new_file(part), "w", encoding="utf-8") as out:
        json.dump(asdict(manifest), out, indent=1)
        out.write("\n")
    sync_file(part)
    part.replace(target)


def read_manifest(final: Path) -> Manifest | None:
    """Return the manifest of a set-aside file, or None when it is missing or damaged."""
    try:
        return Manifest(**json.loads(final.with_suffix(MANIFEST).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def listing(home: Home) -> Iterator[Path]:
    """Yield the set-aside files (not their manifests), sorted by name."""
    if home.quarantine.is_dir():
        yield from sorted(path for path in home.quarantine.iterdir() if path.suffix == DATA)


def parts(home: Home) -> Iterator[Path]:
    """Yield the unfinished manifests that a killed process left."""
    if home.quarantine.is_dir():
        yield from sorted(path for path in home.quarantine.iterdir() if path.name.endswith(PART))


def remove(home: Home, path: Path) -> None:
    """Remove a released file, or the litter of a killed process, from quarantine."""
    if path.parent != home.quarantine:
        raise UsageError(f"{path} is not in quarantine.")
    path.unlink(missing_ok=True)
    if path.suffix == DATA:
        path.with_suffix(MANIFEST).unlink(missing_ok=True)
    sync_folders([home.quarantine])
