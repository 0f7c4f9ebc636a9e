"""Your own Python as a recorded run: a block, or a function.

    with recorded(settings, "nightly-fit") as run:
        run.n_in = len(events)

It gets the row, the log file and the sign of life that `pinakes exec` gives a command, without a process of its own:
what is raised is raised, what is returned is returned, and SIGTERM ends it as killed.
"""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from archive import log
from archive.catalog import run_record
from archive.config import Settings
from archive.errors import Locked
from monitors import foreign
from monitors.child import RunLog, describe
from monitors.runner import Pulse

#: Exit code of a process that SIGTERM ended, as a shell tells it.
TERMINATED = 128 + signal.SIGTERM


class Run:
    """What the block tells about itself.

    Attributes
    ----------
    run_id
        Name of the run; programs that the block starts belong to it.
    n_in, n_done, n_skipped, n_failed
        Counts of what it was given and what became of it; None: not counted.
    message
        One sentence for the table of runs.
    """

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.n_in: int | None = None
        self.n_done: int | None = None
        self.n_skipped: int | None = None
        self.n_failed: int | None = None
        self.message: str | None = None


@contextlib.contextmanager
def recorded(
    settings: Settings,
    name: str,
    *,
    schedule: str | None = None,
    zone: str = "UTC",
    single: bool = False,
    patience: float = foreign.PATIENCE,
) -> Iterator[Run]:
    """Record a block as a run of the job `name`; as a decorator it records every call of a function.

    Parameters
    ----------
    settings
        The settings of the archive.
    name
        The job.
    schedule, zone
        When it is due, for its health: a cron expression or an interval.
    single
        Whether it must not run beside itself.
    patience
        Seconds for which the end waits for a database that is away; the record then waits on disk.

    Raises
    ------
    UsageError
        When the name or schedule cannot be used.
    Locked
        When `single` and it runs already; the refusal is recorded.
    """
    job = foreign.declaration(settings, name, schedule, zone)
    run_id = run_record.new_run_id()
    row, refused = foreign.begin(settings, job, run_id, sys.argv, single=single)
    if refused:
        raise Locked(f"{name} {refused}")
    access = settings.access()
    book = RunLog(settings.home / row["log_path"], str(run_id), settings.log.environment, access)
    foreign.note_begin(book, job, row)
    run, before, began = Run(str(run_id)), _used(), time.monotonic()
    state, error = "success", None
    with _logging_to(book), _belonging_to(str(run_id)), _ended_by_sigterm() as killed, Pulse(settings, run_id):
        try:
            yield run
        except BaseException as caught:
            state, error = _judged(caught, killed), caught
            if state != "success":
                log.get(f"run.{name}").error("the run failed", exc_info=caught)
            raise
        finally:
            values = {**_measured(before, began), "n_warnings": book.warnings + access.count, "n_errors": book.errors}
            values |= {n: getattr(run, n) for n in ("n_in", "n_done", "n_skipped", "n_failed", "message")}
            values |= {"exit_code": 0} if state == "success" else _why(state, error)
            foreign.end(settings, job, row, book, state, values, patience=patience)


def _judged(error: BaseException, killed: threading.Event) -> str:
    if isinstance(error, KeyboardInterrupt) or killed.is_set():
        return "killed"
    return "success" if isinstance(error, SystemExit) and not error.code else "failure"


def _why(state: str, error: BaseException | None) -> dict[str, Any]:
    if error is None:  # the block was left as a generator is: nobody came back to it
        return {"error_type": "Left", "error_message": "The block was never ended."}
    code = error.code if isinstance(error, SystemExit) and isinstance(error.code, int) else 1
    ended = {"signal": int(signal.SIGTERM), "exit_code": None} if state == "killed" else {"exit_code": code}
    return {**describe(error), **ended}


@contextlib.contextmanager
def _logging_to(book: RunLog) -> Iterator[None]:
    """Let every logger of this process write to the log of the run."""
    loggers = [logging.getLogger(), logging.getLogger(log.LOGGER)]
    chosen = loggers[:1] if loggers[1].propagate else loggers
    for logger in chosen:
        logger.addHandler(book)
    try:
        yield
    finally:
        for logger in chosen:
            logger.removeHandler(book)


@contextlib.contextmanager
def _belonging_to(run_id: str) -> Iterator[None]:
    before = os.environ.get(log.RUN)
    os.environ[log.RUN] = run_id
    try:
        yield
    finally:
        os.environ.pop(log.RUN)
        if before is not None:
            os.environ[log.RUN] = before


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[threading.Event]:
    """Turn SIGTERM into `SystemExit`, so that the end is recorded; only the main thread can."""
    killed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield killed
        return

    def end(_number: int, _frame: FrameType | None) -> None:
        killed.set()
        raise SystemExit(TERMINATED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield killed
    finally:
        signal.signal(signal.SIGTERM, before)


def _used() -> dict[str, float]:
    """Return processor time with that of ended children, and disk traffic, of this process so far."""
    parts = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    used = {"cpu_user_s": sum(p.ru_utime for p in parts), "cpu_system_s": sum(p.ru_stime for p in parts)}
    with contextlib.suppress(OSError, ValueError):
        traffic = dict(line.split(": ") for line in Path("/proc/self/io").read_text(encoding="ascii").splitlines())
        used |= {"read_bytes": int(traffic["read_bytes"]), "written_bytes": int(traffic["write_bytes"])}
    return used


def _measured(before: dict[str, float], began: float) -> dict[str, Any]:
    parts = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    unit = 1 if sys.platform == "darwin" else 1024
    now = _used()
    spent = {name: now[name] - value for name, value in before.items() if name in now}
    return {"wall_s": time.monotonic() - began, "max_rss_bytes": max(p.ru_maxrss for p in parts) * unit, **spent}
