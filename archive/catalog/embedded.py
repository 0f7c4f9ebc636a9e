"""The server inside the archive home: started when needed, shared by all, outliving every command.

Whether it runs is asked by connecting, never by a pid. It listens on a socket in a private folder and nowhere else.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import psycopg2
from psycopg2 import sql
from sqlalchemy.engine import URL

from archive.catalog import accounts, cluster
from archive.catalog.binaries import Binaries
from archive.catalog.cluster import FOLDER, PORT, SOCKET, USER, Cluster
from archive.catalog.url import DRIVER
from archive.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from archive.config import Settings

DATABASE = "pinakes"

#: Seconds a server may take to start: crash recovery replays up to max_wal_size of log.
START_TIMEOUT = 3600.0
#: Seconds a server that neither answers nor ends is given before it is told to stop.
PATIENCE = 10.0
STOP_TIMEOUT = 120.0
#: Seconds after which a started server that is not among the processes is taken to have ended.
APPEARANCE = 2.0

State = Literal["up", "busy", "down"]

#: What a server says while it starts, recovers or stops (its messages are in English: lc_messages is C).
_BUSY = ("starting up", "not yet accepting connections", "shutting down", "in recovery mode")


@dataclass(frozen=True)
class Server:
    """The embedded server of one archive home.

    Attributes
    ----------
    home
        The archive home.
    run_as
        Account to use when started by root; empty: see `archive.catalog.accounts.server_account`.
    programs
        PostgreSQL programs to use; None: those that fit.
    options
        Server settings for this start, over those of ``postgresql.conf``.
    """

    home: Path
    run_as: str = ""
    programs: Binaries | None = None
    options: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> Server:
        """Return the server of the archive with these settings."""
        return cls(settings.home, settings.database.run_as)

    def url(self, database: str = DATABASE) -> URL | None:
        """Return where the server is when it runs; None when there is no cluster yet. Cheap: nothing is started.

        Raises
        ------
        DatabaseUnavailable
            When this account may not use the cluster.
        """
        found = cluster.find(self.home)
        return None if found is None else _url(found, database)

    def start(self) -> URL:
        """Make sure that the server runs, making the cluster when there is none, and return its URL.

        Several processes may call this at once: one starts the server, the others wait and share it.

        Raises
        ------
        DatabaseUnavailable
            When it cannot be started; the message repeats what the server said.
        """
        with self._lock():
            found = cluster.find(self.home)
            if found is None:
                found = cluster.make(self.home, accounts.server_account(self.run_as, None, self.home), self.programs)
            if _state(found) != "up":
                self._launch(found)
            _ensure_database(found)
            return _url(found, DATABASE)

    def stop(self) -> bool:
        """Stop the server, ending what its clients do; return False when it did not run.

        Raises
        ------
        DatabaseUnavailable
            When it does not end, or runs where this process cannot see it (another container).
        """
        from archive.catalog import processes

        with self._lock():
            found = cluster.find(self.home)
            if found is None:
                return False
            server = processes.postmaster(found.folder)
            if server is None:
                if _state(found) != "down":
                    raise DatabaseUnavailable("The database server runs outside this container; stop it from there.")
                return False
            server.send_signal(signal.SIGINT)  # "fast": roll back, write a checkpoint, end
            if not processes.gone(found.folder, STOP_TIMEOUT):
                raise DatabaseUnavailable(f"The database server (pid {server.pid}) did not stop in {STOP_TIMEOUT:g} s.")
            return True

    def status(self) -> dict[str, Any]:
        """Return facts about the cluster and its server, without starting anything."""
        from archive.catalog import processes

        found = cluster.find(self.home)
        if found is None:
            return {"state": "absent", "cluster": None, "major": None, "socket": None, "pid": None}
        server = processes.postmaster(found.folder)
        return {
            "state": _state(found),
            "cluster": str(found.folder),
            "major": found.major,
            "socket": str(found.socket_folder / SOCKET),
            "pid": server.pid if server else None,
        }

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Hold the one lock of all starters; the kernel drops it when the holder dies."""
        folder = self.home / FOLDER
        if not folder.exists():
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o711)  # ours: the server's account passes through to its own, private, cluster
        descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _launch(self, found: Cluster) -> None:
        """Start the server of a cluster that does not answer, and wait until it does."""
        account = accounts.server_account(self.run_as, _owner(found, self.run_as, self.home), self.home)
        if not accounts.can_enter(account, found.folder):
            raise DatabaseUnavailable(
                f"The account {account.name!r} cannot reach the database in {found.folder}; let it pass through the "
                "folders above (chmod o+x), or set database.url to a server."
            )
        if _clear_remains(found):
            return
        found.folder.chmod(0o700)  # a copy may have been made with other permissions, which the server refuses
        _make_private(found.socket_folder, account)
        programs = self.programs or cluster.programs_for(account, found.major)
        options = {**self.options, "listen_addresses": "", "unix_socket_directories": str(found.socket_folder)}
        arguments = [f"-p{PORT}", *(part for name, value in options.items() for part in ("-c", f"{name}={value}"))]
        # pg_ctl only to leave our session and terminal; it is not asked to wait, because it believes in pids.
        command = [str(programs["pg_ctl"]), "start", "-W", "-s", "-D", str(found.folder)]
        command += ["-l", str(found.folder / "startup.log"), "-o", shlex.join(arguments)]
        done = subprocess.run(  # noqa: S603 - our own programs
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False,
            env=cluster.environment(), cwd="/", **account.run_as,
        )  # fmt: skip
        if done.returncode:
            raise DatabaseUnavailable(f"The database server could not be started: {done.stderr.strip()}.")
        _wait_until_up(found)


def _url(found: Cluster, database: str) -> URL:
    folder = found.socket_folder
    if folder != found.folder:
        _refuse_foreign(folder, found.uid)
    return URL.create(DRIVER, username=USER, database=database, query={"host": str(folder), "port": str(PORT)})


def _state(found: Cluster, database: str = "postgres") -> State:
    """Ask the server itself."""
    try:
        with closing(_connect(found, database)):
            return "up"
    except psycopg2.OperationalError as error:
        message = str(error)
    if any(phrase in message for phrase in _BUSY):
        return "busy"
    return "up" if "FATAL:" in message else "down"  # any other refusal comes from a server that works


def _connect(found: Cluster, database: str) -> Any:
    return psycopg2.connect(
        host=str(found.socket_folder), port=PORT, user=USER, dbname=database, connect_timeout=5, options=""
    )


def _ensure_database(found: Cluster) -> None:
    """Create the archive's database in a new cluster (or one whose first start was cut short)."""
    try:
        connection = _connect(found, "postgres")
    except psycopg2.OperationalError as error:
        raise DatabaseUnavailable(f"The database server refuses the connection: {str(error).strip()}.") from None
    with closing(connection):
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("select 1 from pg_database where datname = %s", (DATABASE,))
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("create database {} template template0").format(sql.Identifier(DATABASE)))


def _clear_remains(found: Cluster) -> bool:
    """Deal with what an earlier server left behind; return True when one turns out to be up.

    Processes of the cluster that still run are waited for, then told to end. Only when none is left are the lock files
    removed: they may name a pid that now belongs to somebody else, or nothing at all.
    """
    from archive.catalog import processes

    def settled() -> bool:
        return _state(found) == "up" or not processes.of_cluster(found.folder)

    if not processes.wait_for(settled, PATIENCE, 0.05):
        if _state(found) == "busy":  # recovering, or ending a long checkpoint
            processes.wait_for(settled, START_TIMEOUT, 0.2)
        elif server := processes.postmaster(found.folder):  # lives but cannot be reached, e.g. its socket was removed
            server.send_signal(signal.SIGINT)
        else:  # children of a killed server that have not noticed
            processes.signal_all(found.folder, signal.SIGQUIT)
    if _state(found) == "up":
        return True
    if not processes.gone(found.folder, STOP_TIMEOUT):
        pids = ", ".join(str(process.pid) for process in processes.of_cluster(found.folder))
        raise DatabaseUnavailable(f"An earlier database server does not end (processes {pids}); end it and try again.")
    for name in ("postmaster.pid", SOCKET, f"{SOCKET}.lock"):
        for folder in {found.folder, found.socket_folder}:
            (folder / name).unlink(missing_ok=True)
    return False


def _wait_until_up(found: Cluster) -> None:
    from archive.catalog import processes

    last_seen = time.monotonic()

    def decided() -> bool:
        nonlocal last_seen
        if _state(found) == "up":
            return True
        if processes.of_cluster(found.folder):
            last_seen = time.monotonic()
        return time.monotonic() - last_seen > APPEARANCE  # a new process needs a moment to enter its folder

    if not processes.wait_for(decided, START_TIMEOUT):
        raise DatabaseUnavailable(f"The database server did not become ready in {START_TIMEOUT:g} s.")
    if _state(found) != "up":
        raise DatabaseUnavailable(f"The database server did not start: {_last_complaint(found.folder)}.")


def _last_complaint(folder: Path) -> str:
    """Return the last FATAL or PANIC line of the server's logs."""
    logs = [folder / "startup.log", *(folder / "log").glob("server-*.log")]
    for path in sorted((p for p in logs if p.exists()), key=lambda p: -p.stat().st_mtime_ns):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        for line in reversed(lines[-200:]):
            for mark in ("FATAL:", "PANIC:"):
                if mark in line:
                    return line.partition(mark)[2].strip().rstrip(".")
    return f"see the logs in {folder}"


def _owner(found: Cluster, run_as: str, home: Path) -> int:
    """Return the uid the server must run under: the owner of the cluster.

    A cluster that was copied by root belongs to root, whom PostgreSQL refuses; it is given to the account that would
    have made it.
    """
    if found.uid or os.geteuid():
        return found.uid
    account = accounts.server_account(run_as, None, home)
    for path in (found.folder, *found.folder.rglob("*")):
        os.chown(path, account.uid, account.gid, follow_symlinks=False)
    return account.uid


def _make_private(folder: Path, account: accounts.Account) -> None:
    """Make the folder for the socket when it is not the cluster itself."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if account.other and folder.lstat().st_uid == 0:  # just made by us
        os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    _refuse_foreign(folder, account.uid)


def _refuse_foreign(folder: Path, uid: int) -> None:
    """Refuse a socket folder that somebody else made: the server behind it could be anyone's."""
    with suppress(FileNotFoundError):
        facts = folder.lstat()
        if folder.is_symlink() or facts.st_uid != uid or facts.st_mode & 0o077:
            raise DatabaseUnavailable(
                f"The folder {folder} is not private to the database's account; remove it and try again."
            )
