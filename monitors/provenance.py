"""Where a run took place: machine, process, account, code and the versions of what it is made of."""

from __future__ import annotations

import getpass
import os
import platform
import re
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from archive.jobs.process import identity

DISTRIBUTION = "pinakes"

#: Environment variables worth keeping; everything else may hold secrets.
ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ", "HOME", "PINAKES_HOME", "PYTHONPATH", "VIRTUAL_ENV", "INVOCATION_ID")


def process() -> dict[str, Any]:
    """Return the columns of ``ops.monitor_run`` that name this process."""
    own = identity()
    return {
        "host": own["host"],
        "boot_id": own["boot"],
        "pid_namespace": own["pids"],
        "pid": own["pid"],
        "start_ticks": own["start"],
        "user_name": account(),
        "version": code_version(),
    }


def environment() -> dict[str, Any]:
    """Return the interpreter, the packages and the kept environment variables."""
    return {
        "python": platform.python_version(),
        "executable": sys.executable,
        "system": platform.platform(),
        "packages": packages(),
        "environment": {name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
    }


def account() -> str:
    """Return the name of the account, or its number when it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


@cache
def code_version() -> str:
    """Return our version, with the commit when we run from a checkout: ``0.1.0+g8898284``."""
    commit = _commit(Path(__file__).parents[1] / ".git")
    return version(DISTRIBUTION) + (f"+g{commit[:7]}" if commit else "")


@cache
def packages() -> dict[str, str]:
    """Return the versions of our direct dependencies, from their metadata; nothing is imported."""
    found = {}
    for requirement in requires(DISTRIBUTION) or ():
        match = re.match(r"[A-Za-z0-9._-]+", requirement)
        if match is None or "extra ==" in requirement:
            continue
        try:
            found[match[0]] = version(match[0])
        except PackageNotFoundError:
            found[match[0]] = "missing"
    return found


def _commit(git: Path) -> str:
    """Return the commit that is checked out, read from git's own files; empty outside a checkout."""
    try:
        head = (git / "HEAD").read_text(encoding="ascii").strip()
        if not head.startswith("ref: "):
            return head
        name = head.removeprefix("ref: ")
        if (git / name).is_file():
            return (git / name).read_text(encoding="ascii").strip()
        packed = (git / "packed-refs").read_text(encoding="utf-8").splitlines()
        return next((line.split()[0] for line in packed if line.endswith(" " + name)), "")
    except OSError:
        return ""
