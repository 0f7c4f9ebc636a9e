"""The archive home: which folder holds what, and how a path in the catalog becomes a path on disk."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from archive.access import Access
from archive.errors import NoArchive, UsageError

SETTINGS_FILE = "pinakes.toml"

SETTINGS_TEXT = """\
# Settings of this Pinakes archive. Every setting has a default; `pinakes config show --origin` lists them all.
# Environment variables PINAKES_<SECTION>_<NAME> and command-line flags come before what is written here.

[database]
# Empty: the archive runs its own PostgreSQL server in database/. A password never belongs in this file.
url = {url}
"""


@dataclass(frozen=True, slots=True)
class Home:
    """The folders of one archive.

    Attributes
    ----------
    root
        The archive home, absolute.
    access
        Permissions of what is written into it.
    """

    root: Path
    access: Access = field(default_factory=Access, compare=False, repr=False)

    @property
    def settings(self) -> Path:
        """The settings file."""
        return self.root / SETTINGS_FILE

    @property
    def files(self) -> Path:
        """Files under their final names; complete and never changed."""
        return self.root / "files"

    @property
    def previews(self) -> Path:
        """Pictures made from the files."""
        return self.root / "previews"

    @property
    def incoming(self) -> Path:
        """The drop folder that ``pinakes ingest --watch`` follows."""
        return self.root / "incoming"

    @property
    def done(self) -> Path:
        """Where sources go once they are safe, with the policy ``move``."""
        return self.incoming / ".done"

    @property
    def staging(self) -> Path:
        """Work in progress: one folder per claim, never visible under a final name."""
        return self.root / ".staging"

    @property
    def quarantine(self) -> Path:
        """Files set aside, each with a manifest."""
        return self.root / "quarantine"

    @property
    def state(self) -> Path:
        """What can be made again at any time: compiled kernels, sockets."""
        return self.root / "state"

    @property
    def folders(self) -> tuple[Path, ...]:
        """Every folder a new home gets."""
        logs, site = self.root / "logs", self.root / "site"
        return self.files, self.previews, self.incoming, self.staging, self.quarantine, self.state, logs, site

    def path(self, relpath: str) -> Path:
        """Return where the catalog's `relpath` is on disk.

        Raises
        ------
        UsageError
            When `relpath` is not a plain path below the home.
        """
        parts = PurePosixPath(relpath).parts
        if not parts or relpath.startswith("/") or ".." in parts or "\0" in relpath:
            raise UsageError(f"{relpath!r} is not a path below the archive home.")
        return self.root.joinpath(*parts)

    def relpath(self, path: Path) -> str:
        r"""Return `path` as the catalog writes it: below the home, with forward slashes.

        Bytes of a name that are not UTF-8 come out as ``\xNN``; such a path is for people, never for opening.
        """
        relative = path.relative_to(self.root).as_posix()
        return os.fsencode(relative).decode("utf-8", "backslashreplace")

    def require(self) -> None:
        """Raise `NoArchive` when this is not an archive home."""
        if not self.settings.is_file():
            raise NoArchive(f"There is no archive at {self.root}; make one with `pinakes init --home {self.root}`.")


def init_home(root: Path, database_url: str | None = None, access: Access | None = None) -> Home:
    """Make the folders and the settings file of an archive; what is there already stays as it is.

    Parameters
    ----------
    root
        The archive home to be.
    database_url
        Server to write into a new settings file; None or empty: the archive's own server.
    access
        Permissions of new folders and of the settings file.
    """
    home = Home(root.absolute(), access or Access())
    for folder in home.folders:
        home.access.folders(folder)
    try:
        with os.fdopen(home.access.new_file(home.settings), "w", encoding="utf-8") as out:
            out.write(SETTINGS_TEXT.format(url=json.dumps(database_url or "")))
    except FileExistsError:
        if database_url and json.dumps(database_url) not in home.settings.read_text(encoding="utf-8"):
            raise UsageError(f"{home.settings} exists already; change database.url there.") from None
    return home
