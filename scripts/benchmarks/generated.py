"""Rows of a large archive, by COPY: files, events, monitors and their runs, as many as asked for."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np

from archive.catalog import Catalog, reference
from archive.catalog.bulk import copy_rows
from archive.catalog.schema import core, monitors
from archive.instruments.base import instruments

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MONITORS = 40
CHUNK = 100_000


def fill(catalog: Catalog, files: int, events: int, runs: int) -> None:
    """Write rows of ten years of files and events, and of a year of monitor runs; no file lies on disk."""
    with catalog.begin() as conn:
        for found in instruments().values():
            reference.ensure_instrument(conn, found)
        products = {name: key for (owner, name), key in reference.product_ids(conn).items() if owner == "idex"}
        (instrument_id,) = (row.id for row in conn.execute(core.instrument.select()) if row.name == "idex")
        for start in range(0, files, CHUNK):
            copy_rows(conn, core.file, file_rows(start, min(start + CHUNK, files), files, list(products.values())))
        for start in range(0, events, CHUNK):
            copy_rows(conn, core.event, event_rows(start, min(start + CHUNK, events), events, instrument_id))
        fill_monitors(conn, runs)
    with catalog.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        for table in ("core.file", "core.event", "ops.monitor_run", "ops.metric", "ops.finding"):
            conn.exec_driver_sql(f"vacuum (analyze) {table}")


def file_rows(start: int, stop: int, total: int, products: list[int]) -> dict[str, Any]:
    numbers = range(start, stop)
    times = [NOW - timedelta(days=3650) * (1 - (n + 1) / total) for n in numbers]
    names = [f"idex_l0_{t:%Y%m%d}_{n:07d}.pkts" for n, t in zip(numbers, times, strict=True)]
    return {
        "id": [n + 1 for n in numbers],
        "product_id": [products[n % len(products)] for n in numbers],
        "relpath": [f"files/idex/l0/{t:%Y/%m}/{name}" for name, t in zip(names, times, strict=True)],
        "original_name": names,
        "received": [n % len(products) == 0 for n in numbers],
        "sha256": [hashlib.sha256(str(n).encode()).hexdigest() for n in numbers],
        "size": [1000 + n % 100_000 for n in numbers],
        "t_start": times,
        "t_end": [t + timedelta(minutes=4) for t in times],
        "state": ["missing" if n % 100_000 == 7 else "available" for n in numbers],
        "header": [{"packets": n, "apids": [1418, 1419], "clock": "set"} for n in numbers],
        "created_at": [t + timedelta(hours=2) for t in times],
    }


def event_rows(start: int, stop: int, total: int, instrument_id: int) -> dict[str, Any]:
    numbers = range(start, stop)
    kinds = ("dust", "noise", "pulser")
    return {
        "instrument_id": [instrument_id] * len(numbers),
        "identity": [f"idex-{n:08d}" for n in numbers],
        "file_id": [n + 1 for n in numbers],
        "kind": [kinds[n % 3] for n in numbers],
        "seq": list(numbers),
        "t": [NOW - timedelta(days=3650) * (1 - (n + 1) / total) for n in numbers],
        "tick": list(numbers),
        "flags": [n % 4 for n in numbers],
        "preference": [str(n) for n in numbers],
    }


def fill_monitors(conn: Any, runs: int, count: int = MONITORS) -> None:
    """Write `count` monitors with their runs over a year, five metrics, and one finding of every hundredth run."""
    names = [f"check-{n:02d}" for n in range(count)]
    conn.execute(
        monitors.monitor.insert(),
        [
            {"name": name, "title": f"Check number {name[-2:]}", "kind": "code", "schedule": "*/5 * * * *",
             "grace_s": 900, "max_runtime_s": 3600, "early_s": 120, "failure_threshold": 1, "recovery_threshold": 1,
             "flap_changes": 6, "flap_window_s": 86400, "enabled": True, "declared_at": NOW - timedelta(days=400)}
            for name in names
        ],
    )  # fmt: skip
    keys = [row.id for row in conn.execute(monitors.monitor.select().order_by(monitors.monitor.c.id))]
    step = timedelta(days=365) * count / max(runs, 1)
    dice = np.random.default_rng(1)
    states = dice.choice(["success", "success", "success", "no_work", "failure"], runs).tolist()
    states[-count:] = ["failure" if n % 10 == 0 else "success" for n in range(count)]
    started = [NOW - step * ((runs - 1 - n) // count) - timedelta(seconds=60) for n in range(runs)]
    ids = [run_id(t, n) for n, t in enumerate(started)]
    owners = [keys[n % count] for n in range(runs)]
    wall = dice.gamma(2.0, 2.0, runs)
    copy_rows(
        conn, monitors.monitor_run,
        {
            "run_id": ids, "monitor_id": owners, "state": states, "cause": ["schedule"] * runs,
            "scheduled_for": started, "started": started, "heartbeat": started, "host": ["host"] * runs,
            "boot_id": ["boot"] * runs,
            "ended": [t + timedelta(seconds=w) for t, w in zip(started, wall.tolist(), strict=True)],
            "wall_s": wall, "pid_namespace": ["1"] * runs, "pid": list(range(runs)), "user_name": ["pinakes"] * runs,
            "version": ["0.1.0"] * runs, "n_in": list(range(runs)), "n_done": list(range(runs)),
            "max_rss_bytes": [60_000_000 + n for n in range(runs)],
        },
    )  # fmt: skip
    measured = [n for n in range(runs) if n >= runs - 400 * count for _ in range(5)]
    copy_rows(
        conn, monitors.metric,
        {
            "run_id": [ids[n] for n in measured], "monitor_id": [owners[n] for n in measured],
            "name": [f"value_{i % 5}_seconds" for i in range(len(measured))], "at": [started[n] for n in measured],
            "value": dice.normal(size=len(measured)), "unit": ["s"] * len(measured),
        },
    )  # fmt: skip
    found = [n for n in range(runs) if n % 100 == 0 or n >= runs - 5]
    copy_rows(
        conn, monitors.finding,
        {
            "run_id": [ids[n] for n in found], "monitor_id": [owners[n] for n in found],
            "severity": ["warning"] * len(found), "code": ["value_high"] * len(found),
            "subject": [f"thing {n % 7}" for n in found], "message": ["The value is high; look at it."] * len(found),
            "since": [started[n] for n in found],
        },
    )  # fmt: skip


def run_id(started: datetime, number: int) -> str:
    """Return a version 7 UUID with a number in place of its random part."""
    return str(UUID(int=(int(started.timestamp() * 1000) << 80) | (7 << 76) | (2 << 62) | number))
