"""The newest metrics as a Prometheus text file, for the textfile collector of the node exporter.

Format: Prometheus text exposition format 0.0.4. Every metric gets the prefix ``pinakes_`` and the label ``monitor``;
the state of every job comes with them.
"""

from __future__ import annotations

import math
import os
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from archive.access import Access
from archive.catalog import runs
from monitors.health import Level
from monitors.survey import survey

PREFIX = "pinakes_"
Sample = tuple[str, Mapping[str, str], float]

HELP = {
    "job_up": "1: up, 0: down; absent: not known.",
    "job_last_start_timestamp_seconds": "Start of the last run, seconds since 1970.",
    "job_last_success_timestamp_seconds": "End of the last good run, seconds since 1970.",
    "job_next_due_timestamp_seconds": "When the next start is due, seconds since 1970.",
    "job_last_run_seconds": "How long the last ended run took.",
    "textfile_timestamp_seconds": "When this file was written, seconds since 1970.",
}


def render(conn: Connection, now: datetime) -> str:
    """Return the text: the newest metrics of every monitor, and the state of every job."""
    return exposition([*stored(conn), *states(conn, now)])


def stored(conn: Connection) -> Iterable[Sample]:
    """Yield the metrics of the newest good run of every monitor; those without a value are left out."""
    for row in runs.newest_metrics(conn):
        if row.value is not None:
            yield row.name, {"monitor": row.monitor, **row.labels}, row.value


def states(conn: Connection, now: datetime) -> Iterable[Sample]:
    """Yield the state of every job."""
    yield "textfile_timestamp_seconds", {}, now.timestamp()
    for standing in survey(conn, now):
        labels, health = {"monitor": standing.name}, standing.health
        if health.level is not Level.UNKNOWN:
            yield "job_up", labels, float(health.level is Level.UP)
        if health.next_due is not None:
            yield "job_next_due_timestamp_seconds", labels, health.next_due.timestamp()
        if standing.runs:
            yield "job_last_start_timestamp_seconds", labels, standing.runs[0].started.timestamp()
        ended = [run for run in standing.runs if run.ended is not None]
        good = [run.ended for run in ended if run.state in ("success", "no_work") and run.ended is not None]
        if good:
            yield "job_last_success_timestamp_seconds", labels, good[0].timestamp()
        if ended and ended[0].ended is not None:
            yield "job_last_run_seconds", labels, (ended[0].ended - ended[0].started).total_seconds()


def exposition(samples: Iterable[Sample]) -> str:
    """Return samples in the text format: one block a name, each series once, what is no name made one.

    When one series comes twice, the last counts: the format allows it once.
    """
    blocks: dict[str, dict[str, float]] = defaultdict(dict)
    meanings: dict[str, str] = {}
    for name, labels, value in samples:
        full = PREFIX + re.sub(r"[^a-zA-Z0-9_:]", "_", name)
        meanings.setdefault(full, HELP.get(name, f"{name} as a monitor measured it."))
        blocks[full][_labels(labels)] = value
    lines = []
    for name in sorted(blocks):
        lines += [f"# HELP {name} {_escape_help(meanings[name])}", f"# TYPE {name} gauge"]
        lines += [f"{name}{labels} {_number(value)}" for labels, value in sorted(blocks[name].items())]
    return "".join(line + "\n" for line in lines)


def publish(path: Path, text: str, access: Access) -> None:
    """Write the file under a temporary name and rename it, so that the collector never reads half of it."""
    access.folders(path.parent)
    # The collector takes files that end in .prom: the temporary name must not.
    handle, part = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fchmod(stream.fileno(), 0o644)  # the collector runs under another account
            access.file(stream.fileno())
            os.fsync(stream.fileno())
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    parts = (f'{_label_name(name)}="{_escape_value(str(value))}"' for name, value in sorted(labels.items()))
    return "{" + ",".join(parts) + "}"


def _label_name(name: str) -> str:
    made = re.sub(r"[^a-zA-Z0-9_]", "_", name)
    made = made if re.match(r"[a-zA-Z_]", made) else "_" + made
    return made if not made.startswith("__") else "x" + made  # two underscores are reserved


def _escape_value(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _escape_help(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(float(value)) if value != int(value) or abs(value) >= 1e15 else str(int(value))
