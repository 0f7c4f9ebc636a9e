"""Hashing and making sure: what a power cut must not undo."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from archive.access import Access

BLOCK = 1 << 20


def file_hash(path: Path) -> tuple[str, int]:
    """Return (sha256, size in bytes) of a regular file; a symbolic link at the end of `path` is refused."""
    digest = hashlib.sha256()
    size = 0
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size


def sync_file(path: Path) -> None:
    """Wait until the bytes of a file are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folders(folders: Iterable[Path]) -> None:
    """Wait until the names in these folders are on the disk."""
    for folder in sorted(set(folders)):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def make_folder(folder: Path, access: Access) -> None:
    """Make `folder` and what is missing above it, and sync every folder that got a new name."""
    sync_folders(new.parent for new in access.folders(folder))
