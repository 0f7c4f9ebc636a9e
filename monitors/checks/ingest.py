"""Ingest: how long new files took, how old their data were, and what still waits."""

from __future__ import annotations

import os
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from archive.catalog import backlog
from archive.store import Home
from monitors.base import Context, Finding, Metric, Monitor, Result

#: New files looked at in one run; the next run goes on from there.
AT_ONCE = 20_000

#: Files counted in the drop folder.
IN_FOLDER = 100_000

POINTS = ("0.5", "0.9", "0.99")


class Ingest(Monitor):
    """Looks at every file once, and at the queue each time.

    Options: ``queued_warn_s`` (3600): age of the oldest waiting job that is a warning; ``incoming_warn_s`` (3600): the
    same for a file in the drop folder; ``slow_s`` (600): 90 % point of the time of ingest that is a warning.
    """

    name = "ingest"
    title = "Ingest"
    schedule = "*/15 * * * *"
    grace = "10m"
    max_runtime = "10m"

    def run(self, context: Context) -> Result:
        """Measure, and say what waits too long."""
        limits = {name: float(context.options.get(name, 3600)) for name in ("queued_warn_s", "incoming_warn_s")}
        slow = float(context.options.get("slow_s", 600))
        new = context.new_files(limit=AT_ONCE)
        with context.catalog.read() as conn:
            took = backlog.latency(conn, [row.id for row in new.rows])
            jobs = backlog.jobs(conn, context.now)
        waiting, oldest = incoming(Home(context.settings.home).incoming)
        metrics = [
            Metric("new_files", len(new.rows)),
            Metric("new_bytes", sum(row.size for row in new.rows), "B"),
            Metric("incoming_files", waiting),
            Metric("incoming_oldest_seconds", oldest, "s"),
        ]
        findings = []
        for row in took:
            labels = {"instrument": row.instrument, "product": row.product}
            metrics.append(Metric("received_files", row.n, "", labels))
            for name, points in (("ingest_seconds", row.ingest_s), ("data_age_seconds", row.data_age_s)):
                metrics += [
                    Metric(name, value, "s", {**labels, "quantile": point})
                    for point, value in zip(POINTS, points or (None,) * 3, strict=True)
                ]
            if row.ingest_s and row.ingest_s[1] is not None and row.ingest_s[1] > slow:
                message = (
                    f"One in ten new files of {row.instrument} {row.product} took more than {row.ingest_s[1]:.0f} s "
                    "from request to catalog; start more workers with `pinakes work --workers N`."
                )
                findings.append(Finding("ingest_slow", message, "warning", f"{row.instrument}/{row.product}", row.n))
        for job in jobs:
            metrics += queue_metrics(job, context.now)
            findings += queue_findings(job, context.now, limits["queued_warn_s"])
        if oldest is not None and oldest > limits["incoming_warn_s"]:
            message = (
                f"{waiting} files wait in incoming/, the oldest since {oldest / 3600:.1f} h; run `pinakes ingest`."
            )
            findings.append(Finding("incoming_waits", message, "warning", "", waiting))
        return Result(
            message=f"{len(new.rows)} new files; {sum(job.n_queued for job in jobs)} jobs wait.",
            n_in=len(new.rows) + sum(job.n_queued for job in jobs) + waiting,
            metrics=metrics,
            findings=findings,
        )


def incoming(folder: Path) -> tuple[int, float | None]:
    """Return how many files wait in the drop folder, and the age of the oldest in seconds; hidden ones are ours."""
    count, oldest = 0, None
    waiting = [folder]
    while waiting and count < IN_FOLDER:
        try:
            with os.scandir(waiting.pop()) as listing:
                for entry in listing:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
                    elif entry.is_file(follow_symlinks=False):
                        count += 1
                        came = entry.stat(follow_symlinks=False).st_ctime
                        oldest = came if oldest is None else min(oldest, came)
        except (FileNotFoundError, PermissionError):
            continue  # taken in meanwhile, or for the file-system monitor to tell
    return count, None if oldest is None else max(0.0, time.time() - oldest)


def queue_metrics(job: Any, now: datetime) -> list[Metric]:
    """Return the numbers of one kind of job."""
    labels = {"kind": job.kind}
    counts = {
        "queued": job.n_queued, "running": job.n_running, "abandoned": job.n_abandoned, "failed": job.n_failed,
        "given_up": job.n_given_up,
    }  # fmt: skip
    age = None if job.oldest_queued is None else (now - job.oldest_queued).total_seconds()
    return [
        *(Metric("jobs", count, "", {**labels, "state": state}) for state, count in counts.items()),
        Metric("oldest_queued_seconds", age, "s", labels),
    ]


def queue_findings(job: Any, now: datetime, limit: float) -> list[Finding]:
    """Return what is wrong with the queue of one kind of job."""
    found = []
    age = 0.0 if job.oldest_queued is None else (now - job.oldest_queued).total_seconds()
    if age > limit:
        message = f"{job.n_queued} jobs {job.kind!r} wait, the oldest since {age / 3600:.1f} h; run `pinakes work`."
        found.append(Finding("jobs_wait", message, "warning", job.kind, job.n_queued))
    if job.n_abandoned:
        message = f"{job.n_abandoned} jobs {job.kind!r} were left by workers that died; `pinakes work` takes them over."
        found.append(Finding("jobs_abandoned", message, "warning", job.kind, job.n_abandoned))
    return found
