"""Which account the embedded server runs under, and whether that account can reach a folder or a program."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archive.errors import DatabaseUnavailable

#: Accounts a server started by root may use when none is named, in this order.
UNPRIVILEGED = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """An account of this machine. ``other`` is True when it is not the one this process runs under."""

    uid: int
    gid: int
    name: str
    other: bool

    @property
    def run_as(self) -> dict[str, Any]:
        """Arguments for `subprocess` that start a program under this account and no group but its own."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.other else {}


def server_account(named: str, owner: int | None, home: Path) -> Account:
    """Return the account the server of an archive runs under.

    An ordinary user runs it as himself. PostgreSQL refuses to run as root; started by root it runs under, in this
    order: the owner of a cluster that is there already, `named`, the owner of the home, postgres, nobody.

    Parameters
    ----------
    named
        The setting database.run_as.
    owner
        User id that owns the existing cluster; None when there is no cluster.
    home
        The archive home.

    Raises
    ------
    DatabaseUnavailable
        When root has no account to use.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), _name(os.geteuid()), other=False)
    if owner:
        return _by_uid(owner)
    if named:
        return _by_name(named)
    home_owner = home.stat().st_uid if home.exists() else 0
    if home_owner and _known(home_owner):
        return _by_uid(home_owner)
    for name in UNPRIVILEGED:
        try:
            return _by_name(name)
        except DatabaseUnavailable:
            continue
    raise DatabaseUnavailable(
        "PostgreSQL does not run as root; name an ordinary account in the setting database.run_as."
    )


def can_enter(account: Account, folder: Path) -> bool:
    """Say whether `account` may pass through `folder` and everything above it."""
    if not account.other:
        return os.access(folder, os.X_OK)
    return _succeeds(account, ["/bin/sh", "-c", 'test -x "$1"', "sh", str(folder)])


def can_run(account: Account, program: Path) -> bool:
    """Say whether `account` can start `program` with the libraries it needs."""
    return _succeeds(account, [str(program), "--version"])


def _succeeds(account: Account, command: list[str]) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, cwd="/", timeout=60, check=False, **account.run_as)  # noqa: S603 - our own programs
    except PermissionError:  # the program itself is out of reach
        return False
    return done.returncode == 0


def _by_name(name: str) -> Account:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise DatabaseUnavailable(f"There is no account {name!r} (setting database.run_as) on this machine.") from None
    if entry.pw_uid == 0:
        raise DatabaseUnavailable(f"The account {name!r} (setting database.run_as) is root; PostgreSQL refuses that.")
    return Account(entry.pw_uid, entry.pw_gid, name, other=True)


def _by_uid(uid: int) -> Account:
    try:
        return _by_name(pwd.getpwuid(uid).pw_name)
    except KeyError:
        return Account(uid, uid, _name(uid), other=True)


def _known(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
