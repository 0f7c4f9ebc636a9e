"""Who holds a claim: the identity of a process, and whether that process still lives."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import psutil


@cache
def place() -> dict[str, str]:
    """Return what names this machine as processes see it: host name, boot id, PID namespace.

    Two containers on one machine share the boot id but not the namespace, so a process number of one means nothing in
    the other.
    """
    return {
        "host": socket.gethostname(),
        "boot": _read("/proc/sys/kernel/random/boot_id") or f"{psutil.boot_time():.0f}",
        "pids": _link("/proc/self/ns/pid"),
    }


def identity() -> dict[str, Any]:
    """Return the identity of this process: `place`, process number, and start in clock ticks since boot."""
    pid = os.getpid()
    return {**place(), "pid": pid, "start": started(pid)}


def started(pid: int) -> int | None:
    """Return when a process started, in ticks; None when there is none or it is a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None if Path("/proc/self/stat").exists() else _started_elsewhere(pid)
    fields = text.rpartition(")")[2].split()  # the command's name may hold blanks and brackets
    return None if fields[0] in "ZX" else int(fields[19])


def _started_elsewhere(pid: int) -> int | None:
    """Like `started`, on systems without /proc."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else round(process.create_time() * 100)
    except psutil.Error:
        return None


def is_dead(worker: Mapping[str, Any] | None) -> bool:
    """Return True when the process of a claim certainly no longer runs.

    A process on another machine (or in another container) is never certainly dead: its lease decides.
    """
    if not worker or any(worker.get(name) != value for name, value in place().items()):
        return False
    return bool(started(int(worker["pid"])) != worker["start"])


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _link(path: str) -> str:
    try:
        return str(Path(path).readlink())
    except OSError:
        return ""
