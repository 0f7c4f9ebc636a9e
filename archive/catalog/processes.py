"""The processes of a cluster, told by the folder they work in and never by a pid that a file remembers.

A pid file outlives its process: after a container restart the pid may belong to anything, and an unreaped zombie still
answers signals. Every PostgreSQL process keeps its data folder as its working folder, so that is what is asked.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil

TITLE = "postgres:"


def of_cluster(cluster: Path) -> list[psutil.Process]:
    """Return the living PostgreSQL processes that work in `cluster`; zombies are dead."""
    folder = os.path.realpath(cluster)
    found = []
    for process in psutil.process_iter():
        try:
            alive = process.name().startswith("postgres") and process.status() != psutil.STATUS_ZOMBIE
            if alive and process.cwd() == folder:
                found.append(process)
        except psutil.Error:  # gone meanwhile, or another user's and therefore not ours
            continue
    return found


def postmaster(cluster: Path) -> psutil.Process | None:
    """Return the server process itself: its children call themselves ``postgres: <duty>``."""
    for process in of_cluster(cluster):
        try:
            if not process.cmdline()[0].startswith(TITLE):
                return process
        except (psutil.Error, IndexError):
            continue
    return None


def signal_all(cluster: Path, number: signal.Signals) -> None:
    """Send a signal to every process of the cluster that is still there."""
    for process in of_cluster(cluster):
        try:
            process.send_signal(number)
        except psutil.Error:
            continue


def gone(cluster: Path, timeout: float) -> bool:
    """Wait until no process of the cluster is left; False when some are after `timeout` seconds."""
    return wait_for(lambda: not of_cluster(cluster), timeout)


def wait_for(condition: Callable[[], bool], timeout: float, pause: float = 0.02) -> bool:
    """Ask again until `condition` holds; False when it does not after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True
