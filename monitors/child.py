"""The process of one run: ``python -m monitors.child`` with its orders on standard input.

It loads the monitor, runs it, and enters what it returns in one transaction with the end of the run. What it could not
enter it tells its supervisor, through the descriptor named by ``PINAKES_REPORT_FD``.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import logging
import os
import signal
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from archive import log
from archive.access import Access
from monitors.base import Context, Result, Status, load
from monitors.guard import Means
from monitors.supervise import REPORT

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from archive.config import Settings

#: prctl(2): the signal this process gets when the one that started it dies.
PR_SET_PDEATHSIG = 1


class RunLostError(RuntimeError):
    """The run was closed by somebody else while it went on; its results are not stored."""


class RunLog(log.LineFile):
    """The log file of the run: writes the records of every logger, and counts them."""

    def __init__(self, path: Path, run_id: str, environment: str = "", access: Access | None = None) -> None:
        super().__init__(path, run_id, access, environment)
        self.warnings = 0
        self.errors = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Append one record."""
        self.errors += record.levelno >= logging.ERROR
        self.warnings += logging.WARNING <= record.levelno < logging.ERROR
        super().emit(record)

    def unwritten(self, line: bytes, error: OSError) -> None:
        """Give a record that the file does not take to the supervisor, with what is printed."""
        del error
        sys.stderr.write(line.decode("ascii"))
        sys.stderr.flush()


def main() -> int:
    """Carry out the orders on standard input; returns the exit code."""
    _die_with_parent()
    order = json.loads(sys.stdin.buffer.read())
    lines = RunLog(Path(order["log"]), order["run_id"], order["environment"])
    logging.getLogger().addHandler(lines)
    logging.captureWarnings(True)
    logging.getLogger(log.LOGGER).setLevel(logging.INFO)
    report: dict[str, Any] = {"closed": False}
    context: Context | None = None
    try:
        state, result, context = _run(order)
        report |= {"closed": True, "state": state, "message": result.message}
    except BaseException as error:
        log.get(f"monitor.{order['name']}").error("the run failed", exc_info=error)
        report["error"] = describe(error)
    report["measures"] = {"n_warnings": lines.warnings, "n_errors": lines.errors}
    _tell(report)
    if context is None or report.get("state") is Status.FAILURE:
        return 1
    _afterwards(context)
    return 0


def _run(order: dict[str, Any]) -> tuple[Status, Result, Context]:
    from archive.catalog import Catalog
    from archive.config import open_home

    settings = open_home(Path(order["home"]))
    settings.set_umask()
    monitor = load(order["name"])
    window = order["window"] and tuple(datetime.fromisoformat(t) for t in order["window"])
    with Catalog.connect(settings) as catalog:
        table = settings.monitor.get(order["name"])
        context = Context(
            catalog=catalog,
            settings=settings,
            run_id=UUID(order["run_id"]),
            monitor_id=order["monitor_id"],
            algorithm=monitor.algorithm,
            now=window[1] if window else datetime.fromisoformat(order["started"]),
            scheduled_for=order["scheduled_for"] and datetime.fromisoformat(order["scheduled_for"]),
            window=window or None,
            options={} if table is None else table.options,
            log=log.get(f"monitor.{order['name']}"),
            advance=order["advance"],
            means=Means(**order["means"]),
        )
        result = monitor.run(context)
    if not isinstance(result, Result):
        raise TypeError(f"The monitor {order['name']} returned {type(result).__name__} and no Result.")
    return _close(settings, context, result, order["patience"]), result, context


def _afterwards(context: Context) -> None:
    """Do what is to be done once the run is closed; the run stays as it was closed, whatever becomes of this."""
    from archive.catalog import Catalog

    for action in context.followers:
        try:
            with Catalog.connect(context.settings) as catalog:
                action(catalog)
        except Exception as error:
            context.log.error("what was to follow the run failed: %s", describe(error)["error_message"], exc_info=error)


def _close(settings: Settings, context: Context, result: Result, patience: float) -> Status:
    """Enter the results and the end of the run in one transaction; waits for a database that is away."""
    from archive.catalog.patience import patiently

    state = Status(result.ended)
    metrics = [
        {"name": m.name, "value": None if m.value is None else float(m.value), "unit": m.unit,
         "labels": {str(k): str(v) for k, v in m.labels.items()}}
        for m in result.metrics
    ]  # fmt: skip
    findings = [
        {"code": f.code, "subject": f.subject, "severity": f.severity, "message": f.message, "count": int(f.count),
         "facts": dict(f.facts)}
        for f in (*result.findings, *context.left_out)
    ]  # fmt: skip
    patiently(settings, lambda conn: _enter(conn, context, result, state, metrics, findings), seconds=patience)
    return state


def _enter(
    conn: Connection, context: Context, result: Result, state: Status, metrics: list[Any], findings: list[Any]
) -> None:
    from archive.catalog import run_record
    from archive.catalog.bulk import copy_rows, upsert

    done = result.n_done if result.n_done is not None or result.n_in is None else (
        result.n_in - result.n_skipped - result.n_failed
    )  # fmt: skip
    left_out = len(context.left_out)
    n_in = None if result.n_in is None else result.n_in + left_out
    counts = {"n_in": n_in, "n_done": done, "n_skipped": result.n_skipped + left_out, "n_failed": result.n_failed}
    failed = {"error_type": "Failure", "error_message": result.message or "It reported a failure."}
    data = dict(zip(("data_start", "data_end"), context.data or (None, None), strict=True))
    values = {"message": result.message, **counts, **data, **(failed if state is Status.FAILURE else {})}
    # Closing first locks the row: nobody can call the run dead any more while its results are written.
    if not run_record.close_run(conn, context.run_id, state, datetime.now(UTC), **values):
        if run_record.state_of(conn, context.run_id) in tuple(Status):
            return  # an earlier try was committed, only the answer was lost
        raise RunLostError("The run was closed by somebody else while it went on; its results are not stored.")
    before = run_record.touched(conn)
    if state is not Status.FAILURE:
        for write in context.writes:
            if write.key is None:
                copy_rows(conn, write.table, write.columns)
            else:
                upsert(conn, write.table, write.columns, write.key, write.update)
        for action in context.closers:
            action(conn)
    run_record.store_results(
        conn, context.run_id, context.monitor_id, context.now, metrics=metrics, findings=findings,
        tables=run_record.touched(conn, before),
        marks={} if state is Status.FAILURE else context.marks, algorithm=context.algorithm,
    )  # fmt: skip


def describe(error: BaseException) -> dict[str, str]:
    """Return type, message and fingerprint of an error; the same place gives the same fingerprint."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{Path(frame.filename).name}:{frame.name}" for frame in frames]
    text = "\n".join([type(error).__qualname__, *places])
    message = log.redact(" ".join(str(error).replace("\0", "").split()))[:2000]
    return {
        "error_type": type(error).__qualname__,
        "error_message": message or type(error).__qualname__,
        "error_fingerprint": hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16],
    }


def _tell(report: dict[str, Any]) -> None:
    fd = os.environ.get(REPORT)
    if fd is not None:
        with os.fdopen(int(fd), "wb") as stream:
            stream.write(json.dumps(report, default=str).encode())


def _die_with_parent() -> None:
    """Ask the system to end this process when its supervisor dies: nobody would hold the lock of the run any more."""
    parent = os.getppid()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
