"""A page per run that failed: everything its row says, the end of what it printed, what it found and measured."""

from __future__ import annotations

import json
from uuid import UUID

from sqlalchemy import Connection

from archive.catalog import runs
from monitors.site import queries, tables, text
from monitors.site.monitor_rows import monitor_page, run_page, run_state
from monitors.site.publish import Publisher
from monitors.site.queries import timed
from monitors.site.shell import Link, Shell
from monitors.site.tables import Column, Table


def publish_run(publisher: Publisher, conn: Connection, shell: Shell, run_id: UUID) -> None:
    """Write the page of a run. A run that has ended does not change: a page that is there stays."""
    path = run_page(run_id)
    if publisher.holds(path):
        publisher.report.unchanged += 1
        return
    with timed(conn, "run"):
        row = runs.run(conn, run_id)
        findings = runs.findings(conn, run_id, limit=200)
        written = runs.tables(conn, run_id)
    rest = Table((Column("Name"), Column("Value", kind="prose")))
    for name, value in row._asdict().items():
        shown = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
        if name not in ("output_tail", "name") and value is not None:
            rest.rows.append([tables.words(name.replace("_", " ")), tables.words(shown)])
    wrote = Table((Column("Table"), Column("Rows", kind="number")))
    wrote.rows.extend([tables.words(table), tables.number(count)] for table, count in written)
    found = Table((Column("Severity"), Column("Finding"), Column("Of", kind="name"), Column("Message", kind="prose")))
    for finding in findings:
        severity = tables.words(finding.severity, state=finding.severity)
        code, subject = tables.words(finding.code.replace("_", " ")), tables.words(finding.subject)
        found.rows.append([severity, code, subject, tables.words(finding.message)])
    values = {
        "up": [Link("Monitors", "monitors/index.html"), Link(row.name, monitor_page(row.name))],
        "facts": [
            ("State", run_state(row.state), False),
            ("Started (UTC)", tables.time(row.started, digits=3), False),
            ("Ended (UTC)", tables.time(row.ended, digits=3), False),
            ("Took", tables.duration(row.wall_s), False),
            ("For (UTC)", tables.time(row.scheduled_for), False),
            ("Exit code, signal", tables.words(f"{_word(row.exit_code)}, {_word(row.signal)}"), False),
            ("Peak memory", tables.size(row.max_rss_bytes), False),
            ("Code", tables.words(f"pinakes {row.version}"), False),
            ("Error", tables.words(row.error_type), False),
            ("What happened", tables.words(row.error_message or row.message), True),
            ("Log, below the archive home", tables.words(row.log_path or "removed"), True),
        ],
        "output": output(row.output_tail),
        "written": wrote,
        "findings": found,
        "rest": rest,
        "statements": [("The run", queries.RUN.shown(run_id=run_id))],
    }
    title = f"Run of {row.name}, {text.utc(row.started)} UTC"
    publisher.page(path, shell.render("run.html", path, title, **values))


def output(tail: str | None) -> list[str]:
    """Return what a run printed as lines of printable text."""
    return [text.plain(line) for line in (tail or "").splitlines()]


def _word(value: object) -> str:
    return "none" if value is None else str(value)
