"""Sources: from the paths a person names to the files to bring in, each with a signature."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archive.store import Home
from archive.store.dispose import Policy
from archive.store.names import escaped
from archive.store.staging import Stamp

#: Endings of files that somebody is still writing; left out when a folder is walked, taken when named.
UNFINISHED = (".part", ".partial", ".tmp", ".filepart", ".crdownload")


@dataclass(frozen=True, slots=True)
class Origin:
    """A file to bring in.

    Attributes
    ----------
    path
        Where it is; absolute.
    stamp
        What it looked like when it was found.
    after
        What becomes of it once it is safe.
    options
        Options for the instruments, for example ``{"xtce": "/path/definition.xml"}``; JSON-able.
    """

    path: Path
    stamp: Stamp
    after: Policy = "leave"
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The file's own name as text; bytes that are not UTF-8 are escaped."""
        return escaped(self.path.name)

    @property
    def shown(self) -> str:
        """The path as text; bytes that are not UTF-8 are escaped."""
        return escaped(self.path)

    @property
    def key(self) -> str:
        """Signature: SHA-256 over real path, size, mtime, inode and options. The same file unchanged has the same."""
        digest = hashlib.sha256(os.fsencode(self.path.resolve()))
        facts = [self.stamp.size, self.stamp.mtime_ns, self.stamp.inode, dict(self.options)]
        digest.update(b"\0" + json.dumps(facts, sort_keys=True).encode())
        return digest.hexdigest()

    def to_args(self) -> dict[str, Any]:
        """Return the JSON-able arguments of the ingest job."""
        stamp = [self.stamp.size, self.stamp.mtime_ns, self.stamp.inode, self.stamp.device]
        args = {"path": self.shown, "stamp": stamp, "after": self.after, "options": dict(self.options)}
        raw = os.fsencode(self.path)
        if raw != self.shown.encode():
            args["path_base64"] = base64.b64encode(raw).decode()
        return args

    @classmethod
    def from_args(cls, args: Mapping[str, Any]) -> Origin:
        """Return the origin that `to_args` described."""
        raw = args.get("path_base64")
        path = Path(args["path"] if raw is None else os.fsdecode(base64.b64decode(raw)))
        return cls(path, Stamp(*args["stamp"]), args["after"], args["options"])


@dataclass(frozen=True, slots=True)
class Refused:
    """A path that cannot be brought in, with the kind of reason and one sentence."""

    shown: str
    code: str
    message: str


def expand(
    paths: Iterable[Path], home: Home, after: Policy = "leave", options: Mapping[str, Any] | None = None
) -> Iterator[Origin | Refused]:
    """Yield the files that `paths` mean, in order; folders are walked in sorted order.

    Inside folders hidden names and unfinished files (`UNFINISHED`) are left out, and so is the archive home except its
    drop folder. A path that is named is always taken. A folder is walked once, whatever links lead to it. A link found
    in a folder is followed while it stays below the named path: whoever may write into a drop folder cannot have files
    brought in that only the archive's account may read.
    """
    visited: set[tuple[int, int]] = set()
    for path in paths:
        yield from _expand(path.absolute(), path.resolve(), home, after, options or {}, visited)


def _expand(
    path: Path, top: Path, home: Home, after: Policy, options: Mapping[str, Any], visited: set[tuple[int, int]]
) -> Iterator[Origin | Refused]:
    try:
        status = path.stat()
    except OSError as error:
        code = "source_vanished" if isinstance(error, FileNotFoundError) else "source_unreadable"
        yield Refused(escaped(path), code, f"{escaped(path)} cannot be read: {error.strerror}.")
        return
    if stat.S_ISREG(status.st_mode):
        yield Origin(path, Stamp.of(status), after, options)
    elif not stat.S_ISDIR(status.st_mode):
        yield Refused(escaped(path), "not_a_file", f"{escaped(path)} is neither a file nor a folder.")
    elif (status.st_dev, status.st_ino) not in visited:
        visited.add((status.st_dev, status.st_ino))
        yield from _walk(path, top, home, after, options, visited)


def _walk(
    folder: Path, top: Path, home: Home, after: Policy, options: Mapping[str, Any], visited: set[tuple[int, int]]
) -> Iterator[Origin | Refused]:
    real = folder.resolve()
    if real == home.root.resolve():
        folder, real = home.incoming, home.incoming
        top = folder.resolve()
    elif real.is_relative_to(home.root.resolve()) and not real.is_relative_to(home.incoming.resolve()):
        return
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        yield Refused(escaped(folder), "source_unreadable", f"{escaped(folder)} cannot be listed: {error.strerror}.")
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name.endswith(UNFINISHED):
            continue
        if entry.is_symlink() and entry.exists() and not entry.resolve().is_relative_to(top):
            message = f"{escaped(entry)} is a link that leads out of the folder; name the link itself to bring it in."
            yield Refused(escaped(entry), "link_outside", message)
        else:
            yield from _expand(entry, top, home, after, options, visited)
