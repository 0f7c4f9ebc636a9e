"""The data folder of the embedded server: where it is, how it is made, and which programs open it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import uuid
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from archive import log
from archive.catalog import accounts, binaries
from archive.catalog.accounts import Account
from archive.catalog.binaries import Binaries
from archive.errors import DatabaseUnavailable

FOLDER = "database"
RECORD = "location.json"

#: Where a cluster goes that the server's account could not reach inside the home.
STATE_ROOT = Path("/var/lib/pinakes")

USER = "pinakes"
PORT = 5432
SOCKET = f".s.PGSQL.{PORT}"

#: sockaddr_un.sun_path holds 104 bytes on BSD and macOS, 108 on Linux; some are kept for the server's lock file.
LONGEST_SOCKET_PATH = 99

CONFIGURATION = """
# Written by Pinakes when the cluster was made. Change what you like; these lines are not written again.
listen_addresses = ''
unix_socket_permissions = 0700
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
shared_buffers = {shared}MB
effective_cache_size = {cache}MB
maintenance_work_mem = {maintenance}MB
max_wal_size = 4GB
random_page_cost = 1.1
jit = off
fsync = on
logging_collector = on
log_directory = 'log'
log_filename = 'server-%a.log'
log_truncate_on_rotation = on
log_rotation_size = 0
log_checkpoints = off
"""


@dataclass(frozen=True)
class Cluster:
    """A cluster that exists: its folder, major version and owner."""

    folder: Path
    major: int
    uid: int

    @property
    def socket_folder(self) -> Path:
        """Where its socket is: in the cluster, or in a short private folder when that path is too long."""
        if len(os.fsencode(self.folder / SOCKET)) <= LONGEST_SOCKET_PATH:
            return self.folder
        digest = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]
        # Not TMPDIR or XDG_RUNTIME_DIR: a login session and cron must agree.
        return Path("/tmp") / f"pinakes-{self.uid}-{digest}"  # noqa: S108 - made private, and its owner is checked


def find(home: Path) -> Cluster | None:
    """Return the cluster of the archive at `home`, or None when it has none yet.

    Raises
    ------
    DatabaseUnavailable
        When this account may not see it, or the home is a copy whose cluster belongs to the original.
    """
    folder = home / FOLDER
    try:
        recorded = _recorded(home)
        paths = [recorded] if recorded else [path for path in folder.glob("pg[0-9]*") if path.name[2:].isdecimal()]
        found = [
            Cluster(path, int((path / "PG_VERSION").read_text()), path.stat().st_uid)  # unreadable: not ours to use
            for path in paths
        ]
    except PermissionError as error:
        raise DatabaseUnavailable(
            f"The archive's database belongs to another account ({error.filename}); run this as that account or as "
            "root, or set database.url to a server."
        ) from None
    return max(found, key=lambda cluster: cluster.major, default=None)


def make(home: Path, account: Account, programs: Binaries | None = None) -> Cluster:
    """Make the cluster of the archive at `home`; the caller holds the lock.

    The cluster appears under its name only when complete: a killed initdb leaves a folder that the next one removes.

    Raises
    ------
    DatabaseUnavailable
        When there are no programs, or initdb fails; the message repeats what it said.
    """
    programs = programs or programs_for(account, None)
    parent = home / FOLDER
    if not accounts.can_enter(account, parent):
        parent = _outside(home)
    for leftover in parent.glob("new-*"):
        shutil.rmtree(leftover)
    unfinished = parent / f"new-{uuid.uuid4().hex[:8]}"
    unfinished.mkdir(mode=0o700)
    if account.other:
        os.chown(unfinished, account.uid, account.gid)
    _initdb(unfinished, account, programs)
    folder = parent / f"pg{programs.major}"
    unfinished.rename(folder)
    log.get("catalog").info("made a PostgreSQL %d cluster in %s", programs.major, folder)
    return Cluster(folder, programs.major, account.uid)


def programs_for(account: Account, major: int | None) -> Binaries:
    """Return programs that `account` can run; those of the wheel are copied to where it can when need be.

    Raises
    ------
    DatabaseUnavailable
        When there are none.
    """
    first = binaries.choose(major)
    if not account.other:
        return first
    fitting = [b for b in binaries.installed() if major in (None, b.major)]
    for candidate in fitting:
        if accounts.can_run(account, candidate["postgres"]):
            return candidate
    for candidate in fitting:
        if binaries.WHEEL in candidate.folder.parts:
            return _copy_programs(candidate)
    raise DatabaseUnavailable(
        f"The account {account.name!r} cannot run {first['postgres']}; set database.run_as to one that can."
    )


def _initdb(folder: Path, account: Account, programs: Binaries) -> None:
    # No locale of the machine: it need not be installed, and would order text differently from server to server.
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if programs.major >= 17 else []
    command = [
        *(str(programs["initdb"]), "-D", str(folder), "-U", USER, "--encoding=UTF8", "--auth=trust", "--locale=C"),
        *locale,
    ]
    done = subprocess.run(  # noqa: S603 - our own programs
        command,
        capture_output=True,
        text=True,
        errors="replace",
        env=environment(),
        cwd="/",
        check=False,
        **account.run_as,
    )
    if done.returncode:
        complaint = next((line for line in done.stderr.splitlines() if "error:" in line), done.stderr.strip())
        raise DatabaseUnavailable(f"The database could not be made in {folder.parent}: {complaint}.")
    import psutil

    memory = psutil.virtual_memory().total // 2**20
    with (folder / "postgresql.conf").open("a", encoding="utf-8") as stream:
        stream.write(
            CONFIGURATION.format(
                shared=min(512, max(32, memory // 16)),
                cache=max(128, memory // 2),
                maintenance=min(256, max(32, memory // 16)),
            )
        )


def environment() -> dict[str, str]:
    """Return the environment of the server's programs: no locale and no libpq setting of whoever starts them."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PG", "PINAKES_"))}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def _recorded(home: Path) -> Path | None:
    """Return the cluster outside the home that the home records, if it does."""
    try:
        record = json.loads((home / FOLDER / RECORD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    original = Path(record["home"])
    if original != home and (original / FOLDER / RECORD).exists() and not original.samefile(home):
        raise DatabaseUnavailable(
            f"{home} is a copy of {original}, whose database lies in {record['folder']}; give the copy its own: remove "
            f"{home / FOLDER / RECORD}, then `pinakes db restore` a dump of the original."
        )
    found = sorted(Path(record["folder"]).glob("pg[0-9]*"), key=lambda path: int(path.name[2:]))
    return found[-1] if found else None


def _outside(home: Path) -> Path:
    """Return the folder in the system's state that the home records for its cluster, making both when new."""
    record = home / FOLDER / RECORD
    if record.exists():
        return Path(json.loads(record.read_text(encoding="utf-8"))["folder"])
    folder = STATE_ROOT / uuid.uuid4().hex[:12]
    _public_folder(STATE_ROOT)
    _public_folder(folder)
    (folder / "home").write_text(f"{home}\n", encoding="utf-8")  # so that an administrator knows whose it is
    unfinished = record.with_suffix(".new")
    unfinished.write_text(json.dumps({"folder": str(folder), "home": str(home)}) + "\n", encoding="utf-8")
    unfinished.replace(record)
    log.get("catalog").info("the server's account cannot reach %s; its cluster lies in %s", home, folder)
    return folder


def _public_folder(path: Path) -> None:
    if not path.exists():
        path.mkdir(parents=True)
        path.chmod(0o755)  # whatever the umask: the server's account must pass


def _copy_programs(programs: Binaries) -> Binaries:
    """Copy the wheel's programs, with the libraries beside them, to where every account can run them."""
    package = programs.folder.parents[1]
    target = STATE_ROOT / "programs" / f"{binaries.WHEEL}-{version(binaries.WHEEL)}-{programs.major}"
    copied = Binaries(target / package.name / programs.folder.parent.name / "bin", programs.major)
    if target.exists():
        return copied
    _public_folder(STATE_ROOT)
    _public_folder(target.parent)
    unfinished = target.parent / f"new-{uuid.uuid4().hex[:8]}"
    libraries = package.with_name(f"{package.name}.libs")
    # The programs find their libraries by this relative path.
    shutil.copytree(programs.folder.parent, unfinished / package.name / programs.folder.parent.name, symlinks=True)
    if libraries.exists():
        shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
    for path in (unfinished, *unfinished.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    try:
        unfinished.rename(target)
    except OSError:  # another process was faster
        shutil.rmtree(unfinished)
    return copied
