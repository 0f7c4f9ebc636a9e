"""What a walk finds: folders with what lies directly in them. Sizes are bytes, times ns since 1970."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from archive.store.grammar import Grammar
from archive.store.names import escaped

#: Names and errors kept of one folder; the rest is counted.
EXAMPLES = 20

ErrorKind = Literal["vanished", "denied", "other"]


class Key(NamedTuple):
    """What files are counted by."""

    instrument: str
    level: str
    suffix: str
    extension: str


class Count(NamedTuple):
    """Files of one `Key`: their number, bytes, bytes allocated on disk, and oldest and newest mtime."""

    n_files: int
    n_bytes: int
    n_alloc: int
    oldest: int
    newest: int


class Link(NamedTuple):
    """One name of a file that has several hard links."""

    device: int
    inode: int
    name: str
    key: Key
    n_bytes: int
    n_alloc: int
    mtime: int


class Error(NamedTuple):
    """An entry or folder that could not be looked at."""

    kind: ErrorKind
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Area:
    """A folder that is watched with everything below it.

    Attributes
    ----------
    name
        Name of the area.
    root
        The folder; a link here is followed, one below it is not.
    grammar
        What the names in it mean.
    trusted
        Whether the times of its folders can be believed; without, every folder is listed each time.
    """

    name: str
    root: Path
    grammar: Grammar
    trusted: bool = True


@dataclass(slots=True)
class Folder:
    """What lies directly in one folder.

    Attributes
    ----------
    area, path
        The area, and the path below its root; empty: the root.
    device, inode, mtime, ctime
        Its own state just before it was listed; inode 0: it could not be opened.
    listed_at
        When it was listed.
    reusable
        Whether a later walk may take this over while that state stays the same.
    reused
        Whether this walk did.
    n_stats
        Calls of the stat kind that this walk made for it.
    moved
        Whether it, or a file in it, was moved (or had its permissions changed) while the walk went on.
    counts, links
        Regular files with one name, and those with several, which are counted when folders are added up.
    n_unrecognised, unrecognised
        Names that the grammar of the area does not know, and the first of them, escaped.
    n_errors, errors
        Entries that could not be looked at, and the first of them.
    complete
        Whether everything in it was looked at; what vanished meanwhile is not missing.
    """

    area: str
    path: str
    device: int = 0
    inode: int = 0
    mtime: int = 0
    ctime: int = 0
    listed_at: int = 0
    reusable: bool = False
    reused: bool = False
    n_stats: int = 0
    n_folders: int = 0
    n_symlinks: int = 0
    n_special: int = 0
    n_unrecognised: int = 0
    counts: dict[Key, Count] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    unrecognised: list[str] = field(default_factory=list)
    n_errors: dict[ErrorKind, int] = field(default_factory=dict)
    errors: list[Error] = field(default_factory=list)
    complete: bool = True
    moved: bool = False

    @property
    def n_entries(self) -> int:
        """Everything in it by name."""
        return self.n_files + self.n_symlinks + self.n_special + self.n_folders

    @property
    def n_files(self) -> int:
        """Regular files by name: each hard link counts."""
        return sum(count.n_files for count in self.counts.values()) + len(self.links)

    @property
    def n_bytes(self) -> int:
        """Bytes of those files."""
        return sum(count.n_bytes for count in self.counts.values()) + sum(link.n_bytes for link in self.links)

    @property
    def n_alloc(self) -> int:
        """Bytes allocated for them."""
        return sum(count.n_alloc for count in self.counts.values()) + sum(link.n_alloc for link in self.links)

    def fail(self, error: OSError, path: str, *, needed: bool = False) -> None:
        """Note that something could not be looked at.

        What has vanished is gone, and nothing is missing, unless it is `needed`: the root of an area.
        """
        kind = kind_of(error)
        self.n_errors[kind] = self.n_errors.get(kind, 0) + 1
        self.complete = self.complete and kind == "vanished" and not needed
        if len(self.errors) < EXAMPLES:
            self.errors.append(Error(kind, escaped(path), error.strerror or type(error).__name__))


def kind_of(error: OSError) -> ErrorKind:
    """Return the class of an error."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "vanished"
    return "denied" if isinstance(error, PermissionError) else "other"
